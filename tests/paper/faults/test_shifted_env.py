"""An Env whose wall clock is wrong and whose everything else is right."""

from tests.paper.served import VirtualEnv
from traderd.paper.faults.shifted_env import ShiftedEnv


async def test_only_the_wall_clock_is_wrong(autojump_clock):
    env, offset = VirtualEnv(), [0]
    shifted = ShiftedEnv(env, lambda: offset[0])
    assert shifted.wall_ns() == env.wall_ns()
    offset[0] = -7
    assert shifted.wall_ns() == env.wall_ns() - 7
    assert shifted.monotonic() == env.monotonic()
    assert (shifted.rng, shifted.variables) == (env.rng, env.variables)


async def test_the_doors_are_those_of_the_other(autojump_clock):
    env = VirtualEnv(seed=3)
    shifted = ShiftedEnv(env, lambda: 5)
    assert shifted.new_id() == VirtualEnv(seed=3).new_id()
    listener, port = await shifted.listen("127.0.0.1", 0)
    assert env.listeners == {port: listener}
    stream = await shifted.connect("127.0.0.1", port, tls=False)
    theirs = await listener.accept()
    await stream.send_all(b"x")
    assert await theirs.receive_some(1) == b"x"
    assert await shifted.run_blocking(pow, 2, 5) == 32
