"""Every line carries time, level and environment, in the form its reader can use."""

import io
import json
import logging
import re

import pytest
import structlog
import trio
import trio.testing

from traderd.errors import ConfigError
from traderd.runtime import log as log_module
from traderd.runtime.env import RealEnv
from traderd.runtime.log import configure_log


class FixedEnv(RealEnv):
    """A machine whose clock stands."""

    def wall_ns(self) -> int:
        return 1_794_724_187_354_803_999


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.fixture
def env():
    made = FixedEnv(seed=1)
    made.variables = {}
    yield made
    structlog.reset_defaults()
    logging.getLogger().removeHandler(log_module._STANDARD_LIBRARY)


def lines_of(stream: io.StringIO) -> list[dict]:
    return [json.loads(text) for text in stream.getvalue().splitlines()]


def configured(env, stream, **changes):
    options = {"env": env, "level": "info", "stream": stream, "environment": "sim"} | changes
    return configure_log(**options)


def test_a_line_off_a_terminal_is_json_with_everything_a_machine_needs(env):
    stream = io.StringIO()
    configured(env, stream)
    structlog.get_logger().bind(service="orders").warning("late", seconds=2)
    assert lines_of(stream) == [
        {
            "at": "2026-11-15T06:29:47.354803Z",
            "level": "warning",
            "event": "late",
            "environment": "sim",
            "service": "orders",
            "seconds": 2,
        }
    ]


def test_a_line_on_a_terminal_is_for_people_in_colour(env):
    stream = Terminal()
    configured(env, stream)
    structlog.get_logger().info("ready", markets=3)
    plain = re.sub(r"\x1b\[[0-9;]*m", "", stream.getvalue())
    assert plain != stream.getvalue()
    assert re.fullmatch(
        r"2026-11-15T06:29:47\.354Z \[info +\] ready +environment=sim markets=3\n", plain
    )


def test_colours_can_be_refused(env):
    env.variables = {"NO_COLOR": "1"}
    stream = Terminal()
    configured(env, stream)
    structlog.get_logger().info("ready")
    assert "\x1b" not in stream.getvalue()


@pytest.mark.parametrize(("as_json", "stream"), [(True, Terminal()), (False, io.StringIO())])
def test_the_form_can_be_chosen(env, as_json, stream):
    configured(env, stream, as_json=as_json)
    structlog.get_logger().info("x")
    assert stream.getvalue().startswith("{") is as_json


def test_lines_below_the_level_are_not_made(env):
    stream = io.StringIO()
    log = configured(env, stream, level="WARNING")
    structlog.get_logger().info("no")
    structlog.get_logger().warning("yes")
    assert [one["event"] for one in lines_of(stream)] == ["yes"]
    assert log.statistics().lines == 1


def test_an_unknown_level_is_refused_with_the_choice(env):
    with pytest.raises(ConfigError, match=r"'loud' is not one of debug, info"):
        configured(env, io.StringIO(), level="loud")


def test_the_ring_keeps_what_was_written(env):
    log = configured(env, io.StringIO())
    structlog.get_logger().error("halted", rule="daily_loss", api_key="hunter2")
    assert log.ring.lines() == [
        {
            "at": "2026-11-15T06:29:47.354803Z",
            "level": "error",
            "event": "halted",
            "fields": {"rule": "daily_loss", "api_key": "[masked]"},
        }
    ]


def test_fields_that_share_our_names_are_kept_beside_them(env):
    stream = io.StringIO()
    configured(env, stream)
    structlog.get_logger().info("fill", at=5, level="deep", environment="elsewhere")
    (line,) = lines_of(stream)
    assert (line["at_"], line["level_"], line["environment_"]) == (5, "deep", "elsewhere")
    assert (line["level"], line["environment"]) == ("info", "sim")


@pytest.mark.parametrize("as_json", [True, False])
def test_a_traceback_is_told_without_local_variables(env, as_json):
    stream = io.StringIO()
    configured(env, stream, as_json=as_json)
    private = "hunter" + "2"
    try:
        raise ExceptionGroup("two", [KeyError("a"), ValueError(f"token={private}")])
    except ExceptionGroup:
        structlog.get_logger().exception("service_crashed")
    text = stream.getvalue()
    assert "KeyError: 'a'" in text
    assert "token=[masked]" in text
    assert private not in text


