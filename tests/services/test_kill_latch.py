"""What the kill switch and whoever clears it agree about: who comes first at the file, and that each pull counts."""

import trio

from tests.simulation.harness import simulated_daemon
from traderd.model.commands import Kill
from traderd.services.kill_latch import KillLatch
from traderd.store.latch import LATCH_FILE, read_latch


async def test_every_way_to_pull_it_is_counted_also_while_it_holds(tmp_path, autojump_clock):
    async with simulated_daemon(tmp_path) as simulated:
        latch = simulated.daemon.shared.kill_latch
        (tmp_path / LATCH_FILE).touch()
        await simulated.wait_until(lambda: latch.pulled == 1)
        await simulated.send(Kill(reason="x", wait=False))
        assert latch.pulled == 2
        simulated.daemon.kill("a signal")
        assert latch.pulled == 3


async def test_a_kill_holds_at_once_and_writes_its_file_when_it_is_its_turn(
    tmp_path, autojump_clock
):
    async with simulated_daemon(tmp_path) as simulated, trio.open_nursery() as nursery:
        async with simulated.daemon.shared.kill_latch.disk:
            nursery.start_soon(simulated.send, Kill(reason="x"))
            await simulated.wait_until(lambda: simulated.view.conditions.killed)
            await trio.sleep(1.0)
            assert read_latch(tmp_path) is None
        await simulated.wait_until(lambda: read_latch(tmp_path) is not None, within_s=1.0)


async def test_who_asks_first_is_first(autojump_clock):
    latch, order = KillLatch(), []

    async def take(name):
        async with latch.disk:
            order.append(name)
            await trio.sleep(1.0)

    async with trio.open_nursery() as nursery:
        for name in ("clear", "kill", "clear again"):
            nursery.start_soon(take, name)
            await trio.sleep(0.1)
    assert order == ["clear", "kill", "clear again"]
