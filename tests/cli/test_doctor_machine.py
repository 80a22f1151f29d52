import sys

from traderd.cli.doctor_machine import check_service, check_time_service, check_versions
from traderd.cli.doctor_report import Verdict
from traderd.config import Config


def test_this_machine_has_what_is_needed():
    found = check_versions()
    assert found.verdict is Verdict.OK, found.line()
    assert "Python 3." in found.sentence


def test_an_old_sqlite_a_missing_library_and_an_old_python_are_named(monkeypatch):
    found = check_versions(sqlite="3.40.1")
    assert (found.part, "3.51.3 or newer" in found.cure) == ("sqlite", True)
    found = check_versions(needs=("trio", "not-there"))
    assert (found.part, found.sentence) == ("library", "not-there is not installed")
    monkeypatch.setattr(sys, "version_info", (3, 10, 4))
    assert check_versions().part == "python"


def test_who_would_start_it_again(tmp_path):
    assert "no systemd here" in check_service({}, tmp_path).sentence
    (tmp_path / "run/systemd/system").mkdir(parents=True)
    assert "systemd is here" in check_service({}, tmp_path).sentence
    assert check_service({"INVOCATION_ID": "1"}, tmp_path).sentence == "started by systemd"


def test_who_keeps_the_clock(tmp_path):
    assert check_time_service(Config(), tmp_path).verdict is Verdict.OK
    found = check_time_service(Config(environment="paper"), tmp_path)
    assert (found.verdict, found.part) == (Verdict.WARNING, "ntp")
    (tmp_path / "run/chrony").mkdir(parents=True)
    (tmp_path / "run/chrony/chronyd.pid").touch()
    found = check_time_service(Config(environment="paper"), tmp_path)
    assert found.sentence == "chrony runs"
