"""Health: what is critical, what is only degraded, and that news is told once."""

import attrs
import structlog
import trio

from tests.services.still_daemon import still_daemon
from tests.simulation.harness import TICKERS, simulated_daemon
from traderd.core.engine import HEALTH_KEPT
from traderd.model import events as ev
from traderd.model.commands import Halt
from traderd.model.events import HealthChecked, ServiceChanged
from traderd.model.states import State
from traderd.model.units import NS_PER_S, Timestamp
from traderd.runtime.inbox import Policy
from traderd.services.condition_documents import health_document
from traderd.services.context import Context
from traderd.services.health import (
    POOR_FOR_S,
    POOR_SHARE_MAX,
    QUALITY,
    HealthWatch,
    critical_problems,
    degraded_parts,
    poor_books,
    run,
)
from traderd.services.health_parts import parts_of
from traderd.services.market_data import PART


async def test_a_daemon_that_can_work_is_healthy(tmp_path, autojump_clock):
    async with simulated_daemon(tmp_path) as simulated:
        await trio.sleep(31.0)
        assert (simulated.view.health.healthy, simulated.view.health.problems) == (True, ())


async def test_a_lost_book_feed_is_degraded_and_an_error_is_unhealthy(tmp_path, autojump_clock):
    async with simulated_daemon(tmp_path) as simulated:
        faults = simulated.exchange.faults
        faults.refuse_websockets(503)
        faults.drop_websockets("orderbook_delta")
        await simulated.wait_until(lambda: simulated.view.health.problems, within_s=1.0)
        assert simulated.view.health.healthy
        assert simulated.view.health.problems[0].startswith(f"{PART}: ")
        faults.drop_websockets()
        await simulated.wait_until(lambda: not simulated.view.health.healthy, within_s=1.0)
        assert "state: stage trading_client failed" in simulated.view.health.problems
        faults.clear()
        await simulated.wait_ready()
        await simulated.wait_until(lambda: simulated.view.health.problems == ())
        assert simulated.said("health: everything is well again")


async def test_a_journal_that_failed_is_unhealthy(tmp_path, autojump_clock):
    async with simulated_daemon(tmp_path) as simulated:
        simulated.env.disk_words = "no space left"
        await simulated.place("bid", "1", "0.0100")
        await simulated.wait_until(lambda: not simulated.view.health.healthy, within_s=31.0)
        assert simulated.view.health.problems[0] == "journal: no space left"


async def test_critical_services_are_unhealthy_and_others_degraded(tmp_path, autojump_clock):
    async with simulated_daemon(tmp_path) as simulated:
        for name, status in (("orders", "restarting"), ("status", "quarantined")):
            simulated.daemon.shared.bus.publish([
                ServiceChanged(at=0, name=name, status=status, detail="")
            ])
        assert critical_problems(simulated.view, None) == ("service orders: restarting",)
        assert degraded_parts(simulated.view) == ("service status: quarantined",)
        assert critical_problems(simulated.view, "gone")[0] == "journal: gone"


async def test_commands_that_come_and_go_are_no_news_of_health(tmp_path, autojump_clock):
    async with simulated_daemon(tmp_path, health__interval_s=30) as simulated:
        with simulated.daemon.shared.bus.subscribe(
            HealthChecked, name="test", policy=Policy.LOSSLESS
        ) as checks:
            for _ in range(60):
                await simulated.place("bid", "1", "0.9900")
                await trio.sleep(1.0)
            # Two periods have passed, however busy they were.
            assert checks.statistics().received == 2


async def test_the_check_goes_on_while_the_state_is_error(tmp_path, autojump_clock):
    async with simulated_daemon(tmp_path) as simulated:
        simulated.exchange.faults.refuse_requests("/", 503)
        simulated.exchange.faults.drop_websockets()
        await simulated.wait_state(State.ERROR)
        before = simulated.view.health.at
        await trio.sleep(61.0)
        assert simulated.view.health.at > before
        assert len(TICKERS) == 12


