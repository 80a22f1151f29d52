"""Same seed, same world: in one process, over processes and hash seeds; and a network of memory."""

import hashlib
import os
import random
import signal
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest
import trio
import trio._core._run as trio_run
import trio.testing

from traderd.runtime.env import CONNECT_DEADLINE_S
from traderd.runtime.simulation import (
    BACKLOG,
    DATAGRAM_BYTES_MAX,
    FIRST_FREE_PORT,
    SCHEDULING_FLAG,
    SIMULATED_START_NS,
    STORE_DELAY_S,
    MemoryDatagrams,
    MemoryNetwork,
    SimEnv,
    run_simulated,
)

ROOT = Path(__file__).parents[2]
HOST = "127.0.0.1"


# --- repeatable scheduling --------------------------------------------------------------------------


class Steps(trio.abc.Instrument):
    """Writes down which task takes each step, and when."""

    def __init__(self):
        self.trace = hashlib.sha256()

    def before_task_step(self, task):
        self.trace.update(f"{trio.current_time():.9f} {task.name}\n".encode())


async def crowd(seed):
    """Run tasks that meet at the same instants, talk over channels and draw chance; hash each step."""
    env, steps = SimEnv(seed=seed), Steps()
    trio.lowlevel.add_instrument(steps)
    listener, port = await env.listen(HOST, 0)
    log = []

    async def client(number):
        for _ in range(5):
            await trio.sleep(1)
            stream = await env.connect(HOST, port, tls=False)
            await stream.send_all(f"{number} {env.new_id()}\n".encode())
            log.append((number, await stream.receive_some(), env.wall_ns()))
            await env.run_blocking(log.append, env.rng.random())
            await trio.sleep(env.rng.uniform(0, 1))

    async def serve(stream):
        await stream.send_all((await stream.receive_some())[::-1])

    async with trio.open_nursery() as nursery:
        nursery.start_soon(trio.serve_listeners, serve, [listener])
        async with trio.open_nursery() as clients:
            for number in range(6):
                clients.start_soon(client, number, name=f"client {number}")
        nursery.cancel_scope.cancel()
    trio.lowlevel.remove_instrument(steps)
    steps.trace.update(repr(log).encode())
    return steps.trace.hexdigest()


async def order_of_waking(count=12):
    """Return the order in which tasks run that wake at one instant."""
    woken = []

    async def sleeper(number):
        await trio.sleep(1)
        woken.append(number)

    async with trio.open_nursery() as nursery:
        for number in range(count):
            nursery.start_soon(sleeper, number)
    return tuple(woken)


def test_the_two_private_names_exist():
    assert isinstance(getattr(trio_run, SCHEDULING_FLAG), bool)
    assert isinstance(trio_run._r, random.Random)


def test_the_generator_matters():
    """Seeded it gives one order; unseeded, Trio shuffles the tasks that are ready."""
    assert len({run_simulated(order_of_waking, seed=5) for _ in range(5)}) == 1
    assert len({run_simulated(order_of_waking, seed=seed) for seed in range(5)}) > 1
    free = {trio.run(order_of_waking, clock=trio.testing.MockClock(0, 0)) for _ in range(5)}
    assert len(free) > 1


@pytest.mark.parametrize(("flag", "expected"), [(True, [0, 1, 2, 3]), (False, [3, 2, 1, 0])])
def test_the_flag_matters(flag, expected, monkeypatch):
    """It sorts the tasks of one pass by their age; without it they run as they became ready."""

    class InOrder(random.Random):
        """Turns each batch around, which Trio takes from its end: tasks run in the order of the batch."""

        def random(self):
            return 0.1

        def shuffle(self, x):
            x.reverse()

    async def main():
        doors, woken = [trio.Event() for _ in expected], []

        async def wait_at(number):
            await doors[number].wait()
            woken.append(number)

        async with trio.open_nursery() as nursery:
            for number in range(len(doors)):
                nursery.start_soon(wait_at, number)
                await trio.testing.wait_all_tasks_blocked()
            for door in reversed(doors):
                door.set()
        return woken

    monkeypatch.setattr(trio_run, "_r", InOrder(1))
    monkeypatch.setattr(trio_run, SCHEDULING_FLAG, flag)
    assert trio.run(main) == expected


@pytest.mark.parametrize("before", [False, True])
def test_both_are_put_back_even_after_an_error(before, monkeypatch):
    # Hypothesis sets the flag for a whole test run, so that it is not always False here.
    monkeypatch.setattr(trio_run, SCHEDULING_FLAG, before)

    async def fail():
        assert getattr(trio_run, SCHEDULING_FLAG) is True
        raise ValueError("the end")

    state = trio_run._r.getstate()
    with pytest.raises(ValueError, match="the end"):
        run_simulated(fail, seed=3)
    assert getattr(trio_run, SCHEDULING_FLAG) is before
    assert trio_run._r.getstate() == state


