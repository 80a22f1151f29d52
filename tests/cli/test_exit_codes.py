from traderd.cli import exit_codes
from traderd.cli.main import cli

WORDS = {
    "ok": exit_codes.OK,
    "error": exit_codes.ERROR,
    "usage": exit_codes.USAGE,
    "not running": exit_codes.NOT_RUNNING,
    "configuration": exit_codes.CONFIGURATION,
    "no answer in time": exit_codes.TIME_OUT,
    "refused by risk, mode or exchange": exit_codes.REFUSED,
    "drift found": exit_codes.DRIFT,
}


def test_the_help_tells_the_exit_codes_as_they_are():
    assert cli.epilog is not None
    said = cli.epilog.removeprefix("Exit codes: ").removesuffix(".")
    assert said == ", ".join(f"{code} {word}" for word, code in WORDS.items())


def test_no_two_ends_share_a_code():
    codes = [value for name, value in vars(exit_codes).items() if name.isupper()]
    assert len(codes) == len(dict.fromkeys(codes)) == 9


def test_an_interrupt_has_the_code_of_shells():
    assert exit_codes.INTERRUPTED == 128 + 2
