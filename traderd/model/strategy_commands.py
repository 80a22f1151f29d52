"""Asks about running strategies.

Owns: their types; `commands.py` lists them with all others.
Must not: hold facts (see `strategy_events.py`).
"""

from __future__ import annotations

from typing import Any, TypeAlias

import attrs

from traderd.model.ids import StrategyName
from traderd.model.state_events import Author


@attrs.frozen(kw_only=True)
class SetStrategyParameter:
    """Change one live-tunable parameter of a running strategy until the daemon ends."""

    strategy: StrategyName
    name: str
    value: str
    author: Author = Author.PERSON
    by: str = ""


@attrs.frozen(kw_only=True)
class ReleaseStrategy:
    """Let a quarantined strategy trade again."""

    strategy: StrategyName
    author: Author = Author.PERSON
    by: str = ""


@attrs.frozen(kw_only=True)
class ReplaceStrategy:
    """Exchange a running strategy's code: drain it, swap it, let the new one adopt its live orders.

    A name that does not run yet is started, if the configuration enables it. When the new one cannot be made, the answer
    is DENIED and the old one goes on untouched.
    """

    strategy: StrategyName
    spec: Any
    """A `plugin_api.StrategySpec`; None takes the strategy away and cancels its orders."""
    why: str = ""
    """For the log and the journal: `plugins/mine.py changed`."""
    author: Author = Author.PERSON
    by: str = ""


StrategyCommand: TypeAlias = SetStrategyParameter | ReleaseStrategy | ReplaceStrategy
