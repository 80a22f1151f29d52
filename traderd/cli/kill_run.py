"""The kill switch as a process of its own: only the key and the network are needed.

Owns: the order of its steps. The latch file first, then the daemon is told (and not waited for), and whatever it does,
this process reads the account until it is empty: it cancels itself as soon as no daemon answers or none makes progress.
Must not: need the journal (`kill_journal.py` reads it beside), take the daemon's lock, or believe the daemon.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import trio

from traderd.cli import exit_codes
from traderd.cli.client import DaemonClient
from traderd.cli.json_request import CommandFailed
from traderd.cli.kill_journal import JournalDoubts
from traderd.cli.kill_report import KillOptions, KillReport, conclude
from traderd.cli.kill_target import KillTarget, find_target, why_not_over
from traderd.config import CONTROL_SOCKET, Config
from traderd.errors import AuthenticationRefused, ConfigError, StoreError
from traderd.kalshi.hosts import check_endpoints
from traderd.kalshi.kill import Sweep, sweep
from traderd.kalshi.order_reads import Listed
from traderd.kalshi.rest import RestClient, open_rest
from traderd.model.ids import instance_of
from traderd.model.orders import OrderStatus
from traderd.runtime.env import Env
from traderd.services.remote_exchange import remote_exchange
from traderd.store.journal import JOURNAL_FILE
from traderd.store.latch import LATCH_FILE, Latch, mark_verified, read_instance, write_latch

ASK_S: Final = 1.0
"""Bounds the talk with the daemon's control socket."""
ALONE_AFTER_S: Final = 0.25
"""When the daemon did not answer by then, this process cancels as well; repeating a cancel does no harm."""
NO_PROGRESS_S: Final = 1.0
"""The same when the daemon answered and the number of resting orders does not fall: a bucket refills in one second."""
ASK_AGAIN_S: Final = 1.0
"""Between questions to a daemon that does not know yet what became of an order."""


async def kill_run(
    config: Config, options: KillOptions, *, env: Env, tell: Callable[[str], None]
) -> KillReport:
    """Latch, cancel, verify; returns how it went.  Cancelling leaves the latch.

    Raises:
        ConfigError: the key or an address is wrong, or `only_ours` has no id to go by; the latch holds all the same.
    """
    started, directory = env.monotonic(), config.state_path()
    began_at = trio.current_time()
    scope = "orders that this daemon placed" if options.only_ours else "every order of the account"
    report = KillReport(environment=config.environment, scope=scope)
    await _latch(report, directory, options, env, tell)
    report.phases["latched"] = trio.current_time() - began_at
    target = await find_target(config, env)
    report.environment, report.exchange = target.config.environment, target.exchange
    if target.note:
        report.note = target.note
        tell(target.note)
    await _kill_at(report, target, directory, options, env, tell)
    report.seconds = env.monotonic() - started
    moments = sorted(report.sweep.moments.items(), key=lambda moment: moment[1])
    report.phases |= {phase: at - began_at for phase, at in moments}
    if report.sweep.verified and report.sweep.readings:
        with contextlib.suppress(StoreError):
            # So that a restart leaves alone what others placed since; without it, it verifies once more.
            await env.run_blocking(mark_verified, directory, Latch(only_ours=options.only_ours))
    conclude(report, options)
    return report


async def _kill_at(
    report: KillReport,
    target: KillTarget,
    directory: Path,
    options: KillOptions,
    env: Env,
    tell: Callable[[str], None],
) -> None:
    state = report.sweep
    if target.config.embedded:
        state.verified = await _kill_by_daemon(report, directory, options, env)
        if report.daemon == "not running":
            state.problem = await env.run_blocking(why_not_over, target, directory)
            report.ended = not state.problem
        return
    client = DaemonClient(directory / CONTROL_SOCKET, timeout_s=ASK_S)
    try:
        await _kill_remote(report, target.config, client, options, env, tell)
    except ConfigError as exc:
        # Without a key of its own this process has only the daemon, and then must believe it.
        state.problem = str(exc)
        state.verified = await _kill_by_daemon(report, directory, options, env)
        if report.daemon == "not running":
            raise
    if state.verified and target.also_embedded:
        # What the daemon has resting on its own exchange was not in any reading of ours.
        by_daemon = await _kill_by_daemon(report, directory, options, env)
        gone = report.daemon == "not running"
        why = await env.run_blocking(why_not_over, target, directory) if gone else report.daemon
        state.verified = by_daemon or (gone and not why)
        if not state.verified:
            state.problem = (
                f"the daemon trades on its embedded exchange, where nobody has read: {why}"
            )


async def resting_orders(config: Config, *, env: Env, only_ours: bool) -> list[Listed]:
    """Return the orders that a kill would cancel; nothing is sent but reads."""
    ours = await _chooser(config, env) if only_ours else None
    async with _open(config, env) as rest:
        reading = await rest.for_kill().read_orders(status=OrderStatus.RESTING, everywhere=True)
    records: tuple[Listed, ...] = (*reading.rows, *reading.unreadable)
    return [record for record in records if ours is None or ours(record)]


def _open(config: Config, env: Env) -> Any:
    endpoints, signer = remote_exchange(config)
    check_endpoints(config.environment, endpoints)
    return open_rest(env=env, base_url=endpoints.rest_url, signer=signer)


