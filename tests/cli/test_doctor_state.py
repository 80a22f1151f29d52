import errno

import pytest

from tests.cli.conftest import daemon_answering
from tests.cli.doctor_tools import assert_named, finding, sim_set_up
from traderd.cli.doctor_report import Verdict
from traderd.cli.doctor_state import check_disk
from traderd.store.journal import JOURNAL_FILE, open_journal

READY = {"environment": "sim", "state": "ready", "health": "healthy", "problems": []}


@pytest.mark.parametrize(
    ("status", "part"),
    [
        (READY, ""),
        (READY | {"environment": "paper"}, "environment"),
        (READY | {"state": "error", "problems": ["no feed"]}, "health"),
    ],
    ids=["well", "other", "ill"],
)
async def test_what_a_running_daemon_says_is_passed_on(tmp_path, autojump_clock, status, part):
    set_up = sim_set_up(tmp_path)
    set_up.state.mkdir()
    with daemon_answering(set_up.state, {"/v3/status": (200, status)}):
        found = finding(await set_up.examine(), "daemon")
    assert found.part == part
    assert f"{status['environment']} runs here: {status['state']}" in found.sentence
    assert (found.verdict is Verdict.OK) == (part == "")


async def test_a_real_journal_is_sound_and_stays_as_it_is(tmp_path, autojump_clock):
    set_up = sim_set_up(tmp_path)
    path = set_up.state / JOURNAL_FILE
    async with open_journal(env=set_up.env, path=path):
        pass
    before = path.read_bytes()
    found = finding(await set_up.examine(), "journal")
    assert found.sentence.startswith("sound, ")
    assert path.read_bytes() == before
    path.chmod(0o644)
    assert_named(
        await set_up.examine(), "journal", part="permissions", says="0644", cure="chmod 600"
    )


async def test_a_journal_of_a_newer_version_is_named(tmp_path, autojump_clock):
    set_up = sim_set_up(tmp_path)
    path = set_up.state / JOURNAL_FILE
    async with open_journal(env=set_up.env, path=path):
        pass
    content = bytearray(path.read_bytes())
    content[60:64] = (99).to_bytes(4, "big")  # SQLite: the user version's place in the header.
    path.write_bytes(content)
    report = await set_up.examine()
    assert_named(report, "journal", part="version", says="version 99", cure="that wrote it")


def test_room_is_judged_where_the_directory_will_be(tmp_path):
    found = check_disk(tmp_path / "not" / "yet")
    assert found.sentence.endswith(f"at {tmp_path}")


async def test_a_port_that_may_not_be_taken_is_named(tmp_path, autojump_clock, monkeypatch):
    set_up = sim_set_up(tmp_path, flags={"web.port": 80})

    async def refuse(host, port):
        raise OSError(errno.EACCES, "Permission denied")

    monkeypatch.setattr(set_up.env, "listen", refuse)
    report = await set_up.examine()
    assert_named(report, "port", part="port", says="Permission denied", cure="1024 or above")


async def test_a_console_that_is_off_needs_no_port(tmp_path, autojump_clock):
    set_up = sim_set_up(tmp_path, flags={"web.enabled": False})
    assert "is off" in finding(await set_up.examine(), "port").sentence


async def test_an_empty_file_in_the_journals_place_is_no_fault_as_the_daemon_makes_a_journal_of_it(
    tmp_path, autojump_clock
):
    set_up = sim_set_up(tmp_path)
    set_up.state.mkdir()
    path = set_up.state / JOURNAL_FILE
    path.touch(mode=0o600)
    found = finding(await set_up.examine(), "journal")
    assert (found.verdict, path.stat().st_size) == (Verdict.OK, 0)
    async with open_journal(env=set_up.env, path=path):
        pass


@pytest.mark.parametrize(
    ("console", "is_ours"),
    [
        ("https://127.0.0.1:8005", True),
        ("http://127.0.0.1:8005", True),
        ("http://127.0.0.1:8006", False),
        ("http://127.0.0.2:8005", False),
        (None, False),
    ],
)
async def test_a_taken_port_is_ours_only_where_the_daemon_says_so(
    tmp_path, autojump_clock, console, is_ours
):
    set_up = sim_set_up(tmp_path, flags={"web.port": 8_005})
    set_up.state.mkdir()
    listener, _ = await set_up.env.listen("127.0.0.1", 8_005)
    with daemon_answering(set_up.state, {"/v3/status": (200, READY | {"console": console})}):
        found = finding(await set_up.examine(), "port")
    assert (found.verdict is Verdict.OK) == is_ours, found.line()
    await listener.aclose()
