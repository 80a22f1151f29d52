"""The embedded exchange as a service: what `sim` trades on.

Owns: running it at the address that the rest of the daemon was told. It is reached over real HTTP and WebSocket
like any exchange; nothing in the daemon calls it directly.
Must not: share anything with the trading side but its address and the account's key.
"""

from __future__ import annotations

from functools import partial
from typing import Final

import trio

from traderd.config import Config
from traderd.model.units import parse_money
from traderd.plugin_api import OnCrash, Service, hookimpl
from traderd.services.context import Context

EXTRA: Final = "paper_exchange"
"""Where tests find the running exchange, to flip its faults."""


@hookimpl
def traderd_services(config: Config) -> list[Service]:
    """Contribute the exchange when the configuration embeds one."""
    if not config.embedded:
        return []
    return [Service(name="paper_exchange", run=run, on_crash=OnCrash.DEGRADE)]


async def run(context: Context, *, task_status: trio.TaskStatus[None]) -> None:
    """Serve the exchange until cancelled."""
    from traderd.kalshi.auth import load_public_key
    from traderd.paper.running import run_paper_exchange
    from traderd.paper.scenario import default_scenario

    embedded = context.venue.embedded
    assert embedded is not None, (
        "the configuration embeds an exchange, so there is an address for it"
    )
    listener = await embedded.take_listener(context.env)
    settings = context.config.exchange
    async with trio.open_nursery() as nursery:
        exchange = await nursery.start(
            partial(
                run_paper_exchange,
                env=context.env,
                listener=listener,
                address=embedded.address,
                scenario=default_scenario(),
                seed=settings.seed,
                accounts={},
                flow_rate=settings.events_per_s,
            )
        )
        exchange.open_account(
            parse_money(settings.balance_dollars),
            context.venue.signer.key_id,
            load_public_key(context.venue.signer.public_pem()),
        )
        context.shared.extras[EXTRA] = exchange
        context.log.info(f"the embedded exchange serves {exchange.rest_url}")
        task_status.started()
