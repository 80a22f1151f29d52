import io
import json
import signal
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path

import msgspec
import pytest
import trio

from tests.plugin_files import put_plugin
from tests.services.still_daemon import still_daemon
from traderd.app import JOURNAL_FILE, Daemon, risk_limits, run_daemon
from traderd.config import Config, RiskConfig, load_config
from traderd.errors import AlreadyRunning, ConfigError
from traderd.kalshi.auth import generate_key
from traderd.model import events as ev
from traderd.model.ids import MarketTicker
from traderd.model.states import State
from traderd.model.units import Count, Money, Price
from traderd.runtime.inbox import LOSSLESS_CUT_OFF, SLOW_HANDLER_S, Policy
from traderd.runtime.log_disk import DiskLog
from traderd.runtime.simulation import SimEnv
from traderd.store.lock import is_held

REMOTE = {
    "exchange__embedded": "false",
    "exchange__rest_url": "http://127.0.0.1:9/trade-api/v2",
    "exchange__ws_url": "ws://127.0.0.1:9/trade-api/ws/v2",
    "exchange__key_id": "a-key",
    "market_data__markets": "KXDEMO-A",
}


def put_key(directory: Path, mode: int = 0o600) -> dict[str, str]:
    path = directory / "key.pem"
    path.write_bytes(generate_key("ed25519")[0])
    path.chmod(mode)
    return {**REMOTE, "exchange__key_file": str(path)}


def sentences(daemon) -> list[str]:
    return [json.loads(line)["event"] for line in daemon.log_text.getvalue().splitlines()]


# --- what is opened, in which order ---------------------------------------------------------------


async def test_the_parts_are_opened_from_the_disk_to_the_state(autojump_clock, tmp_path):
    async with still_daemon(tmp_path) as daemon:
        told = sentences(daemon)
        assert told[0] == "plugins: none", "the parts of traderd itself are always there"
        assert told[1:] == ["the journal is new", "state startup -> initializing"]
        assert (tmp_path / "state").stat().st_mode & 0o777 == 0o700
        venue = daemon.shared.venue
        assert venue.rest_url == f"http://{venue.embedded.address}/trade-api/v2"
        assert daemon.view.state is State.INITIALIZING
        assert daemon.shared.order_ids.next_id().startswith(daemon.shared.journal.instance_id)


async def test_what_was_opened_is_closed_with_it(autojump_clock, tmp_path):
    async with still_daemon(tmp_path) as first:
        env, port = first.shared.env, first.shared.venue.embedded.port
        first.publish(ev.TradingPaused(at=first.now(), reason="lunch"))
    # The port of the embedded exchange is free, the journal complete, the lock given back.
    listener, _ = await env.listen("127.0.0.1", port)
    await listener.aclose()
    assert first.shared.journal.statistics().pending == 0
    async with still_daemon(tmp_path) as second:
        assert second.shared.journal.generation == 1


async def test_a_second_daemon_in_the_same_directory_is_refused(autojump_clock, tmp_path):
    async with still_daemon(tmp_path):
        with pytest.raises(AlreadyRunning, match=r"pid \d+\) holds .*/state/lock"):
            async with still_daemon(tmp_path):
                raise AssertionError("two daemons share one journal")


async def test_a_state_directory_that_cannot_be_made_is_named(autojump_clock, tmp_path):
    (tmp_path / "state").write_text("a file is in the way")
    with pytest.raises(ConfigError, match=r"state directory .*/state cannot be made: .*; set"):
        async with still_daemon(tmp_path):
            raise AssertionError("it has nowhere to write to")


async def test_a_wrong_parameter_is_told_before_anything_is_opened(autojump_clock, tmp_path):
    for flags, words in (
        ({"strategies__nobody__size": "1"}, r"strategies\.nobody is not a strategy"),
        ({"strategies__maker__colour": "red"}, r"strategies\.maker\.colour does not exist"),
        ({"strategies__maker__size": "big"}, r"strategies\.maker\.size: Expected `int`"),
    ):
        folder = put_plugin(
            tmp_path,
            "maker",
            """
            import attrs
            from traderd.plugin_api import StrategySpec, hookimpl

            @attrs.frozen
            class Parameters:
                size: int = 1

            @hookimpl
            def traderd_strategies():
                return [StrategySpec(
                    name="maker", make=id, parameters=Parameters, enabled_in_sim=True)]
            """,
        )
        with pytest.raises(ConfigError, match=words):
            async with still_daemon(tmp_path, plugin_directories=(folder,), **flags):
                raise AssertionError("it was opened")
        assert [path.name for path in (tmp_path / "state").iterdir()] == []