async def _chooser(config: Config, env: Env) -> Callable[[Listed], bool]:
    instance = await env.run_blocking(read_instance, config.state_path())
    if instance is None:
        raise ConfigError(
            f"nobody knows which orders are ours: {config.state_path()} has no file `instance`; leave "
            "--only-ours away to cancel every order of the account"
        )

    def is_ours(record: Listed) -> bool:
        given = record.client_order_id
        return given is not None and instance_of(given) == instance

    return is_ours


async def _latch(
    report: KillReport,
    directory: Path,
    options: KillOptions,
    env: Env,
    tell: Callable[[str], None],
) -> None:
    latch = Latch(
        reason=options.reason, by=options.by, at=env.wall_ns(), only_ours=options.only_ours
    )
    report.latch_file = str(directory / LATCH_FILE)
    try:
        report.latch_problem = await env.run_blocking(write_latch, directory, latch)
        report.latched = True
        tell(f"latched: {report.latch_file}")
    except StoreError as exc:
        report.latch_problem = str(exc)
    if report.latch_problem:
        tell(report.latch_problem)


async def _kill_by_daemon(
    report: KillReport, directory: Path, options: KillOptions, env: Env
) -> bool:
    """Let the daemon do it and believe it, because only it has the key; returns whether it verified."""
    client = DaemonClient(directory / CONTROL_SOCKET, timeout_s=options.timeout_s)
    await _ask_daemon(report, client, options, env, no_wait=False)
    return report.daemon == "latched"


async def _kill_remote(
    report: KillReport,
    config: Config,
    client: DaemonClient,
    options: KillOptions,
    env: Env,
    tell: Callable[[str], None],
) -> None:
    ours = await _chooser(config, env) if options.only_ours else None
    helper = _Helper(env)
    try:
        async with _open(config, env) as rest, trio.open_nursery() as nursery:
            nursery.start_soon(_tell_daemon, report, client, options, env, helper, tell)
            doubts = JournalDoubts(env, tell)
            nursery.start_soon(doubts.look, config.state_path() / JOURNAL_FILE, rest.for_kill())
            with trio.move_on_after(options.timeout_s):
                await _sweep(rest, report, ours, helper, doubts, env, tell)
            doubts.scope.cancel(reason="the sweep is over")
            report.take_journal(doubts.problem, tuple(doubts.missing), tuple(doubts.found))
            # Its answer is of interest, but nobody waits long for it: it has a time-out of its own.
            helper.done = True
    except* AuthenticationRefused as group:
        report.sweep.problem = str(group.exceptions[0])


async def _sweep(
    rest: RestClient,
    report: KillReport,
    ours: Callable[[Listed], bool] | None,
    helper: _Helper,
    doubts: JournalDoubts,
    env: Env,
    tell: Callable[[str], None],
) -> None:
    def unsettled() -> str:
        # A daemon that answers knows more than its journal.
        return _unknown_words(report) if helper.latched else doubts.words()

    await sweep(
        rest.for_kill(),
        rng=env.rng,
        tell=tell,
        ours=ours,
        unsettled=unsettled,
        cancels=helper.is_alone,
        progress=report.sweep,
    )


class _Helper:
    """Judges whether the daemon cancels, so that this process need not."""

    def __init__(self, env: Env) -> None:
        self._env = env
        self._since = env.monotonic()
        self._left: int | None = None
        self.latched: bool | None = None
        """Whether the daemon took it; None: it has not answered yet."""
        self.done = False
        """Whether the sweep is over, so that nobody needs the daemon's word any more."""

    def is_alone(self, state: Sweep) -> bool:
        """Tell whether this process has to cancel by itself."""
        now, left = self._env.monotonic(), len(state.left)
        if self.latched is None:
            return now - self._since > ALONE_AFTER_S
        if not self.latched:
            return True
        if self._left is None or left < self._left:
            self._left, self._since = left, now
        return now - self._since > NO_PROGRESS_S


async def _tell_daemon(
    report: KillReport,
    client: DaemonClient,
    options: KillOptions,
    env: Env,
    helper: _Helper,
    tell: Callable[[str], None],
) -> None:
    await _ask_daemon(report, client, options, env, no_wait=True)
    helper.latched = report.daemon == "latched"
    tell(f"daemon: {report.daemon}")
    # What the exchange does not list yet may still come to rest there, and only the daemon knows of it.
    while report.unknown and not helper.done:
        await trio.sleep(ASK_AGAIN_S)
        await _ask_daemon(report, client, options, env, no_wait=True)


async def _ask_daemon(
    report: KillReport, client: DaemonClient, options: KillOptions, env: Env, *, no_wait: bool
) -> None:
    body = {
        "reason": options.reason,
        "author": options.by,
        "only_ours": options.only_ours,
        "no_wait": no_wait,
    }
    try:
        answer = await env.run_blocking(client.command, "kill", body)
    except CommandFailed as exc:
        known = {exit_codes.NOT_RUNNING: "not running", exit_codes.TIME_OUT: "no answer"}
        report.daemon = known.get(exc.exit_code, str(exc))
        # Only that answer tells of orders; one that tells nothing leaves what was in doubt as it is.
        if exc.document is not None and exc.document.get("answer") == "unknown":
            report.take_daemon(exc.document.get("items", ()))
    else:
        report.daemon = "latched"
        report.take_daemon(answer.get("items", ()))


def _unknown_words(report: KillReport) -> str:
    if not report.unknown:
        return ""
    return f"the daemon does not know yet what became of order {', '.join(report.unknown)}"
