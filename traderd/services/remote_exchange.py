"""Where the exchange of a configuration is, the key for it, and the note of which one a daemon trades on.

Owns: what the settings leave to the environment; the daemon and the kill switch's own process ask the same question.
Must not: open a connection.
"""

from __future__ import annotations

from pathlib import Path

from traderd.config import Config
from traderd.errors import ConfigError
from traderd.kalshi.auth import Signer, load_signer
from traderd.kalshi.hosts import ENDPOINTS, Endpoints
from traderd.store.traded_exchange import TradedExchange


def remote_exchange(config: Config) -> tuple[Endpoints, Signer]:
    """Return the addresses and the signer of an exchange that is not embedded; raises ConfigError about the key."""
    settings = config.exchange
    if not (settings.key_id and settings.key_file):
        raise ConfigError(
            "exchange.key_id (KALSHI_API_KEY_ID) and exchange.key_file (KALSHI_PRIVATE_KEY_PATH) must be set for "
            f"{config.environment}; set both, or name the --config or --state-dir of the daemon that is meant"
        )
    signer = load_signer(settings.key_id, Path(settings.key_file).expanduser())
    return remote_endpoints(config), signer


def usual_endpoints(environment: str) -> Endpoints:
    """Return Kalshi's addresses for an environment, empty ones where there are none."""
    name = "production" if environment == "local" else environment
    return ENDPOINTS.get(name, Endpoints(rest_url="", ws_url=""))


def remote_endpoints(config: Config) -> Endpoints:
    """Return the addresses of an exchange that is not embedded; an empty one was never given."""
    settings, known = config.exchange, usual_endpoints(config.environment)
    return Endpoints(
        rest_url=settings.rest_url or known.rest_url, ws_url=settings.ws_url or known.ws_url
    )


def traded_exchange(config: Config, *, rest_url: str, ws_url: str) -> TradedExchange:
    """Return what a daemon notes about the exchange that it is about to trade on."""
    given = config.exchange
    remote = not config.embedded
    return TradedExchange(
        environment=config.environment,
        embedded=config.embedded,
        rest_url=rest_url,
        ws_url=ws_url,
        key_id=given.key_id if remote else "",
        # Whoever reads it may stand in another directory.
        key_file=str(Path(given.key_file).expanduser().absolute()) if remote else "",
    )
