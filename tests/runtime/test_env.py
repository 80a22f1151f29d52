"""The real machine behind its doors: loopback sockets, a worker thread, clock, chance and names.

On the real clock, because virtual time and real waiting do not mix; nothing here waits for long.
"""

import gc
import importlib
import sys
import threading
import time
import uuid
import weakref

import pytest
import trio
import trio.testing

from tests.process_tools import free_port
from tests.runtime.tls import tls_contexts
from traderd.runtime import env as env_module
from traderd.runtime.env import CONNECT_DEADLINE_S, RealEnv
from traderd.runtime.raw_reads import raw_reads_under

HOST = "127.0.0.1"
REAL_BUDGET_S = 60.0
"""Bounds each real exchange on loopback, and what waits for a thread: only what never comes fails by it, not a busy machine."""


@pytest.fixture
def env():
    return RealEnv(seed=7)


async def test_bytes_travel_both_ways_between_connect_and_listen(env):
    with trio.fail_after(REAL_BUDGET_S):
        listener, port = await env.listen(HOST, 0)
        async with listener, trio.open_nursery() as nursery:
            ours = []
            nursery.start_soon(collect_stream, env, port, ours)
            theirs = await listener.accept()
            await theirs.send_all(b"hello")
        async with theirs, ours[0]:
            assert await ours[0].receive_some(10) == b"hello"
            await ours[0].send_all(b"thanks")
            assert await theirs.receive_some(10) == b"thanks"


async def collect_stream(env, port, streams):
    streams.append(await env.connect(HOST, port, tls=False))


async def test_small_writes_leave_at_once(env):
    listener, port = await env.listen(HOST, 0)
    async with listener:
        stream = await env.connect(HOST, port, tls=False)
        async with stream:
            option = (trio.socket.IPPROTO_TCP, trio.socket.TCP_NODELAY)
            assert stream.socket.getsockopt(*option) != 0


async def test_connecting_to_nobody_is_an_os_error_at_once(env):
    port = free_port()
    with trio.fail_after(REAL_BUDGET_S), pytest.raises(OSError, match=str(port)):
        await env.connect(HOST, port, tls=False)


async def test_a_port_that_is_taken_is_an_os_error(env):
    listener, port = await env.listen(HOST, 0)
    async with listener:
        with pytest.raises(OSError, match="in use"):
            await env.listen(HOST, port)


async def test_a_name_with_two_addresses_leaves_no_deaf_listener_behind(env, monkeypatch):
    opened = []

    async def open_two(port, *, host):
        opened.extend([*await real(port, host=HOST), *await real(port, host=HOST)])
        return opened

    real = trio.open_tcp_listeners
    monkeypatch.setattr(env_module.trio, "open_tcp_listeners", open_two)
    listener, port = await env.listen("localhost", 0)
    async with listener:
        assert listener.socket.getsockname()[1] == port
        assert opened[1].socket.fileno() == -1


async def test_a_server_that_does_not_speak_tls_is_refused_and_its_socket_closed(env):
    with trio.fail_after(REAL_BUDGET_S):
        listener, port = await env.listen(HOST, 0)
        async with listener, trio.open_nursery() as nursery:
            nursery.start_soon(serve_plain_text, listener)
            with pytest.raises(trio.BrokenResourceError):
                await env.connect(HOST, port, tls=True)


async def serve_plain_text(listener):
    """Answer in plain text and wait for the client to hang up: only a closed socket ends this."""
    async with await listener.accept() as stream:
        await stream.send_all(b"HTTP/1.1 400 Bad Request\r\n\r\n")
        try:
            while await stream.receive_some():
                pass
        except trio.BrokenResourceError:
            return


async def test_a_tls_stream_shows_that_more_waits_and_that_it_ran_dry(env, tmp_path):
    server_context, env._tls = tls_contexts(tmp_path, "localhost")
    size = 1_000_000
    with trio.fail_after(REAL_BUDGET_S):
        listener, port = await env.listen("localhost", 0)
        async with listener, trio.open_nursery() as nursery:
            nursery.start_soon(serve_bulk, listener, server_context, size)
            async with await env.connect("localhost", port, tls=True) as stream:
                raw, read, behind = raw_reads_under(stream), 0, 0
                while read < size:
                    read += len(await stream.receive_some(65_536))
                    behind += raw.has_more
                assert behind > 0
                assert not raw.has_more


async def serve_bulk(listener, context, size):
    """Send so much over TLS, and wait for the client to hang up."""
    stream = trio.SSLStream(
        await listener.accept(), context, server_side=True, https_compatible=True
    )
    async with stream:
        await stream.send_all(b"x" * size)
        await stream.receive_some()


async def test_a_handshake_that_nobody_answers_ends_at_the_deadline(env, monkeypatch):
    monkeypatch.setattr(env_module, "CONNECT_DEADLINE_S", 0.1)
    listener, port = await env.listen(HOST, 0)
    async with listener:
        # The kernel takes the connection, and then nobody says a word.
        words = f"{HOST}:{port} did not answer within 0.1 s"
        with trio.fail_after(REAL_BUDGET_S), pytest.raises(trio.TooSlowError, match=words):
            await env.connect(HOST, port, tls=True)
        async with await listener.accept() as deserted:
            # What waits is the first flight of the handshake, then the end: no socket was left open.
            with trio.fail_after(REAL_BUDGET_S):
                while await deserted.receive_some():
                    pass