@pytest.mark.parametrize("as_json", [True, False])
def test_a_line_from_outside_cannot_forge_another(env, as_json):
    stream = io.StringIO()
    configured(env, stream, as_json=as_json)
    structlog.get_logger().info("said\n{}", text='x\n{"level":"error"}\x1b[2J', **{"a\nb": 1})
    assert stream.getvalue().count("\n") == 1
    assert "\x1b" not in stream.getvalue()


def test_context_variables_are_in_the_line(env):
    stream = io.StringIO()
    configured(env, stream)
    with structlog.contextvars.bound_contextvars(service="risk"):
        structlog.get_logger().info("x")
    assert lines_of(stream)[0]["service"] == "risk"


def test_whatever_is_logged_nothing_is_raised(env):
    class Hostile:
        def __repr__(self) -> str:
            raise RuntimeError("no")

    stream = io.StringIO()
    log = configured(env, stream)
    structlog.get_logger().info(Hostile(), value=Hostile(), huge=2**200, text="\ud800")
    stream.close()
    structlog.get_logger().info("into a closed stream")
    assert log.statistics().lines == 2
    assert log.statistics().lines_lost == 1


def test_warnings_of_the_standard_library_come_here_too(env):
    stream = io.StringIO()
    configured(env, stream)
    configured(env, stream)
    logger = logging.getLogger("some.library")
    logger.info("quiet")
    logger.warning("told %s", "once")
    # Straight to the handler: the test runner's own one raises on a wrong format.
    wrong = logging.LogRecord("some.library", logging.WARNING, "", 0, "told %d", ("badly",), None)
    log_module._STANDARD_LIBRARY.handle(wrong)
    told = [(one["event"], one["logger"], one["level"]) for one in lines_of(stream)]
    assert told == [
        ("told once", "some.library", "warning"),
        ("told %d (TypeError while formatting)", "some.library", "warning"),
    ]


def test_a_second_set_up_replaces_the_first(env):
    first, second = io.StringIO(), io.StringIO()
    configured(env, first)
    logger = structlog.get_logger()
    configured(env, second, environment="paper")
    logger.info("x")
    assert first.getvalue() == ""
    assert lines_of(second)[0]["environment"] == "paper"


def test_a_box_keeps_its_lines_below_the_line_so_that_it_can_be_copied(env):
    box = "╔═══ STATUS\n║ State: ready\x1b[2J\n╚═══"
    terminal, pipe = Terminal(), io.StringIO()
    env.variables = {"NO_COLOR": "1"}
    configured(env, terminal)
    structlog.get_logger().info("status", box=box, service="status")
    first, *rest = terminal.getvalue().splitlines()
    assert "status" in first
    assert "environment=sim" in first
    assert rest == ["╔═══ STATUS", "║ State: ready\\x1b[2J", "╚═══"]
    configured(env, pipe)
    structlog.get_logger().info("status", box=box)
    (line,) = lines_of(pipe)
    assert line["box"] == "╔═══ STATUS\n║ State: ready\\x1b[2J\n╚═══"


def test_the_level_changes_for_loggers_that_exist(env):
    stream = io.StringIO()
    log = configured(env, stream)
    logger = structlog.get_logger().bind(service="orders")
    logger.debug("not yet")
    log.threshold.level = "debug"
    logger.debug("now")
    log.threshold.level = "error"
    logger.warning("no more")
    logger.error("this")
    assert [line["event"] for line in lines_of(stream)] == ["now", "this"]


def test_a_line_from_beside_the_loop_is_written_at_once_and_shown_with_the_loops_next_one(env):
    stream, told = io.StringIO(), []
    log = configured(env, stream)
    with log.ring.subscribe(lambda line: told.append(line["event"])):
        log.from_beside("error", "it hangs", culprit="plugin maker")
        assert lines_of(stream)[0]["culprit"] == "plugin maker"
        assert told == []
        structlog.get_logger().info("it goes on")
        assert told == ["it hangs", "it goes on"]
    assert len(lines_of(stream)) == 2


