"""Who holds the loop up is named while it does: by the clock of the thread beside it, and once with a real loop."""

import subprocess
import sys
import textwrap
from pathlib import Path

import pytest
import trio

from traderd.runtime.env import Frame
from traderd.runtime.simulation import SimEnv
from traderd.runtime.stall_watch import StallWatch, name_culprit, stall_sentence

ROOT = Path(__file__).parents[2]
LOOP = Frame("/x/trio/_core/_run.py", 2712, "unrolled_run")
PLUGIN = Frame("/p/maker.py", 7, "Maker.on_book")
LIBRARY = Frame("/x/json/decoder.py", 3, "decode")
IDLE = Frame("/x/trio/_core/_io_epoll.py", 209, "EpollIOManager.get_events")


def whose(file):
    return {"/p/maker.py": "plugin maker", "/t/sync.py": "service sync"}.get(file, "")


class Watched:
    """A watch whose thread and loop a test moves by hand."""

    def __init__(self, frames=(LOOP, PLUGIN)):
        self.begun, self.frames = [], list(frames)
        self.watch = StallWatch(stall_s=0.5, whose=whose, on_stall=self.begun.append)
        self.now = 100.0

    def look(self, times=1, *, beating=False):
        for _ in range(times):
            if beating:
                self.watch.beat()
            self.now += 0.1
            self.watch.look(self.now, lambda: self.frames)


def test_a_loop_that_beats_is_left_alone():
    watched = Watched()
    watched.look(100, beating=True)
    assert watched.begun == []


def test_a_late_beat_names_the_innermost_line_of_the_plugin_once_within_a_second():
    watched = Watched([LOOP, PLUGIN, LIBRARY])
    watched.look(3, beating=True)
    stopped_at = watched.now
    while not watched.begun:
        watched.look()
    assert watched.now - stopped_at <= 0.7
    watched.look(50)
    (stall,) = watched.begun
    assert (stall.culprit, stall.place) == ("plugin maker", "/p/maker.py:7 in Maker.on_book")
    assert stall.stack[-1] == "/x/json/decoder.py:3 in decode"
    assert stall_sentence(stall).startswith(
        "plugin maker holds the loop up for 0.6 s: /p/maker.py:7"
    )


async def test_its_end_is_told_in_the_loop_with_how_long_it_was(autojump_clock, nursery):
    watched, over = Watched(), []

    class Beside(SimEnv):
        def watch_beside(self, look, *, every_s):
            from contextlib import nullcontext

            return nullcontext(True)

    nursery.start_soon(watched.watch.run, Beside(seed=1), over.append)
    watched.look(2, beating=True)
    watched.look(20)
    assert over == []
    watched.look(beating=True)
    await trio.sleep(1.0)
    (stall,) = over
    assert (stall.is_over, stall.late_s) == (True, pytest.approx(2.1))
    assert stall_sentence(stall).startswith("plugin maker held the loop up for 2.1 s")


def test_a_machine_that_stood_is_nobodys_fault():
    watched = Watched()
    watched.look(2, beating=True)
    # Neither loop nor thread ran: a suspended process looks like that.
    watched.now += 600.0
    watched.look(3)
    assert watched.begun == []


def test_a_loop_that_waits_for_something_to_do_is_not_stalled():
    watched = Watched([LOOP, IDLE])
    watched.look(2, beating=True)
    watched.look(20)
    assert watched.begun == []


def test_code_of_nobody_in_particular_is_named_by_its_file():
    stall = name_culprit([LOOP, LIBRARY], whose, 1.0)
    assert (stall.culprit, stall.place) == ("/x/json/decoder.py", "/x/json/decoder.py:3 in decode")
    service = name_culprit([LOOP, Frame("/t/sync.py", 1, "run"), LIBRARY], whose, 1.0)
    assert service.culprit == "service sync"


def test_a_plugin_that_called_into_a_service_answers_for_it():
    frames = [LOOP, PLUGIN, Frame("/t/sync.py", 1, "run")]
    assert name_culprit(frames, whose, 1.0).culprit == "plugin maker"


async def test_in_virtual_time_nobody_looks(autojump_clock):
    watched = Watched()
    with trio.move_on_after(10.0):
        await watched.watch.run(SimEnv(seed=1), print)
    assert (watched.begun, watched.watch._beats) == ([], 0)


@pytest.mark.process
def test_a_real_loop_that_is_held_up_is_named_while_it_is(tmp_path):
    """By the look that first finds it late enough: how long it takes to come to that is the machine's affair."""
    (tmp_path / "maker.py").write_text(
        "import time\ndef block(until):\n    while not until(): time.sleep(0.05)\n"
    )
    program = tmp_path / "main.py"
    program.write_text(
        textwrap.dedent("""
        import time, trio, maker
        from traderd.runtime.env import RealEnv
        from traderd.runtime.stall_watch import StallWatch

        async def main():
            begun, over, looks = [], [], []

            class Watch(StallWatch):
                def look(self, now, frames):
                    looks.append(now)
                    super().look(now, frames)

            watch = Watch(
                stall_s=0.5,
                whose=lambda file: "plugin maker" if file == maker.__file__ else "",
                on_stall=begun.append,
            )
            async with trio.open_nursery() as nursery:
                nursery.start_soon(watch.run, RealEnv(), over.append)
                await trio.sleep(0.5)
                assert begun == []
                at = time.monotonic()
                maker.block(lambda: begun or time.monotonic() > at + 60)
                (stall,) = begun
                while not over:
                    await trio.sleep(0.01)
                nursery.cancel_scope.cancel()
            between = max(later - sooner for sooner, later in zip(looks, looks[1:]))
            print(stall.culprit, stall.place.rpartition("/")[2], stall.late_s <= 0.5 + between)
            print(over[0].late_s > stall.late_s)

        trio.run(main)
        """)
    )
    ran = subprocess.run(
        [sys.executable, str(program)],
        capture_output=True,
        text=True,
        timeout=120,
        cwd=tmp_path,
        env={"PYTHONPATH": str(ROOT)},
        check=False,
    )
    assert ran.stdout == "plugin maker maker.py:3 in block True\nTrue\n", ran.stderr
