import json
import os
import shutil
import stat
import tempfile
from pathlib import Path

import pytest
from click.testing import CliRunner

from traderd.cli import exit_codes
from traderd.cli import install as installing
from traderd.cli.install import (
    check_executable,
    check_rights,
    install,
    own_executable,
    systemd_version,
)
from traderd.errors import ConfigError

PROGRAM = "/opt/traderd/bin/traderd"
TOOLS = ("systemd-sysusers", "systemd-tmpfiles")


@pytest.fixture
def no_tools(monkeypatch):
    """A machine without systemd's tools: only files are written."""
    monkeypatch.setattr(installing.shutil, "which", lambda name: None)


def run(*arguments: str):
    return CliRunner().invoke(install, arguments)


def into(root: Path, *arguments: str):
    done = run("--system", "--root", str(root), "--executable", PROGRAM, *arguments)
    assert done.exception is None, done.output
    return done.output


def files_of(root: Path) -> dict[str, str]:
    return {
        str(path.relative_to(root)): path.read_text() for path in root.rglob("*") if path.is_file()
    }


def test_it_writes_and_tells_and_starts_nothing(tmp_path, no_tools):
    told = into(tmp_path)
    assert sorted(files_of(tmp_path)) == [
        "etc/systemd/system/traderd-exchange.service",
        "etc/systemd/system/traderd.service",
        "etc/systemd/system/traderd@.service",
        "etc/sysusers.d/traderd.conf",
        "etc/tmpfiles.d/traderd.conf",
        "etc/traderd/traderd.toml",
    ]
    assert f"  create    {tmp_path}/etc/systemd/system/traderd.service   the unit\n" in told
    assert "not run: it is not on this machine" in told
    assert "Nothing was started. Next:\n  systemctl enable --now traderd " in told
    mode = (tmp_path / "etc/systemd/system/traderd.service").stat().st_mode
    assert stat.S_IMODE(mode) == 0o644


def test_a_second_time_changes_nothing(tmp_path, no_tools):
    into(tmp_path)
    before = files_of(tmp_path)
    times = {name: (tmp_path / name).stat().st_mtime_ns for name in before}
    told = into(tmp_path)
    assert told.count("  as it is  ") == len(before)
    assert files_of(tmp_path) == before
    assert times == {name: (tmp_path / name).stat().st_mtime_ns for name in before}


def test_what_was_changed_by_hand_stays_and_is_told_with_the_cure(tmp_path, no_tools):
    into(tmp_path)
    unit, config = (
        tmp_path / "etc/systemd/system/traderd.service",
        tmp_path / "etc/traderd/traderd.toml",
    )
    unit.write_text(unit.read_text().replace("MemoryMax=1G", "MemoryMax=4G"))
    config.write_text("[web]\nport = 9000\n")
    told = into(tmp_path)
    assert f"  KEEP      {unit}" in told
    assert "move it away and run this again" in told
    assert "systemctl edit traderd`" in told
    assert "MemoryMax=4G" in unit.read_text()
    assert config.read_text() == "[web]\nport = 9000\n"


def test_an_older_unit_that_nobody_changed_is_brought_up_to_date(tmp_path, no_tools):
    run("--system", "--root", str(tmp_path), "--executable", "/opt/older/traderd")
    told = into(tmp_path)
    assert told.count("  update    ") == 3
    assert (
        f"ExecStart={PROGRAM} run" in (tmp_path / "etc/systemd/system/traderd.service").read_text()
    )


def test_print_shows_everything_and_writes_nothing(tmp_path, no_tools):
    told = into(tmp_path, "--print")
    assert list(tmp_path.iterdir()) == []
    assert "MemoryDenyWriteExecute=yes" in told
    assert "u traderd - " in told
    assert told.endswith("Nothing was changed.\n")