async def test_a_halt_is_a_problem_with_its_cure(tmp_path, autojump_clock):
    async with simulated_daemon(tmp_path) as simulated:
        await simulated.send(Halt(reason="news"))
        await trio.sleep(31.0)
        health = simulated.view.health
        assert health.healthy
        assert health.problems == (
            "halt person:account: news; `traderd clear-halt person:account` ends it",
        )


async def test_the_way_up_is_no_alarm(tmp_path, autojump_clock):
    async with simulated_daemon(tmp_path) as simulated:
        assert simulated.count("health:") == 0


async def test_nothing_is_called_well_before_the_daemon_is_back_at_work(tmp_path, autojump_clock):
    async with simulated_daemon(tmp_path) as simulated:
        simulated.exchange.faults.refuse_requests("/", 503)
        simulated.exchange.faults.refuse_websockets(503)
        simulated.exchange.faults.drop_websockets()
        await simulated.wait_state(State.ERROR)
        await trio.sleep(300.0)
        # What is wrong is told when it changes, and not at each of some twenty tries.
        assert 1 <= simulated.count("health: state: stage") <= 4
        assert not simulated.said("health: everything is well again")
        simulated.exchange.faults.clear()
        await simulated.wait_ready()
        await simulated.wait_until(lambda: simulated.view.health.problems == ())
        assert simulated.count("health: everything is well again") == 1


def let_books_age(daemon, tickers, poor, *, connections=(1, 2)):
    """Give every market a book, and let the line of the first `poor` of them fall silent."""
    at, (silent, heard) = daemon.now(), connections
    for connection, chosen in ((silent, tickers[:poor]), (heard, tickers[poor:])):
        daemon.publish(
            *(
                ev.BookSnapshot(
                    ticker=ticker, bids=(), asks=(), subscription=f"{connection}:1", seq=seq, at=at
                )
                for seq, ticker in enumerate(chosen, 1)
            )
        )
    long_ago = Timestamp(at - 60 * NS_PER_S)
    daemon.publish(
        ev.LineObserved(at=at, connection=silent, heard_at=long_ago, clock_offset_ms=0),
        ev.LineObserved(at=at, connection=heard, heard_at=at, clock_offset_ms=0),
    )


async def test_books_too_poor_for_strategies_are_degraded_when_they_are_many(
    tmp_path, autojump_clock
):
    few = int(POOR_SHARE_MAX * len(TICKERS))
    async with still_daemon(tmp_path) as daemon:
        let_books_age(daemon, TICKERS, few)
        assert poor_books(daemon.view) is None
    async with still_daemon(tmp_path) as daemon:
        let_books_age(daemon, TICKERS, few + 1)
        assert (poor_books(daemon.view) or "").startswith(
            f"{QUALITY}: {few + 1} of 12 books are graded below C (risk.min_book_grade), so strategies take no new risk"
        )
        assert daemon.view.market_data.usable_books() == 12


async def test_that_a_poor_book_became_two_is_no_news(tmp_path, autojump_clock):
    async with still_daemon(tmp_path) as daemon:
        daemon.climb()
        watch = HealthWatch(daemon.context("health"))
        for poor in (4, 5, 6):
            let_books_age(daemon, TICKERS, poor, connections=(10 * poor, 10 * poor + 1))
            watch.check()
            await trio.sleep(POOR_FOR_S)
            watch.check()
        assert daemon.view.health.problems[0].startswith(f"{QUALITY}: 6 of 12")
        assert daemon.log_text.getvalue().count("health: ") == 1
        let_books_age(daemon, TICKERS, 0, connections=(80, 81))
        watch.check()
        assert daemon.log_text.getvalue().count("everything is well again") == 1


