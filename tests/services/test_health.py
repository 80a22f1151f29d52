"""Health: what is critical, what is only degraded, and that news is told once."""

import trio

from tests.simulation.harness import TICKERS, simulated_daemon
from traderd.model.commands import Halt
from traderd.model.events import HealthChecked, ServiceChanged
from traderd.model.states import State
from traderd.runtime.inbox import Policy
from traderd.services.health import critical_problems, degraded_parts
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
