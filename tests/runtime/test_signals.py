"""The first stop signal is an orderly stop, each one after it is haste, SIGHUP is neither."""

import os
import signal

import pytest
import trio

from traderd.runtime.env import RealEnv
from traderd.runtime.signals import watch_signals
from traderd.runtime.simulation import SimEnv

REAL_BUDGET_S = 60.0
"""Bounds the way of a real signal to the own process: a hundred times what it takes."""


class Daemon:
    """Writes down what the signals ask of it."""

    def __init__(self, env):
        self.env = env
        self.asked: list[str] = []
        self._news = trio.Event()

    def watch(self):
        return {
            "env": self.env,
            "on_stop": lambda name: self._note(f"stop: {name}"),
            "on_hurry": lambda reason: self._note(f"hurry: {reason}"),
            "on_reload": lambda: self._note("reload"),
            "on_kill": lambda name: self._note(f"kill: {name}"),
        }

    async def wait_asked(self, count):
        while len(self.asked) < count:
            self._news = trio.Event()
            await self._news.wait()

    def _note(self, words):
        self.asked.append(words)
        self._news.set()


async def watch(daemon, *, task_status):
    await watch_signals(**daemon.watch(), task_status=task_status)


async def ask(*numbers):
    """Return what a daemon is asked by these signals, one after the other."""
    daemon = Daemon(SimEnv(seed=1))
    async with trio.open_nursery() as nursery:
        await nursery.start(watch, daemon)
        for count, number in enumerate(numbers, start=1):
            daemon.env.raise_signal(number)
            await daemon.wait_asked(count)
        nursery.cancel_scope.cancel()
    return daemon.asked


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_the_first_stop_signal_stops(number, autojump_clock):
    assert await ask(number) == [f"stop: {number.name}"]


async def test_each_stop_signal_after_the_first_is_haste(autojump_clock):
    assert await ask(signal.SIGTERM, signal.SIGINT, signal.SIGTERM) == [
        *("stop: SIGTERM", "hurry: a second SIGINT", "hurry: a second SIGTERM")
    ]


async def test_sighup_reloads_and_is_no_stop(autojump_clock):
    assert await ask(signal.SIGHUP, signal.SIGTERM, signal.SIGHUP, signal.SIGINT) == [
        *("reload", "stop: SIGTERM", "reload", "hurry: a second SIGINT")
    ]


async def test_sigusr1_pulls_the_kill_switch_also_while_it_stops(autojump_clock):
    assert await ask(signal.SIGUSR1, signal.SIGTERM, signal.SIGUSR1) == [
        *("kill: SIGUSR1", "stop: SIGTERM", "kill: SIGUSR1")
    ]


async def test_a_burst_is_taken_in_its_order(autojump_clock):
    daemon = Daemon(SimEnv(seed=1))
    async with trio.open_nursery() as nursery:
        await nursery.start(watch, daemon)
        for number in (signal.SIGHUP, signal.SIGINT, signal.SIGINT):
            daemon.env.raise_signal(number)
        await daemon.wait_asked(3)
        nursery.cancel_scope.cancel()
    assert daemon.asked == ["reload", "stop: SIGINT", "hurry: a second SIGINT"]


async def test_real_signals_to_the_own_process_arrive_and_end_nothing():
    """On the real machine and clock: the receiver is the only thing between SIGTERM and the end."""
    before = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGHUP)}
    daemon = Daemon(RealEnv(seed=1))
    with trio.fail_after(REAL_BUDGET_S):
        async with trio.open_nursery() as nursery:
            await nursery.start(watch, daemon)
            for count, number in enumerate(
                (signal.SIGHUP, signal.SIGTERM, signal.SIGTERM), start=1
            ):
                os.kill(os.getpid(), number)
                await daemon.wait_asked(count)
            nursery.cancel_scope.cancel()
    assert daemon.asked == ["reload", "stop: SIGTERM", "hurry: a second SIGTERM"]
    assert {number: signal.getsignal(number) for number in before} == before
