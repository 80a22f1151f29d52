"""An outside world that is another's."""

from __future__ import annotations

import inspect

from traderd.runtime.env import Env
from traderd.runtime.forwarding_env import ForwardingEnv
from traderd.runtime.simulation import MemoryDatagrams, SimEnv


class Remembering(SimEnv):
    """Remembers what it was told of memory."""

    def settle_memory(self, *, anew: bool = False) -> None:
        """Remember it."""
        self.settled = anew


def test_every_door_of_the_outside_world_is_handed_on():
    doors = [name for name, _ in inspect.getmembers(Env, inspect.isfunction)]
    assert len(doors) >= 8
    assert [name for name in doors if name not in vars(ForwardingEnv)] == []


async def test_it_answers_as_the_other_does(autojump_clock):
    other, same = Remembering(seed=1), SimEnv(seed=1)
    env = ForwardingEnv(other)
    assert (env.wall_ns(), env.monotonic()) == (same.wall_ns(), same.monotonic())
    assert (env.new_id(), env.rng) == (same.new_id(), other.rng)
    assert env.variables is other.variables
    assert await env.run_blocking(max, 1, 2) == 2
    assert env.machine_us() == same.machine_us()
    end = other.machine_services["/run/notify"] = MemoryDatagrams()
    env.datagrams("/run/notify").send(b"READY=1")
    assert [data for _, data in end.received] == [b"READY=1"]
    env.settle_memory(anew=True)
    assert other.settled is True


async def test_its_streams_are_the_others(autojump_clock):
    other = SimEnv(seed=1)
    env = ForwardingEnv(other)
    listener, port = await env.listen("127.0.0.1", 9_000)
    here = await env.connect("127.0.0.1", port, tls=False)
    there = await listener.accept()
    await here.send_all(b"hello")
    assert await there.receive_some() == b"hello"
    with env.signals() as signals:
        assert hasattr(signals, "__anext__")
