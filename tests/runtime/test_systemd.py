import os

import pytest

from traderd.runtime.simulation import MemoryDatagrams, SimEnv
from traderd.runtime.systemd import (
    BEAT_S,
    STATUS_CHARACTERS_MAX,
    Phase,
    ServiceManager,
    open_manager,
    watchdog_s,
)

ADDRESS = "/run/systemd/notify"


class Systemd:
    """The other end, and the way to it."""

    def __init__(self, **variables: str) -> None:
        self.end, self.warnings = MemoryDatagrams(), []
        self.env = SimEnv(seed=1, variables={"NOTIFY_SOCKET": ADDRESS, **variables})
        self.env.machine_services[ADDRESS] = self.end

    def open(self):
        return open_manager(self.env, warn=self.warnings.append)

    def heard(self) -> list[list[str]]:
        told = [data.decode().split("\n") for _, data in self.end.received]
        self.end.received.clear()
        return told


async def test_a_start_is_extended_until_it_is_ready_and_fed_afterwards(autojump_clock):
    systemd = Systemd(WATCHDOG_USEC="30000000")
    with systemd.open() as manager:
        manager.alive("initializing")
        assert systemd.heard() == [["EXTEND_TIMEOUT_USEC=60000000", "STATUS=initializing"]]
        manager.ready("ready")
        manager.ready("ready")
        manager.alive("ready")
        assert systemd.heard() == [["READY=1", "STATUS=ready"], ["WATCHDOG=1"]]


async def test_nothing_but_the_stop_is_told_once_it_has_begun(autojump_clock):
    systemd = Systemd(WATCHDOG_USEC="30000000")
    with systemd.open() as manager:
        manager.ready("ready")
        manager.stopping("SIGTERM")
        manager.stopping("SIGTERM again")
        manager.alive("still here")
        manager.ready("ready")
        with manager.reloading():
            pass
        assert systemd.heard() == [["READY=1", "STATUS=ready"], ["STOPPING=1", "STATUS=SIGTERM"]]


async def test_a_reload_is_framed_and_says_when_it_began(autojump_clock):
    systemd = Systemd()
    with systemd.open() as manager:
        with manager.reloading():
            # Told before, it would mean that the start is done.
            assert systemd.heard() == []
        manager.ready("ready")
        systemd.heard()
        began = systemd.env.machine_us()
        with manager.reloading():
            assert systemd.heard() == [["RELOADING=1", f"MONOTONIC_USEC={began}"]]
        assert systemd.heard() == [["READY=1"]]


async def test_a_reload_that_fails_ends_all_the_same(autojump_clock):
    systemd = Systemd()
    with systemd.open() as manager:
        manager.ready("ready")
        with pytest.raises(ValueError, match="bad"), manager.reloading():
            raise ValueError("bad settings")
        assert systemd.heard()[-1] == ["READY=1"]


async def test_the_same_status_is_told_once(autojump_clock):
    systemd = Systemd()
    with systemd.open() as manager:
        for text in ("a", "a", "b", "b", "a"):
            manager.status(text)
        assert systemd.heard() == [["STATUS=a"], ["STATUS=b"], ["STATUS=a"]]
        manager.alive("a")
        assert systemd.heard() == [["EXTEND_TIMEOUT_USEC=60000000"]]


async def test_a_status_is_one_line_without_secrets_and_bounded(autojump_clock):
    systemd = Systemd()
    with systemd.open() as manager:
        manager.status("error\nREADY=1 token=hunter2 " + "x" * 10_000)
        ((line,),) = systemd.heard()
        assert line.startswith("STATUS=error\\nREADY=1 token=[masked] xxx")
        assert len(line) == len("STATUS=") + STATUS_CHARACTERS_MAX


async def test_ready_is_told_again_until_systemd_took_it(autojump_clock):
    systemd = Systemd()
    with systemd.open() as manager:
        systemd.end.failure = BlockingIOError(11, "Resource temporarily unavailable")
        manager.ready("ready")
        manager.ready("ready")
        assert (manager.phase, systemd.warnings) == (
            Phase.STARTING,
            ["systemd cannot be told READY: Resource temporarily unavailable"],
        )
        systemd.end.failure = None
        manager.ready("ready")
        assert systemd.heard() == [["READY=1", "STATUS=ready"]]
        assert manager.phase is Phase.RUNNING


async def test_without_systemd_nothing_is_told_and_nothing_warned(autojump_clock):
    systemd = Systemd(NOTIFY_SOCKET="")
    with systemd.open() as manager:
        assert not manager.is_heard
        manager.ready("ready")
        with manager.reloading():
            manager.alive("x")
        manager.stopping("x")
    assert (systemd.heard(), systemd.warnings) == ([], [])


@pytest.mark.parametrize(
    ("address", "why"),
    [
        ("/run/gone", "No such file or directory"),
        ("@gone", "No such file or directory"),
        ("vsock:2:9000", "only paths and @names are understood"),
    ],
)
async def test_a_socket_that_is_not_there_is_told_once_and_harms_nobody(
    autojump_clock, address, why
):
    systemd = Systemd(NOTIFY_SOCKET=address)
    with systemd.open() as manager:
        manager.ready("ready")
    assert systemd.warnings == [
        f"NOTIFY_SOCKET={address} cannot be used, so systemd is told nothing: {why}"
    ]


@pytest.mark.parametrize(
    ("variables", "seconds"),
    [
        ({}, None),
        ({"WATCHDOG_USEC": "30000000"}, 30.0),
        ({"WATCHDOG_USEC": "500000", "WATCHDOG_PID": str(os.getpid())}, 0.5),
        ({"WATCHDOG_USEC": "500000", "WATCHDOG_PID": "1"}, None),
        ({"WATCHDOG_USEC": "0"}, None),
        ({"WATCHDOG_USEC": "soon"}, None),
        ({"WATCHDOG_USEC": "-5"}, None),
    ],
    ids=str,
)
def test_the_watchdog_is_ours_or_not_there(variables, seconds):
    assert watchdog_s(SimEnv(seed=1, variables=variables)) == seconds


@pytest.mark.parametrize("watchdog", [0.3, 2.0, 30.0, 600.0, None])
def test_signs_of_life_are_due_in_less_than_half_of_the_watchdog(watchdog):
    beat = ServiceManager(MemoryDatagrams(), watchdog_s=watchdog).beat_s
    assert 0 < beat <= BEAT_S
    assert watchdog is None or beat < watchdog / 2
