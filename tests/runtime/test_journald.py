"""Lines as the journal has them: by field, bounded, and not to be forged."""

import io
import json
import logging
import os
import shutil
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest
import structlog
from hypothesis import given
from hypothesis import strategies as st

from tests.architecture.sources import ROOT
from tests.runtime.journal_reader import read_entry
from traderd.runtime import journald
from traderd.runtime import log as log_module
from traderd.runtime.journald import SOCKET, encode_entry, field_name
from traderd.runtime.log import configure_log
from traderd.runtime.log_text import clean_field, clean_text
from traderd.runtime.simulation import MemoryDatagrams, SimEnv

LINE = {"at": "2026-11-15T06:29:47Z", "level": "info", "event": "ready", "environment": "sim"}


class Journal:
    """A machine with a journal, and a log whose stream is the journal's."""

    def __init__(self, path, *, is_there: bool = True, **options) -> None:
        self.end = MemoryDatagrams()
        self.stream = path.open("w+")
        found = os.fstat(self.stream.fileno())
        env = SimEnv(seed=1, variables={"JOURNAL_STREAM": f"{found.st_dev}:{found.st_ino}"})
        if is_there:
            env.machine_services[SOCKET] = self.end
        self.env = env
        self.log = configure_log(
            env=env, level="debug", stream=self.stream, environment="paper", **options
        )

    def entries(self) -> list[dict[str, str]]:
        return [read_entry(data) for _, data in self.end.received]

    def on_the_stream(self) -> list[str]:
        self.stream.flush()
        self.stream.seek(0)
        return self.stream.read().splitlines()


@pytest.fixture
def journal(tmp_path, autojump_clock):
    made = Journal(tmp_path / "stdout")
    yield made
    made.stream.close()
    structlog.reset_defaults()
    logging.getLogger().removeHandler(log_module._STANDARD_LIBRARY)


async def test_the_journal_keeps_the_lines_so_there_is_no_file(journal, tmp_path):
    with journal.log.kept_in(tmp_path / "state", bytes_max=5_000):
        structlog.get_logger("traderd").info("ready")
    assert not (tmp_path / "state").exists()
    assert len(journal.entries()) == 1


async def test_a_line_can_be_asked_for_by_its_fields(journal):
    structlog.get_logger("traderd").bind(service="orders").warning(
        "the order rests", order="a1-2-3", ticker="KXDEMO-A", strategy="maker", state="acting"
    )
    (entry,) = journal.entries()
    assert entry.pop("CODE_FILE") == __file__
    assert int(entry.pop("CODE_LINE")) > 0
    assert entry == {
        "MESSAGE": "the order rests",
        "PRIORITY": "4",
        "SYSLOG_IDENTIFIER": "traderd",
        "ENVIRONMENT": "paper",
        "CODE_FUNC": "test_a_line_can_be_asked_for_by_its_fields",
        "SERVICE": "orders",
        "ORDER_ID": "a1-2-3",
        "TICKER": "KXDEMO-A",
        "STRATEGY": "maker",
        "STATE": "acting",
    }
    assert journal.on_the_stream() == []


@pytest.mark.parametrize(
    ("level", "priority"),
    [("debug", "7"), ("info", "6"), ("warning", "4"), ("error", "3"), ("critical", "2")],
)
async def test_each_level_has_its_priority(journal, level, priority):
    getattr(structlog.get_logger(), level)("x")
    assert journal.entries()[0]["PRIORITY"] == priority


async def test_values_are_texts_as_a_person_would_type_them(journal):
    structlog.get_logger().info("x", count=3, share=0.5, done=True, why=None, rows=["a", 1])
    (entry,) = journal.entries()
    assert (entry["COUNT"], entry["SHARE"], entry["DONE"]) == ("3", "0.5", "true")
    assert entry["ROWS"] == '["a",1]'
    assert "WHY" not in entry


async def test_boxes_and_tracebacks_stand_below_their_sentence(journal):
    structlog.get_logger().info("status", box="╔═══\n║ State: ready\n╚═══")
    try:
        raise ValueError("token=hunter2")
    except ValueError:
        structlog.get_logger().exception("it broke")
    box, broken = journal.entries()
    assert box["MESSAGE"] == "status\n╔═══\n║ State: ready\n╚═══"
    assert broken["MESSAGE"].startswith("it broke\nTraceback")
    assert broken["MESSAGE"].endswith("ValueError: token=[masked]")


