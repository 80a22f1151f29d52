"""The composition root: every resource of the daemon, nested top to bottom.

Owns: which parts exist and in which order they are opened; leaving the blocks closes them in reverse.
Must not: decide anything about trading.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractContextManager, asynccontextmanager, contextmanager
from functools import partial
from pathlib import Path
from typing import TextIO

import attrs
import structlog
import trio

from traderd.app_plugins import (
    find_plugins,
    make_desk,
    tell_plugins,
    without_unusable,
)
from traderd.app_supervision import make_bus, make_supervisor
from traderd.app_venue import open_venue
from traderd.config import Config
from traderd.core.engine import Engine
from traderd.core.view import StateView
from traderd.errors import ConfigError
from traderd.model.commands import Command, Outcome, Reload
from traderd.model.events import Author, Event, UniverseChanged
from traderd.model.ids import ClientOrderIds, MarketTicker
from traderd.model.units import BYTES_PER_MB, Timestamp
from traderd.plugin_manager import PluginManager
from traderd.runtime.bus import Bus
from traderd.runtime.commands import CommandRouter
from traderd.runtime.env import Env
from traderd.runtime.log import Log, configure_log
from traderd.runtime.signals import watch_signals
from traderd.runtime.steady_env import SteadyEnv
from traderd.runtime.supervisor import Supervisor
from traderd.runtime.systemd import ServiceManager, open_manager
from traderd.services.arming import check_live
from traderd.services.context import (
    Shared,
    Venue,
    broken_off,
    refuse,
)
from traderd.services.crash_guard import guard_end, guard_start
from traderd.services.extensions import Extensions
from traderd.services.kill import kill_halt
from traderd.services.levers import Levers
from traderd.services.lifecycle import Lifecycle
from traderd.services.live_settings import LiveSettings
from traderd.services.market_plan import configured_tickers
from traderd.services.recorder import JournalRecorder, recover
from traderd.services.reload import SIGNAL
from traderd.services.remote_exchange import traded_exchange
from traderd.services.risk_limits import risk_limits
from traderd.services.tenant_make import make_tenants
from traderd.store.journal import JOURNAL_FILE, Journal, open_journal
from traderd.store.latch import read_latch, write_instance
from traderd.store.plugin_notes import open_notes
from traderd.store.traded_exchange import write_traded_exchange


@attrs.frozen(kw_only=True)
class Daemon:
    """A composed daemon, not yet running."""

    shared: Shared
    supervisor: Supervisor

    def stop(self, reason: str) -> None:
        """Begin the ordered stop."""
        self.supervisor.stop(reason)

    def kill(self, reason: str) -> None:
        """Pull the kill switch: from now on nothing but cancels leaves, and the sweep begins."""
        # Counted also while it stands: somebody may be clearing it at this moment.
        self.shared.kill_latch.pulled += 1
        if self.shared.view.conditions.killed is None:
            at = Timestamp(self.shared.env.wall_ns())
            halt = kill_halt(at, reason=reason, author=Author.PERSON, by="signal")
            self.shared.bus.publish([halt])


async def run_daemon(
    config: Config,
    *,
    env: Env,
    log_stream: TextIO,
    directory: Path,
    live: bool = False,
    reread: Callable[[], Config] | None = None,
    plugins: PluginManager | None = None,
    task_status: trio.TaskStatus[Daemon] = trio.TASK_STATUS_IGNORED,
) -> None:
    """Run until a stop signal or `Daemon.stop`.  Cancelling ends everything at once.

    Args:
        config: the settings.
        env: the outside world.
        log_stream: where log lines go.
        directory: where drop-in plugins are looked for, unless `plugins` has them already.
        reread: reads the settings again, for SIGHUP and `traderd reload`; blocking, raises ConfigError.
        plugins: the plugins to use.
        live: whoever starts it wants real money at risk; only `production` asks.
        task_status: gets the daemon before it begins to climb.

    Raises:
        ConfigError: a setting, key, port, lock or plugin is wrong; names it and the cure.
        StoreError: the journal cannot be used.
    """
    await env.run_blocking(check_live, config, live, env.wall_ns())
    log = configure_log(
        env=env,
        level=config.log.level,
        stream=log_stream,
        environment=config.environment,
        as_json=config.log.json,
    )
    plugins = plugins or find_plugins(config, directory)
    with open_manager(env, warn=structlog.get_logger("traderd").warning) as systemd:
        async with open_daemon(
            config,
            env=env,
            log=log,
            plugins=plugins,
            systemd=systemd,
            while_locked=_log_on_disk(config, log),
        ) as daemon:
            async with trio.open_nursery() as nursery:
                daemon.shared.levers.reread = reread
                await nursery.start(_watch_signals, env, daemon, nursery)
                task_status.started(daemon)
                env.settle_memory()
                await daemon.supervisor.run()
                nursery.cancel_scope.cancel(reason="the daemon has stopped")
            # Also after a second signal: whoever ends the daemon like this has asked for it.
            await guard_end(config.state_path(), env=env)


@contextmanager
def _log_on_disk(config: Config, log: Log) -> Iterator[None]:
    # Only under the lock, because two daemons would shift the same files; and all of it, so that the lines of
    # whatever is opened and closed in there are kept. What was said before is written first.
    with log.kept_in(config.state_path(), bytes_max=config.log.disk_mb * BYTES_PER_MB):
        yield
        structlog.get_logger("traderd").info("stopped")


@asynccontextmanager
async def open_daemon(
    config: Config,
    *,
    env: Env,
    log: Log,
    plugins: PluginManager,
    systemd: ServiceManager | None = None,
    while_locked: AbstractContextManager[None] | None = None,
) -> AsyncIterator[Daemon]:
    """Open journal and exchange client and put everything together.

    Errors of the body arrive unchanged unless the journal's writer fails as well. `while_locked` is entered as soon as
    no other daemon can use the state directory, and left last of all.
    """
    logger = structlog.get_logger("traderd")
    env = SteadyEnv(env, warn=logger.warning)
    started_at = env.monotonic()
    state_path = config.state_path()
    await env.run_blocking(_make_state_directory, state_path)
    plugins.ask_all(config)
    specs, services = plugins.strategies(), plugins.built_in_services(config)
    tell_plugins(plugins)
    # Made and thrown away: a wrong parameter must be told before anything is opened.
    make_tenants(without_unusable(config, plugins), specs)
    tickers = configured_tickers(config)
    async with (
        open_journal(
            env=env,
            path=state_path / JOURNAL_FILE,
            set_aside=config.embedded,
            while_locked=while_locked,
        ) as journal,
        open_notes(env=env, directory=state_path) as notes,
    ):
        engine, extensions = Engine(limits=risk_limits(config)), Extensions()
        view = StateView(engine)
        recorder = JournalRecorder(journal)
        bus = make_bus(engine, recorder, env, logger)
        recorder.attach(bus)
        recovered = await recover(engine, journal, bus, env, logger, config.journal)
        await _honour_latch(state_path, journal.instance_id, bus, view, env)
        await guard_start(state_path, env=env, bus=bus, trading=config.trading_enabled)
        _follow(bus, tickers, env, is_named=bool(config.market_data.markets))
        logger.info(recovered, instance=journal.instance_id, generation=journal.generation)
        async with open_venue(config, env) as venue:
            await _note_exchange(config, env, venue)
            lifecycle = _make_lifecycle(config, env, bus, view, venue)
            desk = make_desk(plugins, env, engine, extensions, notes, state_path)
            shared = Shared(
                env=env,
                settings=LiveSettings(config),
                bus=bus,
                commands=CommandRouter[Command, Outcome](refuse=refuse, unanswered=broken_off),
                view=view,
                journal=journal,
                venue=venue,
                lifecycle=lifecycle,
                order_ids=_order_ids(journal, view),
                log_ring=log.ring,
                strategies=specs,
                started_at=started_at,
                systemd=systemd or ServiceManager(),
                levers=Levers(
                    log_from_beside=log.from_beside,
                    set_log_level=partial(setattr, log.threshold, "level"),
                ),
                extensions=extensions,
                plugin_desk=desk,
            )
            lifecycle.initialize()
            desk.refresh(config)
            supervisor = make_supervisor(shared, services)
            shared.levers.restart = supervisor.restart
            yield Daemon(shared=shared, supervisor=supervisor)


def _make_lifecycle(
    config: Config, env: Env, bus: Bus[Event], view: StateView, venue: Venue
) -> Lifecycle:
    return Lifecycle(
        env=env,
        config=config,
        bus=bus,
        view=view,
        host=config.web.host,
        api_url=venue.rest_url,
        ws_url=venue.ws_url,
        log=structlog.get_logger("traderd"),
    )


async def _note_exchange(config: Config, env: Env, venue: Venue) -> None:
    # Before an order can leave: `traderd kill` goes by it when this daemon does not answer.
    if config.trading_enabled:
        traded = traded_exchange(config, rest_url=venue.rest_url, ws_url=venue.ws_url)
        await env.run_blocking(write_traded_exchange, config.state_path(), traded)


def _order_ids(journal: Journal, view: StateView) -> ClientOrderIds:
    return ClientOrderIds(
        journal.instance_id,
        journal.generation,
        journal.run_word,
        is_taken=lambda key: view.order(key) is not None,
    )


async def _honour_latch(
    directory: Path, instance_id: str, bus: Bus[Event], view: StateView, env: Env
) -> None:
    # Before anything can be sent: the kill switch may have been pulled while no daemon ran.
    await env.run_blocking(write_instance, directory, instance_id)
    latch = await env.run_blocking(read_latch, directory)
    if latch is not None and view.conditions.killed is None:
        at = Timestamp(env.wall_ns())
        bus.publish([kill_halt(at, reason=latch.reason, author=Author.PERSON, by=latch.by)])


def _follow(
    bus: Bus[Event], tickers: tuple[MarketTicker, ...], env: Env, *, is_named: bool
) -> None:
    # What needs no search is followed from the start, so that every screen can say which.
    if tickers:
        why = "named in market_data.markets" if is_named else "the embedded exchange lists it"
        added = tuple((ticker, why) for ticker in tickers)
        bus.publish([UniverseChanged(at=Timestamp(env.wall_ns()), added=added, dropped=())])


async def _reload(daemon: Daemon) -> None:
    with daemon.shared.systemd.reloading():
        outcome = await daemon.shared.commands.send(Reload(by=SIGNAL))
    tell = structlog.get_logger("traderd")
    (tell.info if outcome.ok else tell.warning)(f"{SIGNAL}: {outcome.sentence}")


async def _watch_signals(
    env: Env,
    daemon: Daemon,
    nursery: trio.Nursery,
    *,
    task_status: trio.TaskStatus[None],
) -> None:
    logger = structlog.get_logger("traderd")

    def stop(name: str) -> None:
        # First of all: from here on systemd allows for the stop and asks for no more signs of life.
        daemon.shared.systemd.stopping(f"stopping in order: {name}")
        logger.info(f"{name}: stopping in order; a second one stops at once")
        daemon.stop(name)

    def hurry(reason: str) -> None:
        logger.warning(f"{reason}: stopping at once; orders may be left at the exchange")
        nursery.cancel_scope.cancel(reason=reason)

    def reload() -> None:
        nursery.start_soon(_reload, daemon)

    await watch_signals(
        env=env,
        on_stop=stop,
        on_hurry=hurry,
        on_reload=reload,
        on_kill=daemon.kill,
        task_status=task_status,
    )


def _make_state_directory(path: Path) -> None:
    try:
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as exc:
        raise ConfigError(
            f"the state directory {path} cannot be made: {exc.strerror or exc}; set state_dir"
        ) from exc