async def test_a_library_that_warns_in_a_thread_neither_wakes_tasks_nor_writes_files_there(
    env, tmp_path
):
    stream, news, told = io.StringIO(), trio.Event(), []
    log = configured(env, stream)

    def wake(line):
        told.append(line["event"])
        news.set()

    with log.ring.subscribe(wake), log.kept_in(tmp_path, bytes_max=5_000):
        async with trio.open_nursery() as nursery:
            nursery.start_soon(news.wait)
            await trio.testing.wait_all_tasks_blocked()
            await trio.to_thread.run_sync(logging.getLogger("some.library").warning, "beside")
            assert [line["event"] for line in lines_of(stream)] == ["beside"]
            assert not (tmp_path / "traderd.log").exists()
            with trio.fail_after(60):
                structlog.get_logger().info("the loop")
                await news.wait()
    assert told == ["beside", "the loop"]
    assert log.statistics().subscriber_failures == 0
    kept = [json.loads(line) for line in (tmp_path / "traderd.log").read_text().splitlines()]
    assert [line["event"] for line in kept] == told


def test_on_a_terminal_a_field_that_the_sentence_has_already_is_left_out(env):
    env.variables = {"NO_COLOR": "1"}
    terminal, pipe = Terminal(), io.StringIO()
    fields = {
        "ticker": "KX-A",
        "order": "1a2b-1",
        "other": "KX",
        "reading": 2,
        "strategy": None,
        "control": "",
        "trade_id": "a4a3f53f-c160-4ec2-aa50-fd8441816e6a",
    }
    configured(env, terminal)
    structlog.get_logger().info("order 1a2b-1 rests: bid 2 of KX-A", **fields)
    (line,) = terminal.getvalue().splitlines()
    assert line.split("KX-A", 1)[1].split() == ["environment=sim", "other=KX", "reading=2"]
    configured(env, pipe)
    structlog.get_logger().info("order 1a2b-1 rests: bid 2 of KX-A", **fields)
    (whole,) = lines_of(pipe)
    assert whole.items() >= fields.items(), "machines get everything"


def test_off_journald_the_lines_are_kept_on_the_disk_from_the_first_one_on(env, tmp_path):
    stream = io.StringIO()
    log = configured(env, stream, as_json=False)
    structlog.get_logger().info("before the lock")
    with log.kept_in(tmp_path, bytes_max=5_000):
        structlog.get_logger().warning("late", seconds=2)
        log.from_beside("error", "the loop is held up")
        structlog.get_logger().info("next")
    structlog.get_logger().info("after")
    kept = [json.loads(line) for line in (tmp_path / "traderd.log").read_text().splitlines()]
    assert [line["event"] for line in kept] == [
        "before the lock",
        "late",
        "the loop is held up",
        "next",
    ]
    assert kept[1]["seconds"] == 2
    assert kept[1]["environment"] == "sim"


def test_what_was_said_beside_the_loop_at_the_very_end_is_kept(env, tmp_path):
    log = configured(env, io.StringIO())
    with log.kept_in(tmp_path, bytes_max=5_000):
        log.from_beside("error", "the last word")
    kept = [json.loads(line) for line in (tmp_path / "traderd.log").read_text().splitlines()]
    assert [line["event"] for line in kept] == ["the last word"]


def test_a_lower_bound_holds_from_the_start_although_nothing_is_logged(env, tmp_path):
    (tmp_path / "traderd.log").write_text("a line\n" * 1_000)
    with configured(env, io.StringIO()).kept_in(tmp_path, bytes_max=500):
        assert sum(path.stat().st_size for path in tmp_path.iterdir()) <= 500


def test_a_bound_of_zero_keeps_nothing(env, tmp_path):
    log = configured(env, io.StringIO())
    with log.kept_in(tmp_path, bytes_max=0):
        structlog.get_logger().info("x")
    assert list(tmp_path.iterdir()) == []


def test_lines_that_the_disk_does_not_take_are_in_the_statistics(env, tmp_path):
    log = configured(env, io.StringIO())
    with log.kept_in(tmp_path / "gone", bytes_max=500):
        structlog.get_logger().info("x")
        assert log.statistics().lines_lost == 1
