"""`traderd kill` as a person runs it: in a process of its own."""

import json
import signal
from pathlib import Path

import pytest

from tests.cli.conftest import daemon_answering, run_traderd
from tests.process_tools import running_daemon, running_exchange, settings_of
from traderd.cli import exit_codes
from traderd.store.latch import LATCH_FILE

pytestmark = pytest.mark.process

MARKET = "KXMLBGAME-26AUG072140LADAZ-LAD"
STILL = {"exchange__events_per_s": "0", "strategies__spread_maker__enabled": "false"}
"""So that only the tests trade."""


def still_settings(exchange) -> dict[str, str]:
    """Return how a daemon that does nothing by itself is told to trade on an exchange of its own process."""
    return STILL | settings_of(exchange) | {"market_data__markets": MARKET}


def test_on_the_embedded_exchange_the_daemon_is_asked_and_the_latch_stays_until_it_is_cleared(
    shell,
):
    assert shell("place", MARKET, "bid", "1", "0.02").code == exit_codes.OK
    ran = shell("kill", "--reason", "odd", "--author", "ann", "--json")
    assert ran.code == exit_codes.OK, ran.err
    document = json.loads(ran.out)
    assert (document["verified"], document["latched"], document["daemon"]) == (
        True,
        True,
        "latched",
    )
    (halt,) = shell.document("status")["halts"]
    assert (halt["id"], halt["by"], halt["reason"]) == ("kill", "ann", "odd")
    refused = shell("place", MARKET, "bid", "1", "0.02")
    assert refused.code == exit_codes.REFUSED
    assert "denied by rule kill" in refused.err
    (item,) = document["items"]
    assert item["sentence"] == f"bid 1 @ $0.0200 of {MARKET} is canceled"
    assert item["key"] in [order["key"] for order in shell.document("orders")["orders"]]
    assert shell("clear-halt", "kill").code == exit_codes.OK
    assert not (shell.daemon.state_dir / LATCH_FILE).exists()


def test_where_no_daemon_has_traded_nothing_is_verified_but_the_latch_is_left(tmp_path):
    """A wrong --state-dir or --environment is what a person in a hurry gives."""
    state = tmp_path / "state"
    ran = run_traderd("kill", "--state-dir", str(state), "--json", directory=tmp_path)
    assert ran.code == exit_codes.ERROR, ran.err
    document = json.loads(ran.out)
    assert (document["verified"], document["left"], document["readings"]) == (False, None, 0)
    assert document["sentence"].startswith("NOT VERIFIED after")
    assert "what rests is not known: no daemon has traded from" in document["sentence"]
    assert "name the --environment or the --state-dir of your daemon" in document["sentence"]
    assert (state / LATCH_FILE).exists()
    dry = run_traderd("kill", "--dry-run", "--state-dir", str(state), directory=tmp_path)
    assert (dry.code, dry.out) == (exit_codes.ERROR, "")
    assert "nobody knows what a kill would cancel: no daemon has traded from" in dry.err


@pytest.fixture
def place(tmp_path):
    """Let bids of a person rest with whatever daemon uses the state directory."""

    def bids(count: int) -> None:
        for number in range(1, count + 1):
            ran = run_traderd(
                *("place", "--state-dir", str(tmp_path / "state"), MARKET, "bid"),
                *(str(number), "0.02"),
                directory=tmp_path,
            )
            assert ran.code == exit_codes.OK, ran.err

    return bids


def test_an_embedded_exchange_ends_with_its_daemon_and_is_not_called_verified(tmp_path, place):
    with running_daemon(tmp_path / "state", **STILL) as daemon:
        daemon.wait_ready()
        place(1)
        daemon.stop(signal.SIGKILL)
    state = ("--state-dir", str(tmp_path / "state"))
    dry = run_traderd("kill", "--dry-run", *state, directory=tmp_path)
    assert dry.code == exit_codes.OK, dry.err
    assert "nothing can rest, the daemon's embedded exchange ended with the daemon" in dry.out
    ran = run_traderd("kill", *state, "--json", directory=tmp_path)
    assert ran.code == exit_codes.OK, ran.err
    document = json.loads(ran.out)
    assert (document["verified"], document["exchange_ended"]) == (False, True)
    assert document["sentence"].startswith("nothing can rest: the daemon's embedded exchange ended")
    assert "verified" not in document["sentence"]


def test_a_stopped_daemon_keeps_its_embedded_exchange_and_nothing_is_claimed(tmp_path, place):
    with running_daemon(tmp_path / "state", **STILL) as daemon:
        daemon.wait_ready()
        place(1)
        daemon.process.send_signal(signal.SIGSTOP)
        state = ("--state-dir", str(tmp_path / "state"))
        ran = run_traderd("kill", *state, "--timeout", "1", directory=tmp_path)
        assert ran.code == exit_codes.TIME_OUT, ran.out
        assert "nobody has read the daemon's embedded exchange, so what rests is not known" in (
            ran.out
        )
        assert "0 orders" not in ran.out
        dry = run_traderd("kill", "--dry-run", *state, directory=tmp_path)
        assert dry.code == exit_codes.TIME_OUT
        assert "no answer within 5 s" in dry.err