async def test_poor_books_become_a_problem_by_time_alone_and_not_at_once(tmp_path, autojump_clock):
    async with still_daemon(tmp_path) as daemon, trio.open_nursery() as nursery:
        daemon.climb()
        await nursery.start(run, daemon.context("health"))
        let_books_age(daemon, TICKERS, 12)
        daemon.publish(ev.DegradedRaised(at=daemon.now(), part="a part", reason="why"))
        await trio.sleep(POOR_FOR_S - 1)
        assert daemon.view.health.problems == ("a part: why",)
        await trio.sleep(2)
        assert daemon.view.health.problems[1].startswith(QUALITY)
        assert daemon.view.health.healthy
        nursery.cancel_scope.cancel()


# --- what is measured -------------------------------------------------------------------------------


async def test_a_full_disk_is_told_once_and_kept_in_the_history(tmp_path, autojump_clock):
    async with simulated_daemon(tmp_path) as simulated:
        for free in (150_000_000, 140_000_000, 130_000_000):
            simulated.env.machine = attrs.evolve(simulated.env.machine, disk_free=free)
            await trio.sleep(31.0)
        assert simulated.view.health.healthy
        assert simulated.view.health.problems[0].startswith("disk: 130 MB are free")
        simulated.env.machine = attrs.evolve(simulated.env.machine, disk_free=10**12)
        await trio.sleep(31.0)
        assert simulated.view.health.problems == ()
        # That it became less is no news; that it is over is.
        assert simulated.count("health: disk") == 1
        document = health_document(simulated.view, environment="sim", uptime_s=1.0)
        assert [one["health"] for one in document["history"]][-2:] == ["degraded", "healthy"]
        assert [part["name"] for part in document["parts"]][:3] == ["state", "bus", "journal"]


async def test_the_history_is_bounded(tmp_path, autojump_clock):
    async with still_daemon(tmp_path) as daemon:
        for number in range(3 * HEALTH_KEPT):
            problems = (f"part {number}: why",)
            daemon.publish(ev.HealthChecked(at=daemon.now(), healthy=True, problems=problems))
        assert len(daemon.view.health_history) == HEALTH_KEPT
        assert daemon.view.health_history[-1].problems == problems


async def test_a_service_that_hangs_on_its_news_is_restarted_by_the_supervisor(
    tmp_path, autojump_clock
):
    async with simulated_daemon(tmp_path) as simulated:
        asked = []
        simulated.daemon.shared.levers.restart = lambda name, why: asked.append((name, why))
        context = Context(name="slow", shared=simulated.daemon.shared, log=structlog.get_logger())
        with context.subscribe(ServiceChanged, policy=Policy.LOSSLESS) as news:
            context.publish(ServiceChanged(at=0, name="x", status="running", detail=""))
            await news.receive()
            context.publish(ServiceChanged(at=0, name="x", status="running", detail=""))
            await trio.sleep(119.0)
            assert asked == []
            await trio.sleep(32.0)
        ((name, why),) = asked[:1]
        assert (name, "and 1 events wait" in why) == ("slow", True)


async def test_one_that_is_to_start_anew_and_does_not_end_is_a_problem(tmp_path, autojump_clock):
    async with still_daemon(tmp_path) as daemon:
        daemon.climb()
        daemon.publish(ServiceChanged(at=0, name="status", status="stopping", detail="it hangs"))
        assert degraded_parts(daemon.view) == ("service status: stopping",)
        daemon.publish(ServiceChanged(at=0, name="orders", status="stopping", detail="it hangs"))
        assert critical_problems(daemon.view, None) == ("service orders: stopping",)
        (part,) = [
            one
            for one in parts_of(HealthWatch(daemon.context("health")).read())
            if one.name == "orders"
        ]
        assert (part.value, part.sentence) == ("down", "service orders: stopping")
        daemon.shared.lifecycle.stopping("SIGTERM")
        assert degraded_parts(daemon.view) == ()


async def test_the_loop_has_a_number_seconds_after_the_start(tmp_path, autojump_clock):
    async with simulated_daemon(tmp_path, health__interval_s=30) as simulated:
        await trio.sleep(5.0)
        (loop,) = [part for part in simulated.view.health.parts if part.name == "loop"]
        assert loop.value == "0 ms late at most"