def test_json_has_the_same(tmp_path, no_tools):
    told = json.loads(into(tmp_path, "--print", "--json"))
    assert (told["wrote"], told["files"][0]["action"]) == (False, "create")
    done = json.loads(into(tmp_path, "--json"))
    assert done["wrote"]
    assert [file["path"] for file in done["files"]] == [file["path"] for file in told["files"]]
    assert done["commands"][0]["result"] == "not run: it is not on this machine"


def test_one_must_say_for_whom():
    done = run()
    assert done.exit_code == exit_codes.USAGE
    assert "say for whom: --system or --user" in done.output


def test_a_person_needs_no_rights(tmp_path, monkeypatch, no_tools):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("XDG_CONFIG_HOME", raising=False)
    done = run("--user")
    assert done.exception is None
    assert (
        f"ExecStart={own_executable()} run\n"
        in (tmp_path / ".config/systemd/user/traderd.service").read_text()
    )


def test_the_machine_needs_root_and_the_refusal_names_the_ways_out():
    check_rights(0)
    with pytest.raises(ConfigError, match=r"run it with sudo, or .* --user; --print shows"):
        check_rights(1000)


def test_a_directory_that_cannot_be_written_is_told(tmp_path, no_tools):
    (tmp_path / "etc").write_text("a file, not a directory")
    done = run("--system", "--root", str(tmp_path), "--executable", PROGRAM)
    assert isinstance(done.exception, ConfigError)
    assert "cannot be" in str(done.exception)


def test_a_program_that_the_service_cannot_run_is_refused(tmp_path):
    hidden = tmp_path / "bin" / "traderd"
    hidden.parent.mkdir()
    hidden.write_text("#!/bin/sh\n")
    hidden.chmod(0o755)
    (tmp_path / "bin").chmod(0o700)
    for path, words in (
        (hidden, "cannot enter|is under"),
        (Path("/root/bin/traderd"), "is not there|is under /root"),
        (Path("bin/traderd"), "must be a whole path"),
        (tmp_path / "none", "is not there"),
    ):
        with pytest.raises(ConfigError, match=words):
            check_executable(path)
    check_executable(Path("/usr/bin/env"))


def test_a_program_that_everybody_can_change_is_refused():
    # Not below pytest's own directory, which nobody else can enter.
    with tempfile.TemporaryDirectory() as directory:
        Path(directory).chmod(0o755)
        program = Path(directory) / "traderd"
        program.write_text("#!/bin/sh\n")
        program.chmod(0o755)
        check_executable(program)
        program.chmod(0o757)
        with pytest.raises(ConfigError, match=f"everybody can change {program}; run: chmod o-w"):
            check_executable(program)


@pytest.mark.skipif(
    not all(shutil.which(tool) for tool in TOOLS),
    reason="no systemd-sysusers and systemd-tmpfiles here (apt-get install systemd)",
)
@pytest.mark.skipif(os.geteuid() != 0, reason="an image's users can be made by root only")
def test_an_image_gets_its_user_and_its_directories(tmp_path):
    told = into(tmp_path)
    assert told.count("   done\n") == 2
    assert "traderd:x:" in (tmp_path / "etc/passwd").read_text()
    group = next(
        line for line in (tmp_path / "etc/group").read_text().splitlines() if "traderd" in line
    )
    found = (tmp_path / "etc/traderd").stat()
    assert (stat.S_IMODE(found.st_mode), found.st_gid) == (0o750, int(group.split(":")[2]))
    assert stat.S_IMODE((tmp_path / "etc/credstore").stat().st_mode) == 0o700


def test_a_tool_that_fails_is_an_error_with_its_words(tmp_path, monkeypatch):
    false = shutil.which("false")
    monkeypatch.setattr(installing.shutil, "which", lambda name: false)
    done = run("--system", "--root", str(tmp_path), "--executable", PROGRAM)
    assert done.exit_code == exit_codes.ERROR
    assert "failed: it ended with 1; run it yourself when that is mended" in done.output


def test_the_version_of_systemd_is_asked_for(monkeypatch):
    assert systemd_version() is None or systemd_version() > 200
    monkeypatch.setattr(installing.shutil, "which", lambda name: None)
    assert systemd_version() is None
