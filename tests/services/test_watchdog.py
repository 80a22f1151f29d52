"""systemd hears that the daemon lives only while it does: states, signs of life, stop and reload."""

import io
import json
import os
import signal
import textwrap
from contextlib import asynccontextmanager
from functools import partial
from itertools import pairwise

import pytest
import trio

from tests.notify_socket import notify_socket
from tests.process_tools import DaemonProcess
from tests.services.still_daemon import MARKET, still_daemon
from traderd.app import run_daemon
from traderd.config import load_config
from traderd.kalshi.auth import generate_key
from traderd.model import events as ev
from traderd.model.ids import MarketTicker
from traderd.model.orders import Side
from traderd.model.states import ErrorMetadata, State
from traderd.runtime.simulation import MemoryDatagrams, SimEnv
from traderd.services.watchdog import status_text

ADDRESS = "/run/systemd/notify"
WATCHDOG_S = 30.0


class StuckDisk(SimEnv):
    """A machine whose disk hangs from some moment on."""

    stuck = False

    async def run_blocking(self, function, *args):
        if self.stuck:
            await trio.sleep_forever()
        return await super().run_blocking(function, *args)


class Watched:
    """A whole daemon in virtual time, and what systemd heard of it."""

    def __init__(self, env, end, text) -> None:
        self.env, self.end, self.text = env, end, text
        self.daemon = None

    def told(self) -> list[tuple[float, list[str]]]:
        return [(at, data.decode().split("\n")) for at, data in self.end.received]

    def times(self, word: str) -> list[float]:
        return [at for at, lines in self.told() if word in lines]

    def words(self) -> list[str]:
        words = [word for _, lines in self.told() for word in lines]
        return [word for word in words if not word.startswith("STATUS=")]

    def statuses(self) -> list[str]:
        words = [word for _, lines in self.told() for word in lines]
        return [word.removeprefix("STATUS=") for word in words if word.startswith("STATUS=")]

    def logged(self, beginning: str) -> list[str]:
        lines = [json.loads(line)["event"] for line in self.text.getvalue().splitlines()]
        return [line for line in lines if line.startswith(beginning)]

    async def wait_ready(self) -> float:
        with trio.fail_after(60):
            while not self.times("READY=1"):  # noqa: ASYNC110 - systemd has no event to wait for
                await trio.sleep(0.1)
        return self.times("READY=1")[0]


@asynccontextmanager
async def watched(tmp_path, *, env=None, **settings):
    env, end, text = env or SimEnv(seed=1), MemoryDatagrams(), io.StringIO()
    env.variables = {"NOTIFY_SOCKET": ADDRESS, "WATCHDOG_USEC": str(round(WATCHDOG_S * 1e6))}
    env.machine_services[ADDRESS] = end
    flags = {"state_dir": str(tmp_path / "state"), "web.enabled": "false", **settings}
    config = load_config(variables={}, directory=tmp_path, flags=flags)
    world = Watched(env, end, text)
    async with trio.open_nursery() as nursery:
        world.daemon = await nursery.start(
            partial(run_daemon, config, env=env, log_stream=text, directory=tmp_path)
        )
        yield world
        nursery.cancel_scope.cancel()


async def test_ready_is_told_after_calibration_with_state_and_profit(autojump_clock, tmp_path):
    async with watched(tmp_path) as world:
        ready_at = await world.wait_ready()
        (synced,) = [
            change
            for change in world.daemon.shared.view.transitions
            if change.from_state is State.KALSHI_DATA_SYNC
        ]
        assert synced.to_state is State.READY
        states = [status.partition(",")[0] for status in world.statuses()]
        climb = ["initializing", "orderbook_connect", "trading_client_connect"]
        assert list(dict.fromkeys(states)) == [*climb, "kalshi_data_sync", "ready"]
        ready = next(lines for at, lines in world.told() if at == ready_at and "READY=1" in lines)
        assert ready[1].startswith("STATUS=ready, sim; books 12/12; P&L $0.00 ($0.00 realized, ")
        assert "balance $1000.00; positions 0; orders 0" in ready[1]


async def test_order_books_alone_are_ready_without_a_word_of_trading(autojump_clock, tmp_path):
    async with watched(tmp_path, **{"trading.enabled": "false"}) as world:
        await world.wait_ready()
        assert world.statuses()[-1] == "ready, sim; books 12/12"


