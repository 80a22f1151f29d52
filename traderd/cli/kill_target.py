"""Which exchange a kill is about: the one that the daemon of the state directory really traded on.

Owns: the choice between the configuration of now and what the daemon noted when it started, and the words for both.
Must not: read an exchange, or ask a daemon.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

import attrs
import msgspec

from traderd.config import Config
from traderd.config_secrets import mask_key_id
from traderd.runtime.env import Env
from traderd.services.remote_exchange import remote_endpoints
from traderd.store.journal import LOCK_FILE
from traderd.store.lock import is_held
from traderd.store.traded_exchange import TRADED_FILE, TradedExchange, read_traded_exchange

EMBEDDED_WORDS: Final = "the daemon's embedded exchange"


@attrs.frozen(kw_only=True)
class KillTarget:
    """Where to look, and what else has to be true before nothing rests."""

    config: Config
    """That of the command line, with environment, address and key of the exchange in question."""
    traded: TradedExchange | None
    """What the newest daemon of this directory noted; None: none has traded from here."""
    note: str = ""
    """Why it is not the exchange of the configuration, empty where it is."""

    @property
    def exchange(self) -> str:
        """Return it for people: an address, or that it lives in the daemon."""
        if self.config.embedded:
            return EMBEDDED_WORDS
        return remote_endpoints(self.config).rest_url or "no address"

    @property
    def also_embedded(self) -> bool:
        """Tell whether the daemon has an exchange of its own beside the one that is read."""
        return not self.config.embedded and self.traded is not None and self.traded.embedded


async def find_target(config: Config, env: Env) -> KillTarget:
    """Return which exchange to kill at: what the daemon noted goes before a configuration that names another."""
    traded = await env.run_blocking(read_traded_exchange, config.state_path())
    if traded is None or traded.embedded or _is_same(config, traded):
        return KillTarget(config=config, traded=traded)
    named = EMBEDDED_WORDS if config.embedded else remote_endpoints(config).rest_url
    path = config.state_path() / TRADED_FILE
    return KillTarget(
        config=_config_of(config, traded),
        traded=traded,
        note=f"the configuration names {named} with key {mask_key_id(config.exchange.key_id) or 'none'}, but the daemon traded on "
        f"{traded.rest_url} with key {mask_key_id(traded.key_id)}: that is where orders are cancelled ({path} says so; "
        "remove it to go by the configuration)",
    )


def why_not_over(target: KillTarget, directory: Path) -> str:
    """Return why an embedded exchange may live although no daemon answers, empty when it ended with its daemon."""
    if target.traded is None:
        return (
            f"no daemon has traded from {directory}, so nobody knows which exchange is meant and none was read; name "
            "the --environment or the --state-dir of your daemon"
        )
    if is_held(directory / LOCK_FILE):
        return (
            f"a daemon holds {directory / LOCK_FILE} and does not answer, and only it can cancel on its embedded "
            "exchange; end that process, its exchange and the orders end with it"
        )
    return ""


def _is_same(config: Config, traded: TradedExchange) -> bool:
    if config.embedded:
        return False
    same = remote_endpoints(config).rest_url == traded.rest_url
    return same and config.exchange.key_id == traded.key_id


def _config_of(config: Config, traded: TradedExchange) -> Config:
    exchange = msgspec.structs.replace(
        config.exchange,
        embedded=False,
        rest_url=traded.rest_url,
        ws_url=traded.ws_url,
        key_id=traded.key_id,
        key_file=traded.key_file,
    )
    return msgspec.structs.replace(
        config,
        environment=traded.environment,
        # The environment's own directory would be another one.
        state_dir=str(config.state_path()),
        exchange=exchange,
    )
