"""The names of the stages: the one word that a service, a state and a log line share.

Owns: which built-in service is which step of the way up.
Must not: hold anything else.
"""

from __future__ import annotations

from typing import Final

MARKET_DATA: Final = "market_data"
TRADING_CLIENT: Final = "trading_client"
SYNC: Final = "sync"

CLIMB: Final = (MARKET_DATA, TRADING_CLIENT, SYNC)
"""In order; with trading off only the first."""