async def test_a_line_from_outside_cannot_forge_a_field(journal):
    structlog.get_logger().info(
        "x\nPRIORITY=0", text="a\nUNIT=sshd", box="b\nPRIORITY=0\n_UID=0", **{"a=b\nPRIORITY": 1}
    )
    (entry,) = journal.entries()
    assert entry["MESSAGE"] == "x\\nPRIORITY=0\nb\nPRIORITY=0\n_UID=0"
    assert (entry["TEXT"], entry["PRIORITY"]) == ("a\\nUNIT=sshd", "6")
    assert entry["A_B_NPRIORITY"] == "1"


async def test_secrets_are_masked_as_everywhere(journal):
    pem = "-----BEGIN PRIVATE KEY-----\nMIIE\n-----END PRIVATE KEY-----"
    structlog.get_logger().info(f"token=hunter2 {pem}", api_key="hunter2", note=pem)
    data = journal.end.received[0][1]
    assert b"hunter2" not in data
    assert b"MIIE" not in data
    assert journal.entries()[0]["API_KEY"] == "[masked]"


async def test_a_large_line_goes_as_a_file_and_an_endless_one_is_bounded(journal):
    journal.end.bytes_max = 10_000
    rows = ["x" * 7_000] * 40
    structlog.get_logger().info("large", **{f"rows_{number}": rows for number in range(10)})
    structlog.get_logger().info("small")
    large, small = journal.entries()
    assert len(journal.end.received[0][1]) <= journald.ENTRY_BYTES_MAX + 1_000
    assert large["ROWS_0"].endswith("bytes left out...")
    assert large["FIELDS_LEFT_OUT"].split()[-1] == "ROWS_9"
    assert small["MESSAGE"] == "small"


async def test_a_journal_that_does_not_keep_up_loses_lines_and_says_how_many(journal):
    journal.end.failure = BlockingIOError(11, "Resource temporarily unavailable")
    structlog.get_logger().info("lost")
    structlog.get_logger().info("lost")
    journal.end.failure = None
    structlog.get_logger().info("back")
    structlog.get_logger().info("and on")
    back, on = journal.entries()
    assert (back["MESSAGE"], back["LINES_LOST"]) == ("back", "2")
    assert "LINES_LOST" not in on
    assert journal.log.statistics().lines_lost == 2
    assert journal.on_the_stream() == []


async def test_a_journal_that_is_gone_leaves_json_on_the_stream(journal):
    structlog.get_logger().info("there")
    journal.end.failure = FileNotFoundError(2, "No such file or directory")
    structlog.get_logger().info("gone", service="orders")
    (line,) = journal.on_the_stream()
    assert json.loads(line)["event"] == "gone"
    assert json.loads(line)["service"] == "orders"
    assert [entry["MESSAGE"] for entry in journal.entries()] == ["there"]
    assert journal.log.statistics().lines_lost == 0


async def test_warnings_of_libraries_are_told_from_where_they_came(journal):
    logging.getLogger("some.library").warning("late")
    (entry,) = journal.entries()
    assert (entry["MESSAGE"], entry["LOGGER"]) == ("late", "some.library")
    assert entry["CODE_FILE"] == __file__


# --- who decides ----------------------------------------------------------------------------------


def form_of(journal: Journal) -> str:
    structlog.get_logger().info("x")
    if journal.end.received:
        return "journal"
    (line,) = journal.on_the_stream()
    return "json" if line.startswith("{") else "people"


@pytest.mark.parametrize(
    ("options", "form"),
    [
        ({}, "journal"),
        ({"is_there": False}, "json"),
        ({"as_json": True}, "json"),
        ({"as_json": False}, "people"),
    ],
    ids=str,
)
async def test_the_form_follows_the_stream_unless_a_person_chose(
    autojump_clock, tmp_path, options, form
):
    journal = Journal(tmp_path / "stdout", **options)
    assert form_of(journal) == form
    journal.stream.close()


async def test_a_redirected_stream_is_not_the_journals(autojump_clock, tmp_path):
    journal = Journal(tmp_path / "stdout")
    with (tmp_path / "elsewhere").open("w+") as elsewhere:
        configure_log(env=journal.env, level="info", stream=elsewhere, environment="sim")
        structlog.get_logger().info("x")
        configure_log(env=journal.env, level="info", stream=io.StringIO(), environment="sim")
        structlog.get_logger().info("y")
        assert (tmp_path / "elsewhere").read_text().startswith("{")
    assert journal.entries() == []
    journal.stream.close()


