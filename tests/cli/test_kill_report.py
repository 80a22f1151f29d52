"""What a kill says: never that something was verified which nobody has read."""

import pytest

from traderd.cli import exit_codes
from traderd.cli.kill_report import KillOptions, KillReport, conclude

OPTIONS = KillOptions(reason="x", by="ann")


def report(**changes) -> KillReport:
    made = KillReport(environment="sim", scope="every order", exchange="URL", latched=True)
    for name, value in changes.items():
        setattr(made, name, value)
    return made


def concluded(made: KillReport) -> KillReport:
    conclude(made, OPTIONS)
    return made


def test_what_was_verified_names_the_exchange_and_the_larger_count():
    made = report(daemon="latched", daemon_found=3)
    made.sweep.verified, made.sweep.readings, made.sweep.found = True, 2, 1
    assert concluded(made).sentence == (
        "killed: 3 orders were resting, none rests now; verified in 0.0 s at URL; daemon: latched; "
        "`traderd clear-halt kill` undoes the latch"
    )
    assert (made.exit_code, made.document()["found"]) == (exit_codes.OK, 3)


def test_without_a_reading_what_rests_is_not_known():
    made = concluded(report(daemon="no answer", seconds=30.0))
    assert made.sentence.startswith(
        "NOT VERIFIED after 30.0 s, nobody has read URL, so what rests is not known: daemon: no answer"
    )
    assert (made.exit_code, made.document()["left"]) == (exit_codes.TIME_OUT, None)


def test_an_exchange_that_ended_with_its_daemon_is_not_called_verified():
    made = concluded(report(daemon="not running", ended=True))
    assert made.exit_code == exit_codes.OK
    assert made.sentence.startswith("nothing can rest: URL ended with the daemon")
    assert not made.document()["verified"]


@pytest.mark.parametrize("ended", [False, True])
def test_a_latch_that_does_not_hold_is_told_in_capitals(ended):
    assert "THE LATCH DID NOT HOLD" in concluded(report(latched=False, ended=ended)).sentence