async def test_a_broken_drop_in_is_told_and_the_daemon_goes_on(autojump_clock, tmp_path):
    folder = put_plugin(tmp_path, "early", "raise ValueError('no')")
    put_plugin(
        tmp_path,
        "late",
        "from traderd.plugin_api import hookimpl\n@hookimpl\ndef traderd_services(config): 1 / 0\n",
    )
    async with still_daemon(tmp_path, plugin_directories=(folder,)) as daemon:
        told = "\n".join(sentences(daemon))
        assert f"plugin {folder}/early.py:1 is left out: it cannot be imported: ValueError" in told
        assert (
            f"plugin {folder}/late.py:3 is left out: its hook failed: traderd_services raised Zero"
            in told
        )
        assert "early" not in sentences(daemon)[0]
        assert "late" not in sentences(daemon)[0]


@pytest.mark.parametrize("stage", ["sync", "lunch"])
async def test_a_drop_in_that_would_be_a_stage_does_not_stop_the_start(
    autojump_clock, tmp_path, stage
):
    folder = put_plugin(
        tmp_path,
        "mine",
        f"""
        from traderd.plugin_api import Service, hookimpl

        @hookimpl
        def traderd_services(config):
            return [Service(name="mine", run=None, stage={stage!r})]
        """,
    )
    async with still_daemon(tmp_path, plugin_directories=(folder,)) as daemon:
        # The service of all plugins refuses it when it starts (tests/services/test_plugins.py).
        assert "mine" in daemon.shared.plugin_desk.plugins.records


# --- which exchange -------------------------------------------------------------------------------


async def test_the_journal_of_an_exchange_that_forgets_is_set_aside(autojump_clock, tmp_path):
    async with still_daemon(tmp_path) as first:
        first.publish(ev.TradingPaused(at=first.now(), reason="lunch"))
    journal = tmp_path / "state" / JOURNAL_FILE
    kept = journal.with_name(f"{JOURNAL_FILE}.previous")
    written = journal.read_bytes()
    async with still_daemon(tmp_path) as second:
        assert second.view.conditions.paused is None
        assert "the journal is new" in sentences(second)
        assert second.shared.journal.generation == 1
        assert kept.read_bytes() == written


async def test_the_journal_of_an_exchange_that_remembers_is_kept(autojump_clock, tmp_path):
    flags = put_key(tmp_path)
    async with still_daemon(tmp_path, **flags) as first:
        instance = first.shared.journal.instance_id
        first.publish(ev.TradingPaused(at=first.now(), reason="lunch"))
    async with still_daemon(tmp_path, **flags) as second:
        assert second.view.conditions.paused == "lunch"
        assert (second.shared.journal.instance_id, second.shared.journal.generation) == (
            instance,
            2,
        )
        assert not (tmp_path / "state" / f"{JOURNAL_FILE}.previous").exists()
        assert second.view.state is State.INITIALIZING


async def test_a_remote_exchange_is_addressed_with_our_key(autojump_clock, tmp_path):
    async with still_daemon(tmp_path, **put_key(tmp_path)) as daemon:
        venue = daemon.shared.venue
        assert (venue.rest_url, venue.embedded) == (REMOTE["exchange__rest_url"], None)
        assert venue.signer.key_id == "a-key"
        assert daemon.shared.view.followed == (MarketTicker("KXDEMO-A"),)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"exchange__key_file": "none.pem"}, r"none\.pem"),
        ({"exchange__rest_url": "https://external-api.kalshi.com/trade-api/v2"}, "sim only talks"),
        ({"exchange__ws_url": "ws://127.0.0.1:9/other"}, "must end with /trade-api/ws/v2"),
        ({"market_data__markets": ""}, "let market_data.discover look for markets"),
    ],
    ids=["no key", "foreign host", "path", "no market"],
)
async def test_what_does_not_belong_to_the_environment_is_refused(
    autojump_clock, tmp_path, change, words
):
    with pytest.raises(ConfigError, match=words):
        async with still_daemon(tmp_path, **{**put_key(tmp_path), **change}):
            raise AssertionError("it was opened")


async def test_a_key_that_others_can_read_is_refused(autojump_clock, tmp_path):
    with pytest.raises(ConfigError, match="chmod 600"):
        async with still_daemon(tmp_path, **put_key(tmp_path, mode=0o644)):
            raise AssertionError("it was opened")