def test_the_same_seed_takes_the_same_steps_and_another_one_does_not():
    assert run_simulated(crowd, 1, seed=1) == run_simulated(crowd, 1, seed=1)
    assert run_simulated(crowd, 1, seed=1) != run_simulated(crowd, 1, seed=2)
    assert run_simulated(crowd, 1, seed=1) != run_simulated(crowd, 2, seed=1)


def test_fresh_processes_with_any_hash_seed_take_the_same_steps():
    program = textwrap.dedent("""
        from tests.runtime.test_simulation import crowd
        from traderd.runtime.simulation import run_simulated
        print(run_simulated(crowd, 1, seed=1))
    """)
    traces = {
        subprocess.run(
            [sys.executable, "-c", program],
            cwd=ROOT,
            env=os.environ | {"PYTHONHASHSEED": hash_seed, "PYTHONPATH": str(ROOT)},
            capture_output=True,
            text=True,
            check=True,
            timeout=60,
        ).stdout.strip()
        for hash_seed in ("0", "1", "12345")
    }
    assert traces == {run_simulated(crowd, 1, seed=1)}


def test_hours_pass_in_no_time():
    async def day():
        await trio.sleep(86_400)
        return trio.current_time()

    assert run_simulated(day, seed=1) == 86_400


# --- the outside ------------------------------------------------------------------------------------


@pytest.fixture
def env():
    return SimEnv(seed=1)


async def test_the_wall_clock_runs_with_the_virtual_one(env, autojump_clock):
    assert env.wall_ns() == SIMULATED_START_NS
    await trio.sleep(1.5)
    assert env.wall_ns() == SIMULATED_START_NS + 1_500_000_000


def test_ids_and_chance_come_from_the_seed():
    one, same, other = SimEnv(seed=1), SimEnv(seed=1), SimEnv(seed=2)
    ids = [one.new_id() for _ in range(3)]
    assert ids == [same.new_id() for _ in range(3)]
    assert other.new_id() not in ids
    assert len(set(ids)) == 3


async def test_a_blocking_call_is_made_inline_and_costs_virtual_time(env, autojump_clock):
    async def meanwhile():
        order.append("other task")

    order = []
    async with trio.open_nursery() as nursery:
        nursery.start_soon(meanwhile)
        assert await env.run_blocking(lambda x: order.append("call") or x + 1, 41) == 42
        assert trio.current_time() == pytest.approx(STORE_DELAY_S)
    # No other task ran between the request and the call.
    assert order == ["call", "other task"]


async def test_a_blocking_call_that_fails_took_its_time_too(env, autojump_clock):
    with pytest.raises(ZeroDivisionError):
        await env.run_blocking(divmod, 1, 0)
    assert trio.current_time() == pytest.approx(STORE_DELAY_S)


async def test_a_blocking_call_under_way_is_not_abandoned_but_a_cancelled_one_never_starts(
    env, autojump_clock
):
    calls = []
    with trio.move_on_after(STORE_DELAY_S / 2) as scope:
        await env.run_blocking(calls.append, "under way")
        calls.append("came back")
        await env.run_blocking(calls.append, "never")
    assert scope.cancelled_caught
    assert calls == ["under way", "came back"]


def test_the_variables_are_those_that_were_given():
    assert SimEnv(seed=1).variables == {}
    assert SimEnv(seed=1, variables={"A": "1"}).variables == {"A": "1"}


async def test_signals_arrive_where_they_are_watched_and_nowhere_else(env, autojump_clock):
    with pytest.raises(RuntimeError, match="nobody watches signal 15"):
        env.raise_signal(signal.SIGTERM)
    with env.signals(signal.SIGTERM, signal.SIGHUP) as received:
        env.raise_signal(signal.SIGHUP)
        env.raise_signal(signal.SIGTERM)
        assert [await anext(received), await anext(received)] == [signal.SIGHUP, signal.SIGTERM]
        with pytest.raises(RuntimeError, match="nobody watches signal 2"):
            env.raise_signal(signal.SIGINT)
    with pytest.raises(RuntimeError, match="nobody watches"):
        env.raise_signal(signal.SIGTERM)


# --- the network of memory --------------------------------------------------------------------------


async def test_bytes_travel_both_ways_and_the_end_arrives(env, autojump_clock):
    listener, port = await env.listen(HOST, 0)
    async with listener:
        ours = await env.connect("anywhere.example", port, tls=True)
        theirs = await listener.accept()
        await ours.send_all(b"hello")
        assert await theirs.receive_some() == b"hello"
        await theirs.send_all(b"thanks")
        await theirs.aclose()
        assert await ours.receive_some() == b"thanks"
        assert await ours.receive_some() == b""
        with pytest.raises(trio.BrokenResourceError):
            await ours.send_all(b"anybody?")


