"""The stand-alone exchange: one that other processes use, with key files and a sign that it is ready.

Owns: `traderd exchange serve` below the command line.
Must not: read the command line or the configuration.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Final

import msgspec
import trio

from traderd.errors import ConfigError
from traderd.model.units import Money
from traderd.paper.exchange import PaperExchange, run_paper_exchange
from traderd.paper.flow.order_flow import DEFAULT_RATE_PER_S
from traderd.paper.key_files import KeyFile, ensure_key_file, write_whole
from traderd.paper.scenario import Scenario
from traderd.runtime.env import Env

STOP_S: Final = 2.0
"""Bounds the removal of the ready file when the exchange stops."""


async def serve_exchange(
    *,
    env: Env,
    host: str,
    port: int,
    scenario: Scenario,
    seed: int,
    accounts: Mapping[str, Money],
    keys_dir: Path,
    ready_file: Path | None = None,
    flow_rate: float = DEFAULT_RATE_PER_S,
    task_status: trio.TaskStatus[PaperExchange] = trio.TASK_STATUS_IGNORED,
) -> None:
    """Serve an exchange with one key file per account until cancelled.

    Cancelling ends every connection and removes the ready file.

    Args:
        env: the outside world.
        host: the address to bind, which is also what the URLs name.
        port: 0 takes a free one.
        scenario: markets and opening books.
        seed: of the street's behaviour.
        accounts: names and opening cash.
        keys_dir: where `NAME.pem` and `NAME.id` are, or will be.
        ready_file: written once clients can connect, as `{rest_url, ws_url, accounts}`.
        flow_rate: street actions a second, 0 for none.
        task_status: gets the exchange once clients can connect and the ready file is there.

    Raises:
        ConfigError: a key or the ready file cannot be used, or the port is taken; names it and the cure.
    """
    if ready_file is not None:
        # One that a killed exchange left behind would send clients to a dead port.
        await _on_disk(env, ready_file, partial(ready_file.unlink, missing_ok=True))
    keys = [
        await env.run_blocking(ensure_key_file, keys_dir, name, env.new_id()) for name in accounts
    ]
    try:
        listener, bound_port = await env.listen(host, port)
    except OSError as exc:
        raise ConfigError(f"cannot listen on {host}:{port}: {exc.strerror or exc}") from exc
    address = f"[{host}]:{bound_port}" if ":" in host else f"{host}:{bound_port}"
    failure: ConfigError | None = None
    async with trio.open_nursery() as nursery:
        exchange = await nursery.start(
            partial(
                run_paper_exchange,
                env=env,
                listener=listener,
                address=address,
                scenario=scenario,
                seed=seed,
                accounts={},
                flow_rate=flow_rate,
            )
        )
        for key, cash in zip(keys, accounts.values(), strict=True):
            exchange.open_account(cash, key.key_id, key.public_key)
        try:
            await _stay_ready(env, ready_file, _ready_sign(exchange, keys), exchange, task_status)
        except ConfigError as exc:
            # Raised below, so that the caller gets it bare and not in the nursery's group.
            failure = exc
            nursery.cancel_scope.cancel()
    if failure is not None:
        raise failure


async def _stay_ready(
    env: Env,
    ready_file: Path | None,
    sign: bytes,
    exchange: PaperExchange,
    task_status: trio.TaskStatus[PaperExchange],
) -> None:
    if ready_file is None:
        task_status.started(exchange)
        await trio.sleep_forever()
    await _on_disk(env, ready_file, partial(write_whole, ready_file, sign))
    try:
        task_status.started(exchange)
        await trio.sleep_forever()
    finally:
        with trio.move_on_after(STOP_S, shield=True):
            await _on_disk(env, ready_file, partial(ready_file.unlink, missing_ok=True))


async def _on_disk(env: Env, path: Path, work: partial[None]) -> None:
    try:
        await env.run_blocking(work)
    except OSError as exc:
        raise ConfigError(f"{path}: {exc.strerror or exc}") from exc


def _ready_sign(exchange: PaperExchange, keys: Sequence[KeyFile]) -> bytes:
    accounts = [
        {"name": key.name, "key_id": key.key_id, "key_file": str(key.path.absolute())}
        for key in keys
    ]
    sign = {"rest_url": exchange.rest_url, "ws_url": exchange.ws_url, "accounts": accounts}
    return msgspec.json.encode(sign) + b"\n"