# --- encoding -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("retry_in_s", "RETRY_IN_S"),
        ("order", "ORDER_ID"),
        ("order_id", "EXCHANGE_ORDER_ID"),
        ("_pid", "PID"),
        ("4xx", "FIELD_4XX"),
        ("message", "FIELD_MESSAGE"),
        ("priority", "FIELD_PRIORITY"),
        ("über", "BER"),
        ("", "FIELD_"),
        ("x" * 80, "X" * 64),
    ],
)
def test_names_are_those_that_the_journal_takes(name, shown):
    assert field_name(name) == shown
    assert read_entry(encode_entry({**LINE, name: "v"}))[shown] == "v"


@given(
    name=st.text(max_size=80),
    value=st.recursive(st.text() | st.integers() | st.booleans(), st.lists),
)
def test_whatever_is_logged_the_journal_can_read(name, value):
    shown = clean_text(f"x{name}")
    entry = read_entry(encode_entry({**LINE, shown: clean_field(shown, value)}))
    assert entry["MESSAGE"] == "ready"
    assert len(entry) == 8


# --- the real journal -----------------------------------------------------------------------------

JOURNALD = Path("/lib/systemd/systemd-journald")
IN_A_NAMESPACE_OF_ITS_OWN = ["unshare", "--mount", "--propagation", "private"]
REAL_JOURNAL = """
    set -e
    mount -t tmpfs tmpfs /run
    mkdir -p /run/systemd/journal /run/log/journal
    "$JOURNALD" >/run/journald.log 2>&1 &
    trap "kill $!" EXIT
    for i in $(seq 100); do [ -S /run/systemd/journal/stdout ] && break; sleep 0.05; done
    # systemd sets the variable for its services; systemd-cat leaves that to us.
    systemd-cat sh -c 'JOURNAL_STREAM=$(stat -L -c %d:%i /proc/$$/fd/1) exec "$@"' sh "$PYTHON" -c "$PROGRAM"
    for i in $(seq 100); do journalctl -q LAST=true | grep -q . && break; sleep 0.05; done
    journalctl -o json --all --no-pager "$@"
"""
LOGS_SOMETHING = """
import sys
import structlog
from traderd.runtime.env import RealEnv
from traderd.runtime.log import configure_log

log = configure_log(env=RealEnv(), level="info", stream=sys.stdout, environment="sim")
say = structlog.get_logger("traderd")
say.info("the order rests", order="a1-2-3", ticker="KXDEMO-A", box="two\\nlines")
say.error("another one", order="a1-2-4", ticker="KXDEMO-A")
# Too large for one datagram: it goes as a sealed file.
say.info("a large one", order="a1-2-5", **{f"rows_{number}": ["x" * 7_000] * 5 for number in range(8)})
say.info("the end", last=True)
assert log.statistics().lines_lost == 0
"""


def can_run_a_journal() -> bool:
    if os.geteuid() != 0 or not JOURNALD.exists() or shutil.which("unshare") is None:
        return False
    tried = subprocess.run([*IN_A_NAMESPACE_OF_ITS_OWN, "true"], capture_output=True, check=False)
    return tried.returncode == 0


def ask_a_real_journal(*matches: str) -> list[dict]:
    ran = subprocess.run(
        [*IN_A_NAMESPACE_OF_ITS_OWN, "sh", "-c", textwrap.dedent(REAL_JOURNAL), "sh", *matches],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
        env={
            "PATH": os.environ["PATH"],
            "PYTHONPATH": str(ROOT),
            "PYTHON": sys.executable,
            "PROGRAM": LOGS_SOMETHING,
            "JOURNALD": str(JOURNALD),
        },
    )
    assert ran.returncode == 0, ran.stderr
    return [json.loads(line) for line in ran.stdout.splitlines()]


@pytest.mark.process
@pytest.mark.skipif(
    not can_run_a_journal(),
    reason="no journal of our own can run here (apt-get install systemd, and root)",
)
@pytest.mark.parametrize(
    ("matches", "messages"),
    [
        (["ORDER_ID=a1-2-3"], ["the order rests\ntwo\nlines"]),
        (["TICKER=KXDEMO-A", "-p", "err"], ["another one"]),
        (["ORDER_ID=a1-2-5"], ["a large one"]),
    ],
    ids=["by order", "by market and priority", "as a file"],
)
def test_journalctl_finds_lines_by_their_fields(matches, messages):
    found = ask_a_real_journal(*matches)
    assert [entry["MESSAGE"] for entry in found] == messages
    (entry,) = found
    assert (entry["_TRANSPORT"], entry["SYSLOG_IDENTIFIER"]) == ("journal", "traderd")
    assert entry["ENVIRONMENT"] == "sim"
    assert entry["CODE_FUNC"] == "<module>"
