"""The paper exchange from its state file to its last task.

Owns: the order in which one exchange begins: its past, its accounts, its listener, its street.
Must not: hold a state of its own, or know how the exchange is operated (`serve` does).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import AsyncExitStack
from functools import partial
from pathlib import Path

import trio

from traderd.model.units import Money
from traderd.paper.exchange import PaperExchange
from traderd.paper.flow.order_flow import DEFAULT_RATE_PER_S
from traderd.paper.scenario import Scenario
from traderd.paper.serving.http_server import DEFAULT_LIMITS, HttpLimits
from traderd.paper.settings import DEFAULT_SETTINGS, ExchangeSettings
from traderd.paper.state.keeper import open_keeper
from traderd.paper.state.recorder import Recorder
from traderd.runtime.env import Env


async def run_paper_exchange(
    *,
    env: Env,
    listener: trio.abc.Listener[trio.abc.Stream],
    address: str,
    scenario: Scenario,
    seed: int,
    accounts: Mapping[str, Money] | None = None,
    flow_rate: float = DEFAULT_RATE_PER_S,
    limits: HttpLimits = DEFAULT_LIMITS,
    settings: ExchangeSettings = DEFAULT_SETTINGS,
    ids: Callable[[], str] | None = None,
    state: Path | None = None,
    log: Callable[[str], None] | None = None,
    task_status: trio.TaskStatus[PaperExchange] = trio.TASK_STATUS_IGNORED,
) -> None:
    """Serve a paper exchange until cancelled; `task_status` gets it once clients can connect.

    Cancelling ends every connection without farewell.

    Args:
        env: clock, ids and streams.
        listener: where clients come in; closed at the end.
        address: `host:port` as clients write it.
        scenario: markets, opening books, and the accounts to make.
        seed: of the street's behaviour; equal seeds give equal flows.
        accounts: accounts to make instead of the scenario's, with their cash.
        flow_rate: quotes and takes a second; 0 makes a street that only does what the scenario prescribes: opening
            books of markets that open later, and results.
        limits: bounds of the listener's clients.
        settings: dialect, tier and what else its operator may choose.
        ids: gives ids; None takes random ones, because a trader's journal that outlives the exchange takes a
            repeated trade id for a fill that it knows.
        state: where everything is kept over a restart; None forgets.
        log: takes one line for each request, see `serving.request_log`; None writes none.
        task_status: for `nursery.start`.

    Raises:
        StoreError: the state file cannot be used, or the disk failed while serving.
        AlreadyRunning: another exchange uses the state file.
    """
    async with AsyncExitStack() as stack:
        keeper = None
        ids = ids or env.new_id
        if state is not None:
            keeper = await stack.enter_async_context(open_keeper(env=env, path=state))
        exchange = PaperExchange(
            env=env,
            address=address,
            scenario=scenario,
            seed=seed,
            limits=limits,
            settings=settings,
            ids=ids,
            recorder=None if keeper is None else Recorder(keeper, ids),
            # Under no name here, so that what the exchange forgets of it is free.
            past=None if keeper is None else await keeper.read(),
            log=log,
        )
        async with trio.open_nursery() as nursery:
            if keeper is not None:
                nursery.start_soon(keeper.write_for_ever)
            wanted = {spec.name: spec.money for spec in scenario.accounts}
            for name, cash in (wanted if accounts is None else accounts).items():
                exchange.create_account(name, cash)
            exchange.settle()
            await exchange.wait_durable()
            await nursery.start(partial(exchange.server.serve, listener))
            nursery.start_soon(exchange.run_expiries)
            nursery.start_soon(exchange.run_street, seed, flow_rate)
            task_status.started(exchange)
