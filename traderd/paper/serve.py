"""The stand-alone exchange: one that other processes use, with key files, an admin address and a sign of life.

Owns: `traderd exchange serve` below the command line.
Must not: read the command line or the configuration.
"""

from __future__ import annotations

import errno
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Final

import attrs
import trio

from traderd.errors import ConfigError
from traderd.model.units import Money
from traderd.paper.admin.access import ADMIN_FILE, AdminAccess
from traderd.paper.admin.api import PREFIX, AdminApi
from traderd.paper.exchange import PaperExchange
from traderd.paper.faults.plan import FaultPlan
from traderd.paper.flow.order_flow import DEFAULT_RATE_PER_S
from traderd.paper.ids import SeededIds
from traderd.paper.key_files import KeyFile, KeyType, ensure_key_file
from traderd.paper.ready import Ready, ReadyAccount, on_disk, shown
from traderd.paper.running import run_paper_exchange
from traderd.paper.scenario import Scenario
from traderd.paper.serving.http_server import HttpServer
from traderd.paper.settings import DEFAULT_SETTINGS, ExchangeSettings
from traderd.runtime.env import Env

ADMIN_HOST: Final = "127.0.0.1"
"""Whatever the exchange's own address is: only this machine may settle markets and hand out money."""
SEED_BITS: Final = 32
"""Of a seed that nobody gave: short enough to be typed."""


@attrs.frozen(kw_only=True)
class ServeOptions:
    """What an operator chooses."""

    host: str
    """The address to bind, which is also what the URLs name."""
    port: int
    """0 takes a free one."""
    scenario: Scenario
    accounts: Mapping[str, Money]
    """Names and opening cash."""
    keys_dir: Path
    """Where `NAME.pem`, `NAME.id` and the admin file are, or will be."""
    key_type: KeyType = "rsa"
    """Of keys that are made; those that are there stay."""
    seed: int | None = None
    """Of order flow, faults and ids. None draws one, and ids are random."""
    flow_rate: float = DEFAULT_RATE_PER_S
    """Street actions a second, 0 for none."""
    settings: ExchangeSettings = DEFAULT_SETTINGS
    faults: FaultPlan = FaultPlan()
    state: Path | None = None
    """Where everything is kept over a restart."""
    ready_file: Path | None = None
    """Written once clients can connect, as `Ready`."""
    log: Callable[[str], None] | None = None
    """Takes one line for each request of the exchange's clients, see `serving.request_log`."""


@attrs.frozen
class Served:
    """An exchange that clients can connect to."""

    exchange: PaperExchange
    ready: Ready


async def serve_exchange(
    options: ServeOptions,
    *,
    env: Env,
    task_status: trio.TaskStatus[Served] = trio.TASK_STATUS_IGNORED,
) -> None:
    """Serve an exchange with one key file per account until cancelled.

    Cancelling ends every connection and removes the ready file and the admin file.

    Raises:
        ConfigError: a key or a file cannot be used, or the port is taken; names it and the cure.
        AlreadyRunning: another exchange uses the keys directory or the state file.
        StoreError: the state file cannot be used, or its disk failed.
    """
    if options.ready_file is not None:
        # One that a killed exchange left behind would send clients to a dead port.
        stale = partial(options.ready_file.unlink, missing_ok=True)
        await on_disk(env, options.ready_file, stale)
    keys = [
        await env.run_blocking(
            ensure_key_file, options.keys_dir, name, env.new_id(), options.key_type
        )
        for name in options.accounts
    ]
    listener, address = await _listen(env, options.host, options.port)
    failure: Exception | None = None
    # The listener is closed here too, in case it was never served.
    async with listener, trio.open_nursery() as nursery:
        try:
            exchange, seed = await _open(nursery, env, options, listener, address)
            for key, cash in zip(keys, options.accounts.values(), strict=True):
                exchange.open_account(cash, key.key_id, key.public_key, name=key.name)
            await exchange.wait_durable()
            admin = await _open_admin(nursery, env, exchange)
            ready = _ready(options, exchange, admin, keys, seed)
            async with shown(env, ready, admin, options.ready_file):
                task_status.started(Served(exchange, ready))
                await trio.sleep_forever()
        except Exception as exc:  # noqa: BLE001 - raised below, bare and not in the nursery's group
            failure = exc
            nursery.cancel_scope.cancel()
    if failure is not None:
        raise failure


async def _listen(env: Env, host: str, port: int) -> tuple[trio.abc.Listener[trio.abc.Stream], str]:
    try:
        listener, bound_port = await env.listen(host, port)
    except OSError as exc:
        cure = "; --port 0 takes a free one" if exc.errno == errno.EADDRINUSE else ""
        raise ConfigError(f"cannot listen on {host}:{port}: {exc.strerror or exc}{cure}") from exc
    return listener, f"[{host}]:{bound_port}" if ":" in host else f"{host}:{bound_port}"


async def _open(
    nursery: trio.Nursery,
    env: Env,
    options: ServeOptions,
    listener: trio.abc.Listener[trio.abc.Stream],
    address: str,
) -> tuple[PaperExchange, int]:
    seed = env.rng.getrandbits(SEED_BITS) if options.seed is None else options.seed
    exchange = await nursery.start(
        partial(
            run_paper_exchange,
            env=env,
            listener=listener,
            address=address,
            scenario=options.scenario,
            seed=seed,
            accounts={},
            flow_rate=options.flow_rate,
            settings=options.settings,
            ids=None if options.seed is None else SeededIds(seed),
            state=options.state,
            log=options.log,
        )
    )
    exchange.faults.set_plan(options.faults.fault)
    return exchange, seed


async def _open_admin(nursery: trio.Nursery, env: Env, exchange: PaperExchange) -> AdminAccess:
    token = (env.new_id() + env.new_id()).replace("-", "")
    listener, address = await _listen(env, ADMIN_HOST, 0)
    api = AdminApi(exchange, token)
    server = HttpServer(env=env, handle=api.handle, upgrade=api.upgrade)
    await nursery.start(partial(server.serve, listener))
    return AdminAccess(admin_url=f"http://{address}{PREFIX}", token=token)


def _ready(
    options: ServeOptions,
    exchange: PaperExchange,
    admin: AdminAccess,
    keys: Sequence[KeyFile],
    seed: int,
) -> Ready:
    return Ready(
        rest_url=exchange.rest_url,
        ws_url=exchange.ws_url,
        admin_url=admin.admin_url,
        admin_file=str((options.keys_dir / ADMIN_FILE).absolute()),
        seed=seed,
        seeded=options.seed is not None,
        scenario=options.scenario.name,
        markets=len(exchange.venue.markets()),
        state_file=None if options.state is None else str(options.state.absolute()),
        resumed=exchange.resumed,
        accounts=tuple(
            ReadyAccount(
                name=key.name,
                key_id=key.key_id,
                key_file=str(key.path.absolute()),
                key_type=key.key_type,
            )
            for key in keys
        ),
    )