def test_the_limits_are_exact():
    config = Config(
        risk=RiskConfig(
            max_order_contracts="2.5",
            max_open_orders=3,
            max_exposure_dollars="0.3",
            breaker_errors=2,
            price_collar_dollars="0.0010",
        )
    )
    limits = risk_limits(config)
    assert (limits.max_order_count, limits.max_exposure) == (Count(250), Money(300_000))
    assert (limits.price_collar, limits.max_open_orders) == (Price(10), 3)
    assert limits.breaker_errors == 2


# --- the whole, running ---------------------------------------------------------------------------


class Running:
    """A daemon that runs, and the ways to reach it."""

    def __init__(self, daemon: Daemon, env: SimEnv, text: io.StringIO) -> None:
        self.daemon, self.env, self.text = daemon, env, text
        self.ended = trio.Event()

    def told(self, beginning: str) -> list[str]:
        lines = [json.loads(line)["event"] for line in self.text.getvalue().splitlines()]
        return [line for line in lines if line.startswith(beginning)]

    async def wait_ready(self) -> None:
        view = self.daemon.shared.view
        with (
            trio.fail_after(30),
            self.daemon.shared.bus.subscribe(
                ev.StateChanged, name="test", policy=Policy.LOSSLESS
            ) as changes,
        ):
            while view.state is not State.READY:
                await changes.receive()


@asynccontextmanager
async def running(tmp_path, env=None):
    """Run a whole daemon with its exchange, without the console's real sockets."""
    env, text = env or SimEnv(seed=1), io.StringIO()
    config = load_config(
        variables={},
        directory=tmp_path,
        flags={
            "state_dir": str(tmp_path / "state"),
            "web.enabled": "false",
            "log.level": "debug",
        },
    )
    async with trio.open_nursery() as nursery:
        run = partial(run_daemon, config, env=env, log_stream=text, directory=tmp_path)
        world: Running | None = None

        async def run_to_the_end(*, task_status):
            await run(task_status=task_status)
            assert world is not None
            world.ended.set()

        daemon = await nursery.start(run_to_the_end)
        world = Running(daemon, env, text)
        yield world
        nursery.cancel_scope.cancel()


async def test_it_comes_up_and_a_signal_takes_it_down_in_order(autojump_clock, tmp_path):
    async with running(tmp_path) as world:
        await world.wait_ready()
        world.env.raise_signal(signal.SIGTERM)
        with trio.fail_after(10):
            await world.ended.wait()
        assert world.told("SIGTERM: stopping in order")
        started = [line.split()[1] for line in world.told("service ") if "running" in line]
        stopped = [line.split()[1] for line in world.told("service ") if "stopped" in line]
        # The notifier is up first and down last, so that it tells of everything between.
        assert started[:2] == ["notifier", "paper_exchange"]
        assert started[-3:] == ["market_data", "trading_client", "sync"]
        assert stopped == started[::-1]
        assert world.told("state ")[-1] == "state ready -> shutdown"
        assert world.told("stopped") == ["stopped"]


async def test_the_log_on_the_disk_has_every_line_and_is_written_under_the_lock_alone(
    autojump_clock, tmp_path, monkeypatch
):
    state, held = tmp_path / "state", []

    def write_line(log, text, write=DiskLog.write_line):
        held.append(is_held(state / "lock"))
        write(log, text)

    monkeypatch.setattr(DiskLog, "write_line", write_line)
    async with running(tmp_path) as world:
        await world.wait_ready()
        world.env.raise_signal(signal.SIGTERM)
        with trio.fail_after(10):
            await world.ended.wait()
    kept = (state / "traderd.log").read_text().splitlines()
    assert kept == world.text.getvalue().splitlines()
    assert json.loads(kept[0])["event"].startswith("plugins: "), "said before the lock was taken"
    assert json.loads(kept[-1])["event"] == "stopped"
    assert held == [True] * len(kept)


async def test_a_second_signal_does_not_wait(autojump_clock, tmp_path):
    async with running(tmp_path) as world:
        await world.wait_ready()
        world.env.raise_signal(signal.SIGINT)
        world.env.raise_signal(signal.SIGINT)
        before = trio.current_time()
        with trio.fail_after(10):
            await world.ended.wait()
        assert trio.current_time() - before < 0.5
        assert [line for line in world.told("") if "stopping at once; orders may be left" in line]