async def test_a_healthy_daemon_is_fed_in_less_than_half_of_the_time(autojump_clock, tmp_path):
    async with watched(tmp_path, **{"exchange.events_per_s": "0"}) as world:
        ready_at = await world.wait_ready()
        await trio.sleep(10 * WATCHDOG_S)
        times = [ready_at, *world.times("WATCHDOG=1"), trio.current_time()]
        assert max(after - before for before, after in pairwise(times)) < WATCHDOG_S / 2


async def test_a_start_that_takes_long_is_extended_and_not_ready(autojump_clock, tmp_path):
    remote = {
        "exchange.embedded": "false",
        "exchange.rest_url": "http://127.0.0.1:9/trade-api/v2",
        "exchange.ws_url": "ws://127.0.0.1:9/trade-api/ws/v2",
        "exchange.key_id": "a-key",
        "exchange.key_file": str(tmp_path / "key.pem"),
        "market_data.markets": "KXDEMO-A",
        "market_data.required": "true",
    }
    (tmp_path / "key.pem").write_bytes(generate_key("ed25519")[0])
    (tmp_path / "key.pem").chmod(0o600)
    async with watched(tmp_path, **remote) as world:
        await trio.sleep(600)
        times = world.times("EXTEND_TIMEOUT_USEC=60000000")
        assert max(after - before for before, after in pairwise(times)) < 60
        assert times[-1] > 580
        assert world.times("READY=1") == world.times("WATCHDOG=1") == []
        assert any(status.startswith("error, sim; ") for status in world.statuses())


async def fed_within(world, seconds: float) -> int:
    before = len(world.times("WATCHDOG=1"))
    await trio.sleep(seconds)
    return len(world.times("WATCHDOG=1")) - before


async def test_a_bus_that_delivers_nothing_starves_the_watchdog(autojump_clock, tmp_path):
    async with watched(tmp_path) as world:
        await world.wait_ready()
        assert await fed_within(world, WATCHDOG_S) >= 3
        bus = world.daemon.shared.bus
        works = bus._fan_out
        bus._fan_out = lambda folded: None
        # One beat may still have its proof from before.
        assert await fed_within(world, 2 * WATCHDOG_S) <= 1
        (complaint,) = world.logged("no progress, so the watchdog is not fed")
        assert complaint.endswith("has not come through the bus")
        bus._fan_out = works
        assert await fed_within(world, WATCHDOG_S) >= 3


async def test_an_engine_that_cannot_fold_starves_the_watchdog(autojump_clock, tmp_path):
    async with watched(tmp_path, **{"exchange.events_per_s": "0"}) as world:
        await world.wait_ready()
        bus = world.daemon.shared.bus
        folds = bus._fold

        def broken(event):
            if isinstance(event, ev.ProgressProbed):
                raise RuntimeError("the engine is broken")
            return folds(event)

        bus._fold = broken
        assert await fed_within(world, 2 * WATCHDOG_S) <= 1


async def test_a_disk_that_hangs_starves_the_watchdog(autojump_clock, tmp_path):
    env = StuckDisk(seed=1)
    async with watched(tmp_path, env=env) as world:
        await world.wait_ready()
        world.daemon.shared.bus.publish([
            ev.TradingPaused(at=world.daemon.shared.view.state_since, reason="lunch")
        ])
        assert await fed_within(world, WATCHDOG_S) >= 3
        env.stuck = True
        world.daemon.shared.bus.publish([
            ev.TradingResumed(at=world.daemon.shared.view.state_since)
        ])
        assert await fed_within(world, 2 * WATCHDOG_S) <= 2
        assert world.logged("no progress, so the watchdog is not fed: the journal's rows wait")
        env.stuck = False


async def test_a_hangup_is_a_reload_and_a_stop_is_told_first(autojump_clock, tmp_path):
    async with watched(tmp_path) as world:
        await world.wait_ready()
        before = len(world.words())
        world.env.raise_signal(signal.SIGHUP)
        await trio.sleep(0.5)
        reload, ready = [w for w in world.words()[before:] if not w.startswith("MONOTONIC_USEC=")]
        assert (reload, ready) == ("RELOADING=1", "READY=1")
        before = len(world.words())
        world.env.raise_signal(signal.SIGTERM)
        await trio.sleep(10)
        assert world.words()[before:] == ["STOPPING=1"]
        assert "stopping in order: SIGTERM" in world.statuses()
        assert world.logged("stopped")


async def test_a_stop_that_no_signal_began_is_told_too(autojump_clock, tmp_path):
    async with watched(tmp_path) as world:
        await world.wait_ready()
        world.daemon.stop("a test")
        await trio.sleep(10)
        assert world.words()[-1] == "STOPPING=1"