def test_the_deadline_of_a_connection_fits_into_every_stage():
    assert 5 <= CONNECT_DEADLINE_S <= 15


async def test_a_blocking_call_runs_beside_the_loop(env):
    def blocking(left, right):
        return left + right, threading.get_ident()

    result, thread = await env.run_blocking(blocking, 1, 2)
    assert result == 3
    assert thread != threading.get_ident()


async def test_an_error_of_a_blocking_call_arrives(env):
    def blocking():
        raise OSError("disk full")

    with pytest.raises(OSError, match="disk full"):
        await env.run_blocking(blocking)


async def test_a_blocking_call_is_never_abandoned(env):
    go, done = threading.Event(), []

    def blocking():
        assert go.wait(REAL_BUDGET_S)
        done.append(True)

    async with trio.open_nursery() as nursery:
        nursery.start_soon(env.run_blocking, blocking)
        await trio.testing.wait_all_tasks_blocked()
        nursery.cancel_scope.cancel()
        await trio.lowlevel.cancel_shielded_checkpoint()
        assert done == []
        go.set()
    assert done == [True]


def test_the_wall_clock_is_the_machines(env):
    before = time.time_ns()
    now = env.wall_ns()
    assert before <= now <= time.time_ns()


async def test_the_monotonic_clock_is_trios(env, autojump_clock):
    before = env.monotonic()
    await trio.sleep(1_000)
    assert env.monotonic() - before == pytest.approx(1_000)


def test_ids_are_fresh_and_do_not_come_from_the_seed():
    one, other = RealEnv(seed=1), RealEnv(seed=1)
    ids = [env.new_id() for env in (one, other) for _ in range(100)]
    assert len(set(ids)) == 200
    assert {uuid.UUID(text).version for text in ids} == {4}


def test_chance_repeats_with_the_seed_and_only_then():
    assert RealEnv(seed=1).rng.random() == RealEnv(seed=1).rng.random()
    assert RealEnv().rng.random() != RealEnv().rng.random()


def test_the_variables_are_those_of_the_start(monkeypatch):
    monkeypatch.setenv("TRADERD_TEST", "before")
    env = RealEnv()
    monkeypatch.setenv("TRADERD_TEST", "after")
    assert env.variables["TRADERD_TEST"] == "before"


def test_what_is_there_when_memory_settles_is_no_work_for_the_collector_any_more(env):
    thresholds = gc.get_threshold()
    kept = [[number] for number in range(20_000)]
    lost = []
    lost.append(lost)
    gone = weakref.ref(Weak(lost))
    try:
        env.settle_memory()
        assert gc.get_freeze_count() > len(kept)
        assert len(gc.get_objects()) < len(kept)
        assert gone() is None
    finally:
        gc.unfreeze()
        gc.set_threshold(*thresholds)


def test_when_memory_settles_the_c_library_gives_back_what_is_free(env, monkeypatch):
    thresholds, told = gc.get_threshold(), []
    for name in ("return_large_blocks", "trim"):
        monkeypatch.setattr(f"traderd.runtime.env.{name}", lambda name=name: told.append(name))
    try:
        env.settle_memory()
    finally:
        gc.unfreeze()
        gc.set_threshold(*thresholds)
    assert told == ["return_large_blocks", "trim"]


def test_when_memory_settles_the_names_of_files_beside_modules_go_and_imports_go_on(
    env, tmp_path, monkeypatch
):
    thresholds = gc.get_threshold()
    (tmp_path / "imported_late.py").write_text("WORD = 'late'")
    monkeypatch.syspath_prepend(str(tmp_path))
    with pytest.raises(ImportError):
        # Looked for everywhere.
        importlib.import_module("imported_never")
    assert sys.path_importer_cache
    try:
        env.settle_memory()
        assert not sys.path_importer_cache
        assert importlib.import_module("imported_late").WORD == "late"
    finally:
        gc.unfreeze()
        gc.set_threshold(*thresholds)
        sys.modules.pop("imported_late", None)


def test_what_was_there_when_memory_settled_and_died_since_goes_when_it_settles_again(env):
    thresholds = gc.get_threshold()
    watched = []
    try:
        for _ in range(12):
            connection = Weak([])
            env.settle_memory(anew=True)
            watched.append(weakref.ref(connection))
            del connection
        # One that goes on does not look at what was kept off before.
        env.settle_memory()
        assert [each() is not None for each in watched] == [False] * 11 + [True]
        env.settle_memory(anew=True)
        assert not any(each() is not None for each in watched)
    finally:
        gc.unfreeze()
        gc.set_threshold(*thresholds)


class Weak:
    """Something that can be watched, in a circle of its own."""

    def __init__(self, held):
        self.held, self.own = held, self


async def test_a_thread_beside_the_loop_sees_what_the_loop_is_at():
    """A real thread on a real clock: as long as it takes until that thread has had its turn."""
    seen = []

    def is_seen():
        return any("hold_up" in function for stack in list(seen) for function in stack)

    def hold_up():
        ended = time.monotonic() + REAL_BUDGET_S
        while not is_seen() and time.monotonic() < ended:
            pass

    with RealEnv().watch_beside(
        lambda _now, frames: seen.append([one.function for one in frames()]), every_s=0.02
    ) as is_watched:
        assert is_watched
        hold_up()
    assert is_seen()
    with trio.fail_after(REAL_BUDGET_S):
        while any(one.name == "traderd watch" for one in threading.enumerate()):  # noqa: ASYNC110 - no event tells of it
            await trio.sleep(0.01)