async def test_a_hangup_reads_the_settings_again_and_changes_nothing_else(autojump_clock, tmp_path):
    async with running(tmp_path) as world:
        await world.wait_ready()
        world.env.raise_signal(signal.SIGHUP)
        await trio.sleep(1)
        assert world.told("SIGHUP: this daemon was started from within a program")
        shared = world.daemon.shared
        risk = msgspec.structs.replace(shared.config.risk, max_open_orders=3)
        shared.levers.reread = lambda: msgspec.structs.replace(shared.config, risk=risk)
        world.env.raise_signal(signal.SIGHUP)
        await trio.sleep(1)
        assert world.told("SIGHUP:")[1:] == ["SIGHUP: 1 of 1 changed settings taken"]
        assert shared.view.limits.max_open_orders == 3
        assert shared.view.state is State.READY


async def test_the_port_of_the_embedded_exchange_may_be_taken(autojump_clock, tmp_path):
    env = SimEnv(seed=1)
    listener, port = await env.listen("127.0.0.1", 0)
    config = load_config(
        variables={},
        directory=tmp_path,
        flags={"state_dir": str(tmp_path / "state"), "exchange.port": port},
    )
    words = f"127.0.0.1:{port} is taken; set exchange.port"
    with pytest.raises(AlreadyRunning, match=words):
        await run_daemon(config, env=env, log_stream=io.StringIO(), directory=tmp_path)
    await listener.aclose()


# --- what an inbox that is too slow means ---------------------------------------------------------


def news(daemon, number: int) -> None:
    for _ in range(number):
        daemon.shared.lifecycle.service_changed("news", "running", "")


async def test_a_full_inbox_of_private_facts_halts_new_risk(autojump_clock, tmp_path):
    async with still_daemon(tmp_path) as daemon:
        with daemon.context("slow").subscribe(ev.ServiceChanged, policy=Policy.LOSSLESS, depth=5):
            news(daemon, 5)
            assert daemon.view.conditions.halts == {}
            news(daemon, 5)
        (halt,) = daemon.view.conditions.halts.values()
        assert (halt.halt_id, halt.author, halt.ticker) == ("inbox:slow", ev.Author.MACHINE, None)
        assert halt.reason == "inbox slow holds 6 events and its bound is 5"
        assert sentences(daemon).count(halt.reason) == 1


async def test_the_halt_for_an_inbox_reaches_the_journal_and_the_inbox_itself(
    autojump_clock, tmp_path
):
    flags = put_key(tmp_path)
    async with still_daemon(tmp_path, **flags) as first:
        with first.context("slow").subscribe(
            ev.ServiceChanged, ev.HaltRaised, policy=Policy.LOSSLESS, depth=1
        ) as inbox:
            news(first, 2)
            heard = [await inbox.receive() for _ in range(3)]
        assert [type(event) for batch in heard for event in batch] == [
            *(ev.ServiceChanged, ev.ServiceChanged, ev.HaltRaised)
        ]
    async with still_daemon(tmp_path, **flags) as second:
        assert list(second.view.conditions.halts) == ["inbox:slow"]


async def test_a_reader_of_private_facts_that_is_cut_off_halts_new_risk(autojump_clock, tmp_path):
    async with still_daemon(tmp_path) as daemon:
        with daemon.context("dead").subscribe(ev.ServiceChanged, policy=Policy.LOSSLESS, depth=1):
            news(daemon, LOSSLESS_CUT_OFF)
            daemon.publish(
                ev.HaltCleared(at=daemon.now(), halt_id="inbox:dead", author=ev.Author.PERSON)
            )
            assert daemon.view.conditions.halts == {}
            news(daemon, 2)
        assert "is cut off" in daemon.view.conditions.halts["inbox:dead"].reason


async def test_slow_readers_of_public_news_are_told_and_halt_nothing(autojump_clock, tmp_path):
    async with still_daemon(tmp_path) as daemon:
        context = daemon.context("slow")
        with (
            context.subscribe(ev.ServiceChanged, depth=2) as drops,
            context.subscribe(
                ev.ServiceChanged, policy=Policy.LATEST, key=lambda event: event.nothing
            ),
        ):
            news(daemon, 50)
            await drops.receive()
            await trio.sleep(SLOW_HANDLER_S + 1)
            news(daemon, 1)
        told = "\n".join(sentences(daemon))
        assert "the handler of inbox slow has been busy for 6.0 s" in told
        assert "the reader of inbox slow is cut off: its key failed: AttributeError" in told
        assert daemon.view.conditions.halts == {}
