"""Where the daemon trades: the exchange of its own, or one that is elsewhere, with the client that talks to it.

Owns: opening the REST client and the port of the embedded exchange; leaving the block closes both.
Must not: serve the exchange (its service does), or decide anything about trading.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

import structlog
import trio

from traderd.config import Config
from traderd.errors import AlreadyRunning
from traderd.kalshi.auth import Signer, generate_key, parse_signer
from traderd.kalshi.hosts import Endpoints, check_endpoints
from traderd.kalshi.limits import Shares
from traderd.kalshi.rest import RestClient, open_rest
from traderd.runtime.env import Env
from traderd.services.context import EmbeddedAddress, Venue
from traderd.services.remote_exchange import remote_exchange

EMBEDDED_HOST: Final = "127.0.0.1"
EMBEDDED_KEY_SOURCE: Final = "the key of the embedded exchange"
CLOSE_BUDGET_S: Final = 1.0
"""Bounds the closing of a port that nobody took."""


@asynccontextmanager
async def open_venue(config: Config, env: Env) -> AsyncIterator[Venue]:
    """Open the exchange of the configuration; raises ConfigError when its host, key or port does not fit."""
    embedded: EmbeddedAddress | None = None
    if config.embedded:
        _warn_of_ignored_settings(config)
        embedded, endpoints, signer = await _embedded_exchange(config, env)
    else:
        endpoints, signer = remote_exchange(config)
    try:
        check_endpoints(config.environment, endpoints)
        shares = Shares(
            place=config.rate_limits.place_percent,
            reserve=config.rate_limits.cancel_reserve_percent,
        )
        async with open_rest(
            env=env, base_url=endpoints.rest_url, signer=signer, shares=shares
        ) as rest:
            yield _venue(endpoints, signer, rest, embedded)
    finally:
        if embedded is not None:
            with trio.move_on_after(CLOSE_BUDGET_S, shield=True):
                await embedded.close_unused()


def _venue(
    endpoints: Endpoints, signer: Signer, rest: RestClient, embedded: EmbeddedAddress | None
) -> Venue:
    return Venue(
        rest_url=endpoints.rest_url,
        ws_url=endpoints.ws_url,
        signer=signer,
        rest=rest,
        embedded=embedded,
    )


async def _embedded_exchange(config: Config, env: Env) -> tuple[EmbeddedAddress, Endpoints, Signer]:
    try:
        listener, port = await env.listen(EMBEDDED_HOST, config.exchange.port)
    except OSError as exc:
        raise AlreadyRunning(
            f"{EMBEDDED_HOST}:{config.exchange.port} is taken; set exchange.port to 0 or a free port"
        ) from exc
    private_pem, _ = generate_key("ed25519")
    signer = parse_signer(env.new_id(), private_pem, source=EMBEDDED_KEY_SOURCE)
    address = EmbeddedAddress(EMBEDDED_HOST, port, listener)
    endpoints = Endpoints(
        rest_url=f"http://{address.address}/trade-api/v2",
        ws_url=f"ws://{address.address}/trade-api/ws/v2",
    )
    return address, endpoints, signer


def _warn_of_ignored_settings(config: Config) -> None:
    names = ("rest_url", "ws_url", "key_id", "key_file")
    ignored = [f"exchange.{name}" for name in names if getattr(config.exchange, name)]
    if ignored:
        structlog.get_logger("traderd").warning(
            f"{', '.join(ignored)} not used: sim trades on its own exchange; choose --environment paper "
            "for Kalshi's demo, or set exchange.embedded = false"
        )
