import json

import pytest

from tests.cli.conftest import run_traderd
from tests.cli.doctor_tools import KEY_ID
from traderd.cli import exit_codes
from traderd.kalshi.auth import generate_key
from traderd.store.armed import Armed, read_armed, write_armed


@pytest.fixture
def place(tmp_path):
    (tmp_path / "key.pem").write_bytes(generate_key("ed25519")[0])
    (tmp_path / "key.pem").chmod(0o600)
    (tmp_path / "traderd.toml").write_text(
        'environment = "production"\nstate_dir = "state"\n[trading]\nlive = true\n'
        f'[exchange]\nkey_id = "{KEY_ID}"\nkey_file = "key.pem"\n'
        '[market_data]\nmarkets = ["KX-A"]\n'
    )
    return tmp_path


def test_arming_needs_the_typed_word_and_leaves_a_file_with_its_author(place):
    ran = run_traderd("arm", "--confirm", "yes", directory=place)
    assert ran.code == exit_codes.REFUSED
    assert read_armed(place / "state") is None
    ran = run_traderd("arm", "--confirm", "production", "--author", "ann", directory=place)
    assert ran.code == 0, ran.err
    assert ran.out.startswith("production is armed by ann until ")
    assert ran.out.endswith("next: traderd run --environment production --live\n")
    armed = read_armed(place / "state")
    assert (armed.by, armed.key_id) == ("ann", KEY_ID)


def test_off_takes_it_back(place):
    run_traderd("arm", "--confirm", "production", directory=place)
    ran = run_traderd("arm", "--off", directory=place)
    assert (ran.code, ran.out) == (0, "production: no longer armed\n")
    assert read_armed(place / "state") is None
    ran = run_traderd("arm", "--off", "--json", directory=place)
    assert json.loads(ran.out) == {
        "environment": "production",
        "armed": False,
        "was_armed": False,
    }


def test_where_no_real_money_is_nothing_is_armed(place):
    ran = run_traderd("arm", "--environment", "sim", directory=place)
    assert ran.code == exit_codes.REFUSED
    assert "only production is armed, this is sim" in ran.err


@pytest.mark.process
def test_a_start_needs_the_setting_the_flag_and_the_days_word(place):
    def sentence(*arguments):
        ran = run_traderd("run", *arguments, directory=place)
        assert ran.code == exit_codes.CONFIGURATION, ran.out + ran.err
        return ran.err

    assert "only when trading.live (--set) is true" in sentence(
        "--live", "--set", "trading.live=false"
    )
    assert "needs --live besides" in sentence()
    assert "production is not armed; run `traderd arm`" in sentence("--live")
    write_armed(place / "state", Armed(by="ann", at=1, key_id=KEY_ID))
    assert "by ann, and that holds for 24 h" in sentence("--live")
    run_traderd("arm", "--confirm", "production", directory=place)
    other = sentence("--live", "--set", "exchange.key_id=other-key")
    assert "for another API key" in other
    # Everything there: it goes on to the next check, and stops at a host that is not production's.
    url = "exchange.rest_url=https://127.0.0.1:1/trade-api/v2"
    assert "is not a host of the environment production" in sentence("--live", "--set", url)


def test_the_doctor_says_what_is_missing(place):
    def arming():
        ran = run_traderd("doctor", "--offline", "--json", directory=place)
        checks = json.loads(ran.out)["checks"]
        return next(check for check in checks if check["check"] == "arming")

    assert (arming()["verdict"], arming()["part"]) == ("failed", "arming")
    run_traderd("arm", "--confirm", "production", directory=place)
    assert arming()["verdict"] == "ok"


def test_a_question_that_nobody_answers_is_a_usage_error_with_the_cure(place):
    ran = run_traderd("arm", directory=place)
    assert ran.code == exit_codes.USAGE
    assert "\ntraderd: nobody answers; give each answer as an option" in ran.err
    assert read_armed(place / "state") is None


def test_without_a_key_it_is_told_that_the_arming_is_for_none(place):
    ran = run_traderd(
        "arm", "--confirm", "production", "--set", "exchange.key_id=", directory=place
    )
    assert "no API key is set: it must be armed again" in ran.out