async def test_connecting_to_nobody_is_refused(env, autojump_clock):
    with pytest.raises(ConnectionRefusedError):
        await env.connect(HOST, 9, tls=False)


async def test_a_free_port_is_another_one_each_time_and_a_taken_one_is_refused(env, autojump_clock):
    first, port = await env.listen(HOST, 0)
    second, other = await env.listen(HOST, 0)
    assert (port, other) == (FIRST_FREE_PORT, FIRST_FREE_PORT + 1)
    async with first, second:
        with pytest.raises(OSError, match="already in use"):
            await env.listen(HOST, port)


async def test_a_free_port_is_never_one_that_was_asked_for_by_number(env, autojump_clock):
    taken, _ = await env.listen(HOST, FIRST_FREE_PORT)
    free, port = await env.listen(HOST, 0)
    async with taken, free:
        assert port == FIRST_FREE_PORT + 1


async def test_closing_frees_the_port_and_ends_the_wait_for_clients(env, autojump_clock):
    listener, port = await env.listen(HOST, 9_000)

    async def wait_for_a_client():
        with pytest.raises(trio.ClosedResourceError):
            await listener.accept()
        ended.append(True)

    ended = []
    async with trio.open_nursery() as nursery:
        nursery.start_soon(wait_for_a_client)
        await trio.testing.wait_all_tasks_blocked()
        await listener.aclose()
    assert ended == [True]
    with pytest.raises(ConnectionRefusedError):
        await env.connect(HOST, port, tls=False)
    with pytest.raises(trio.ClosedResourceError):
        await listener.accept()
    again, same = await env.listen(HOST, port)
    async with again:
        assert same == port


async def test_closing_turns_waiting_clients_away(env, autojump_clock):
    listener, port = await env.listen(HOST, 0)
    waiting = await env.connect(HOST, port, tls=False)
    await listener.aclose()
    with trio.fail_after(1):
        assert await waiting.receive_some() == b""


async def test_a_full_backlog_makes_a_client_wait_until_its_deadline(env, autojump_clock):
    listener, port = await env.listen(HOST, 0)
    async with listener:
        streams = [await env.connect(HOST, port, tls=False) for _ in range(BACKLOG)]
        words = f"{HOST}:{port} did not answer within 10 s"
        with pytest.raises(trio.TooSlowError, match=words):
            await env.connect(HOST, port, tls=False)
        assert trio.current_time() == pytest.approx(CONNECT_DEADLINE_S)
        async with trio.open_nursery() as nursery:
            nursery.start_soon(refused_when_closed, env, port)
            await trio.testing.wait_all_tasks_blocked()
            await listener.aclose()
        assert len(streams) == BACKLOG


async def refused_when_closed(env, port):
    with pytest.raises(ConnectionRefusedError):
        await env.connect(HOST, port, tls=False)


async def test_two_environments_meet_on_one_network(autojump_clock):
    network = MemoryNetwork()
    exchange, daemon = SimEnv(seed=1, network=network), SimEnv(seed=2, network=network)
    listener, port = await exchange.listen(HOST, 0)
    async with listener:
        await daemon.connect(HOST, port, tls=False)
        assert await listener.accept() is not None
    with pytest.raises(ConnectionRefusedError):
        await SimEnv(seed=3).connect(HOST, port, tls=False)


# --- the machine's own services -------------------------------------------------------------------


async def test_datagrams_reach_a_service_that_is_there(autojump_clock):
    env = SimEnv(seed=1)
    with pytest.raises(FileNotFoundError):
        env.datagrams("/run/journal")
    end = env.machine_services["/run/journal"] = MemoryDatagrams()
    sender = env.datagrams("/run/journal")
    await trio.sleep(2)
    sender.send(b"x")
    assert list(end.received) == [(trio.current_time(), b"x")]
    assert env.machine_us() == round(trio.current_time() * 1e6)


async def test_a_datagram_has_the_bound_of_a_real_one(autojump_clock):
    end = MemoryDatagrams()
    end.send(b"x" * DATAGRAM_BYTES_MAX)
    with pytest.raises(OSError, match="Message too long"):
        end.send(b"x" * (DATAGRAM_BYTES_MAX + 1))
    end.send_file(b"x" * (DATAGRAM_BYTES_MAX + 1))
    end.failure = BlockingIOError(11, "Resource temporarily unavailable")
    with pytest.raises(BlockingIOError):
        end.send(b"x")
    assert len(end.received) == 2