# --- the status -----------------------------------------------------------------------------------


async def test_the_status_names_profit_orders_halts_and_pauses(autojump_clock, tmp_path):
    async with still_daemon(tmp_path) as daemon:
        daemon.climb()
        daemon.snapshot(bids={"0.46": "10"}, asks={"0.48": "10"})
        daemon.sync("995.20")
        daemon.fill(daemon.place(Side.BID, "20", "0.47"), "10", "0.47", "0.10")
        assert status_text(daemon.view, environment="sim", trading=True) == (
            "ready, sim; books 1/12; P&L -$0.20 ($0.00 realized, -$0.10 unrealized at bid, fees $0.10); "
            "balance $995.20; positions 1; orders 1"
        )
        for number in range(4):
            daemon.publish(
                ev.HaltRaised(
                    at=daemon.now(),
                    halt_id=f"halt-{number}",
                    author=ev.Author.MACHINE,
                    reason="a test",
                    ticker=MarketTicker(MARKET),
                )
            )
        daemon.publish(ev.TradingPaused(at=daemon.now(), reason="lunch"))
        text = status_text(daemon.view, environment="sim", trading=True)
        assert text.endswith("; paused; HALTED: halt-0, halt-1, halt-2 and 1 more")


async def test_the_status_says_what_failed(autojump_clock, tmp_path):
    async with still_daemon(tmp_path) as daemon:
        daemon.shared.lifecycle.entering("market_data")
        daemon.shared.lifecycle.failed("market_data", "nobody answers", 3, 4.0)
        assert isinstance(daemon.view.transitions[-1].metadata, ErrorMetadata)
        text = status_text(daemon.view, environment="paper", trading=False)
        assert text == "error, paper; market_data failed: nobody answers; books 0/12"


# --- a real process -------------------------------------------------------------------------------

BLOCKER = """
    import pathlib
    import time

    import trio

    from traderd.plugin_api import Service, hookimpl

    HERE = pathlib.Path(__file__).parent

    async def run(context, *, task_status):
        task_status.started()
        while not (HERE / "block").exists():
            await trio.sleep(0.05)
        time.sleep(3)
        (HERE / "block").unlink()
        await trio.sleep_forever()

    @hookimpl
    def traderd_services(config):
        return [Service(name="blocker", run=run)]
"""


@pytest.mark.process
@pytest.mark.parametrize("kind", ["path", "name"])
def test_a_real_daemon_tells_systemd_what_it_does(tmp_path, monkeypatch, kind):
    plugins = tmp_path / "config" / "traderd" / "plugins"
    plugins.mkdir(parents=True, mode=0o755)
    (plugins / "blocker.py").write_text(textwrap.dedent(BLOCKER))
    address = str(tmp_path / "notify") if kind == "path" else f"@traderd-test-{os.getpid()}"
    for name, value in (
        ("XDG_CONFIG_HOME", str(tmp_path / "config")),
        ("NOTIFY_SOCKET", address),
        ("WATCHDOG_USEC", "2000000"),
    ):
        monkeypatch.setenv(name, value)
    with notify_socket(address) as systemd:
        daemon = DaemonProcess(tmp_path / "state", settings={"exchange.events_per_s": "0"})
        try:
            systemd.wait_for("READY=1", within_s=40)
            assert daemon.is_ready()
            assert systemd.statuses()[-1].startswith("ready, sim; books 12/12; P&L ")
            systemd.wait_for("WATCHDOG=1", within_s=5)
            (plugins / "block").touch()
            systemd.drain(for_s=0.5)
            assert [told for _, told in systemd.drain(for_s=2.0) if "WATCHDOG=1" in told] == []
            systemd.wait_for("WATCHDOG=1", within_s=10)
            daemon.process.send_signal(signal.SIGHUP)
            systemd.wait_for("RELOADING=1", within_s=5)
            stamp = next(w for w in systemd.words()[::-1] if w.startswith("MONOTONIC_USEC="))
            assert int(stamp.partition("=")[2]) > 0
            systemd.wait_for("READY=1", within_s=5)
            daemon.process.send_signal(signal.SIGTERM)
            systemd.wait_for("STOPPING=1", within_s=5)
            assert daemon.process.wait(timeout=15) == 0
            systemd.drain(for_s=0.1)
            assert systemd.words()[-1] == "STOPPING=1"
        finally:
            daemon.close()