def test_a_plain_kill_goes_to_the_exchange_that_the_dead_daemon_traded_on(tmp_path, place):
    """The configuration of the command line says embedded, three orders rest at an exchange that goes on."""
    with (
        running_exchange(tmp_path / "exchange", events_per_s=0.0) as exchange,
        running_daemon(tmp_path / "state", **still_settings(exchange)) as daemon,
    ):
        daemon.wait_ready()
        place(3)
        daemon.stop(signal.SIGKILL)
        state = ("--state-dir", str(tmp_path / "state"))
        dry = run_traderd("kill", "--dry-run", *state, directory=tmp_path)
        assert dry.code == exit_codes.OK, dry.err
        assert f"3 orders rest at {exchange['rest_url']}" in dry.out
        ran = run_traderd("kill", *state, directory=tmp_path)
        assert ran.code == exit_codes.OK, ran.out
        for bids in (1, 2, 3):
            words = f"bid {bids} @ $0.0200 of {MARKET}"
            assert f"\n  cancel {words} (order " in dry.out
            assert f"\n  {words} is canceled (order " in ran.out
        assert ran.out.startswith("killed: 3 orders were resting, none rests now; verified in")
        assert f"at {exchange['rest_url']}" in ran.out
        assert "the configuration names the daemon's embedded exchange" in ran.err
        left = run_traderd("kill", "--dry-run", *state, directory=tmp_path)
        assert f"0 orders rest at {exchange['rest_url']}" in left.out


def test_without_the_dead_daemons_key_nothing_was_cancelled_and_that_is_what_it_says(
    tmp_path, place
):
    with (
        running_exchange(tmp_path / "exchange", events_per_s=0.0) as exchange,
        running_daemon(tmp_path / "state", **still_settings(exchange)) as daemon,
    ):
        daemon.wait_ready()
        place(1)
        daemon.stop(signal.SIGKILL)
        Path(exchange["accounts"][0]["key_file"]).unlink()
        state = ("--state-dir", str(tmp_path / "state"))
        ran = run_traderd("kill", *state, "--json", directory=tmp_path)
        assert ran.code == exit_codes.CONFIGURATION
        assert "NOTHING WAS CANCELLED" in ran.err
        document = json.loads(ran.out)
        assert (document["verified"], document["exit_code"]) == (False, exit_codes.CONFIGURATION)


def test_the_orders_that_the_daemons_part_cancelled_are_counted(tmp_path, place):
    with (
        running_exchange(tmp_path / "exchange", events_per_s=0.0) as exchange,
        running_daemon(tmp_path / "state", **still_settings(exchange)) as daemon,
    ):
        daemon.wait_ready()
        place(3)
        ran = run_traderd("kill", "--state-dir", str(tmp_path / "state"), directory=tmp_path)
        assert ran.code == exit_codes.OK, ran.out
        assert ran.out.startswith("killed: 3 orders were resting, none rests now; verified in")
        assert "daemon: latched" in ran.out
        # Whoever of both saw them, each is named once.
        for bids in (1, 2, 3):
            assert (
                ran.out.count(f"\n  bid {bids} @ $0.0200 of {MARKET} r")
                + ran.out.count(f"\n  bid {bids} @ $0.0200 of {MARKET} is canceled")
                == 1
            )


def test_a_key_that_is_missing_is_a_fault_of_the_configuration_and_the_latch_holds_all_the_same(
    tmp_path,
):
    state = tmp_path / "state"
    ran = run_traderd(
        *("kill", "--state-dir", str(state), "--set", "exchange.embedded=false"),
        *("--set", "exchange.rest_url=http://127.0.0.1:1/trade-api/v2"),
        *("--set", "exchange.ws_url=ws://127.0.0.1:1/trade-api/ws/v2"),
        *("--set", "exchange.key_id=k", "--set", "exchange.key_file=/nonexistent.pem"),
        directory=tmp_path,
    )
    assert ran.code == exit_codes.CONFIGURATION
    assert "NOTHING WAS CANCELLED: " in ran.err
    assert "/nonexistent.pem does not exist" in ran.err
    assert (state / LATCH_FILE).exists()


def test_a_daemon_that_was_faster_than_the_first_look_is_counted(tmp_path):
    state = tmp_path / "state"
    state.mkdir()
    items = [{"answer": "done", "sentence": "", "key": key} for key in ("a", "b", "c")]
    answer = (200, {"answer": "done", "sentence": "killed", "key": None, "items": items})
    with (
        running_exchange(tmp_path / "exchange", events_per_s=0.0) as exchange,
        daemon_answering(state, {"/v3/commands/kill": answer}),
    ):
        settings = {name.replace("__", "."): v for name, v in still_settings(exchange).items()}
        flags = [word for name, v in settings.items() for word in ("--set", f"{name}={v}")]
        ran = run_traderd("kill", "--state-dir", str(state), *flags, directory=tmp_path)
    assert ran.code == exit_codes.OK, ran.out
    assert ran.out.startswith("killed: 3 orders were resting, none rests now; verified in")
