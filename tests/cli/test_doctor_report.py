import pytest

from traderd.cli import exit_codes
from traderd.cli.doctor_report import Cause, DoctorReport, failed, ok, skipped, warning

GOOD = ok("disk", "12 GB free")
ODD = warning("kill switch", "it was pulled", "clear it", part="latch")
WRONG = failed("key", "is not there", "save it", part="missing")
AWAY = failed("way to REST", "DNS: no such name", "look", part="dns", cause=Cause.OUTSIDE)


@pytest.mark.parametrize(
    ("findings", "code", "sentence"),
    [
        ([GOOD], exit_codes.OK, "everything is in order"),
        ([GOOD, skipped("limits", "no key")], exit_codes.OK, "everything is in order"),
        ([GOOD, ODD], exit_codes.OK, "nothing stands in the way; 1 warning"),
        ([ODD, AWAY], exit_codes.ERROR, "1 check failed, first way to REST"),
        ([AWAY, WRONG], exit_codes.CONFIGURATION, "2 checks failed, first way to REST"),
    ],
)
def test_the_worst_finding_decides(findings, code, sentence):
    report = DoctorReport("sim", findings)
    assert (report.exit_code, report.sentence) == (code, sentence)


def test_a_finding_is_one_line_with_its_cure_and_no_control_characters():
    assert GOOD.line() == "ok       disk              12 GB free"
    assert WRONG.line() == "failed   key               is not there; save it"
    assert "\x1b" not in ok("daemon", "says \x1b[2J\nhello").line()
    assert "\n" not in ok("daemon", "says\nhello").line()


def test_the_document():
    assert DoctorReport("paper", [ODD]).document() == {
        "environment": "paper",
        "ok": True,
        "sentence": "nothing stands in the way; 1 warning",
        "checks": [
            {
                "check": "kill switch",
                "verdict": "warning",
                "sentence": "it was pulled",
                "cure": "clear it",
                "part": "latch",
            }
        ],
    }
