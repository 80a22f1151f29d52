"""Lines are kept, told and written; a reader that does not read costs lines, never time or errors."""

import fcntl
import io
import os

import pytest

from traderd.runtime.log_output import CHUNK_BYTES, LineWriter, LogLine, LogRing


def line(event: str) -> LogLine:
    return LogLine(at="2026-11-20T10:30:15.000000Z", level="info", event=event, fields={})


@pytest.fixture
def pipe():
    reader, writer = os.pipe()
    fcntl.fcntl(writer, fcntl.F_SETPIPE_SZ, CHUNK_BYTES)
    with os.fdopen(reader, "rb", buffering=0) as read_end, os.fdopen(writer, "w") as write_end:
        yield read_end, write_end


def test_the_ring_keeps_the_last_lines_in_order():
    ring = LogRing(capacity=3)
    for number in range(5):
        ring.add(line(str(number)))
    assert [one["event"] for one in ring.lines()] == ["2", "3", "4"]
    assert ring.lines_seen == 5


def test_subscribers_hear_each_line_while_they_are_subscribed():
    ring, heard = LogRing(), []
    with ring.subscribe(heard.append), ring.subscribe(heard.append):
        ring.add(line("a"))
    ring.add(line("b"))
    assert [one["event"] for one in heard] == ["a", "a"]


def test_a_subscriber_that_fails_is_counted_and_harms_nobody():
    ring, heard = LogRing(), []

    def fail(_line):
        raise RuntimeError("console is gone")

    with ring.subscribe(fail), ring.subscribe(heard.append):
        ring.add(line("a"))
        ring.add(line("b"))
    assert [one["event"] for one in heard] == ["a", "b"]
    assert ring.subscriber_failures == 2


def test_a_subscriber_that_logs_does_not_hear_itself():
    ring = LogRing()

    def echo(one):
        ring.add(line(one["event"] + "!"))

    with ring.subscribe(echo):
        ring.add(line("a"))
        ring.add(line("b"))
    assert [one["event"] for one in ring.lines()] == ["a", "a!", "b", "b!"]


def test_a_subscriber_may_leave_while_it_is_told():
    ring, heard = LogRing(), []
    subscription = ring.subscribe(
        lambda one: (heard.append(one), subscription.__exit__(None, None, None))
    )
    subscription.__enter__()
    ring.add(line("a"))
    ring.add(line("b"))
    assert [one["event"] for one in heard] == ["a"]
    assert ring.subscriber_failures == 0


def test_lines_go_to_an_in_memory_stream():
    stream = io.StringIO()
    writer = LineWriter(stream)
    writer.write_line("one")
    writer.write_line("two")
    assert stream.getvalue() == "one\ntwo\n"


def test_lines_come_after_what_others_printed(tmp_path):
    with (tmp_path / "out").open("w") as stream:
        stream.write("printed\n")
        LineWriter(stream).write_line("logged →")
    assert (tmp_path / "out").read_bytes() == "printed\nlogged →\n".encode()


def test_a_broken_pipe_is_counted_and_ignored(pipe):
    read_end, write_end = pipe
    writer = LineWriter(write_end)
    writer.write_line("heard")
    read_end.close()
    writer.write_line("lost")
    writer.write_line("lost")
    assert writer.lines_lost == 2


def test_a_closed_stream_is_counted_and_ignored():
    stream = io.StringIO()
    writer = LineWriter(stream)
    stream.close()
    writer.write_line("lost")
    assert writer.lines_lost == 1


def test_a_full_pipe_loses_lines_and_says_how_many_when_it_is_read_again(pipe):
    read_end, write_end = pipe
    writer = LineWriter(write_end)
    filler = "x" * (CHUNK_BYTES - 1)
    writer.write_line(filler)
    writer.write_line("lost")
    writer.write_line("lost too")
    assert writer.lines_lost == 2
    assert read_end.read(CHUNK_BYTES) == f"{filler}\n".encode()
    writer.write_line("heard")
    assert read_end.read(CHUNK_BYTES) == b"(2 log lines were lost here)\nheard\n"
    writer.write_line("and again")
    assert read_end.read(CHUNK_BYTES) == b"and again\n"
    assert writer.lines_lost == 2


def test_a_line_torn_by_a_slow_reader_does_not_swallow_the_next_one(pipe):
    read_end, write_end = pipe
    writer = LineWriter(write_end)
    writer.write_line("y" * (2 * CHUNK_BYTES))
    assert writer.lines_lost == 1
    assert read_end.read(CHUNK_BYTES) == b"y" * CHUNK_BYTES
    writer.write_line("next")
    assert read_end.read(CHUNK_BYTES) == b"\n(1 log lines were lost here)\nnext\n"
