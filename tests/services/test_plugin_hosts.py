import attrs
import pytest
import trio

from tests.simulation.harness import simulated_daemon
from traderd.model import events as ev
from traderd.plugin_api import Service
from traderd.runtime.plugin_record import Origin, PluginRecord


async def serve(context, *, task_status):
    task_status.started()
    await trio.sleep_forever()


def service(name: str, **facts) -> Service:
    return Service(name=name, run=serve, **facts)


def record(name: str = "mine") -> PluginRecord:
    return PluginRecord(name=name, where=f"/x/{name}.py", origin=Origin.DROP_IN)


def statuses(simulated, names: str) -> list[str]:
    found = simulated.view.services
    return [found[name].status for name in names if name in found]


def hosts_of(simulated):
    return simulated.daemon.shared.extras["plugins"].hosts


PROBLEMS = {
    "a stage": (service("x", stage="sync"), "names a stage"),
    "a name that is taken": (service("orders"), "a service called orders already"),
    "an unknown one before it": (service("x", after=("gone",)), "after gone, which is no service"),
    "itself before it": (service("x", after=("x",)), "wait for each other"),
}


@pytest.mark.parametrize("kind", PROBLEMS)
async def test_services_that_cannot_run_are_refused_with_the_reason(tmp_path, autojump_clock, kind):
    one, words = PROBLEMS[kind]
    async with simulated_daemon(tmp_path) as simulated:
        assert words in hosts_of(simulated).problem([one], "mine")
        assert hosts_of(simulated).problem([service("x", after=("orders",))], "mine") == ""


async def test_services_of_a_plugin_stop_without_those_of_another(tmp_path, autojump_clock):
    async with simulated_daemon(tmp_path) as simulated:
        hosts = hosts_of(simulated)
        hosts.start(record(), [service("b", after=("a", "orders")), service("a")])
        hosts.start(record("other"), [service("c")])
        await simulated.wait_until(lambda: statuses(simulated, "abc") == ["running"] * 3)
        assert await hosts.stop("mine") == ["a", "b"]
        assert statuses(simulated, "abc") == ["stopped", "stopped", "running"]
        assert await hosts.stop("mine") == []
        assert hosts.problem([service("a")], "mine") == ""
        assert "called c already" in hosts.problem([service("c")], "mine")


async def test_a_drain_that_hangs_or_fails_is_cut_and_told(tmp_path, autojump_clock):
    async def hang(context):
        await trio.sleep_forever()

    async def fail(context):
        raise ValueError("no")

    async with simulated_daemon(tmp_path) as simulated:
        hosts = hosts_of(simulated)
        hosts.start(record(), [service("a", drain=hang), service("b", drain=fail)])
        await simulated.wait_until(
            lambda: [simulated.view.services.get(name) for name in "ab"].count(None) == 0
        )
        await trio.sleep(1)
        await hosts.stop("mine")
        assert simulated.said("service a is stopping")
        details = [line.get("detail", "") for line in simulated.lines()]
        assert "its drain was cut after 2 s" in details
        assert any("its drain failed" in detail for detail in details)


async def test_a_service_gets_the_context_of_its_plugin(tmp_path, autojump_clock):
    seen = []

    async def look(context, *, task_status):
        seen.append((context.name, context.plugin))
        context.notes.put("x", 1)
        await serve(context, task_status=task_status)

    async with simulated_daemon(tmp_path) as simulated:
        hosts_of(simulated).start(record(), [attrs.evolve(service("a"), run=look)])
        await simulated.wait_until(lambda: seen == [("a", "mine")])
        assert simulated.daemon.shared.plugin_desk.notes.section("mine").get("x") == 1


async def test_what_the_services_of_a_plugin_told_as_degraded_goes_with_them(
    tmp_path, autojump_clock
):
    async def tell(context, *, task_status):
        part = f"{context.plugin}: its source"
        context.publish(ev.DegradedRaised(at=context.now(), part=part, reason="it is gone"))
        await serve(context, task_status=task_status)

    async with simulated_daemon(tmp_path) as simulated:
        hosts, degraded = hosts_of(simulated), simulated.view.conditions.degraded
        hosts.start(record(), [Service(name="a", run=tell)])
        hosts.start(record("other"), [Service(name="c", run=tell)])
        await simulated.wait_until(lambda: statuses(simulated, "ac") == ["running"] * 2)
        assert sorted(degraded) == ["mine: its source", "other: its source"]
        await hosts.stop("mine")
        assert list(degraded) == ["other: its source"]
