"""The operator's commands against an exchange in a process of its own."""

import json

import pytest
from click.testing import CliRunner

from tests.cli.conftest import run_traderd
from tests.process_tools import running_exchange
from traderd.cli import exit_codes
from traderd.cli.exchange import exchange
from traderd.cli.json_request import CommandFailed

pytestmark = pytest.mark.process


class Operator:
    """Runs commands with the keys of one exchange."""

    def __init__(self, directory) -> None:
        self.directory = directory
        self.keys = directory / "keys"

    def run(self, *arguments: str):
        name, *rest = arguments
        return CliRunner().invoke(exchange, [name, "--keys-dir", str(self.keys), *rest])

    def __call__(self, *arguments: str) -> str:
        ran = self.run(*arguments)
        assert ran.exit_code == 0, (ran.output, ran.exception)
        return ran.output.rstrip("\n")

    def json(self, *arguments: str):
        return json.loads(self(*arguments, "--json"))

    def refused(self, *arguments: str) -> tuple[int, str]:
        ran = self.run(*arguments)
        if isinstance(ran.exception, CommandFailed):
            return ran.exception.exit_code, str(ran.exception)
        return ran.exit_code, ran.output


@pytest.fixture(scope="module")
def serving(tmp_path_factory):
    directory = tmp_path_factory.mktemp("exchange")
    with running_exchange(directory, events_per_s=0):
        yield Operator(directory)


@pytest.fixture
def operator(serving):
    serving("reset")
    serving("faults", "--clear")
    return serving


@pytest.fixture
def ticker(operator) -> str:
    return operator.json("status")["markets"][0]["ticker"]


def status_of(operator, ticker: str) -> str:
    markets = operator.json("status")["markets"]
    return next(market["status"] for market in markets if market["ticker"] == ticker)


def test_a_market_is_settled_by_command(operator, ticker):
    assert operator("settle", ticker, "yes").startswith(
        f"{ticker} ended yes: a YES contract is worth $1.0000, paid at "
    )
    assert status_of(operator, ticker) == "determined"
    told = operator.json("settle", ticker, "yes", "--now")
    assert (told["status"], told["result"]) == ("finalized", "yes")
    code, sentence = operator.refused("settle", ticker, "no")
    assert (code, sentence) == (exit_codes.REFUSED, f"{ticker} ended yes and stays so")


def test_a_scalar_result_needs_its_value(operator, ticker):
    code, sentence = operator.refused("settle", ticker, "scalar")
    assert (code, sentence) == (exit_codes.USAGE, "a scalar result needs its value")
    told = operator.json("settle", ticker, "scalar", "--value", "0.25", "--now")
    assert told["settlement_value_dollars"] == "0.2500"


def test_a_determined_market_is_disputed(operator, ticker):
    operator("settle", ticker, "yes")
    assert operator("dispute", ticker).startswith(f"{ticker} is disputed")
    assert status_of(operator, ticker) == "disputed"


def test_a_market_is_closed_and_opened_again(operator, ticker):
    assert operator("close", ticker) == f"{ticker} is closed"
    assert operator.refused("close", ticker) == (exit_codes.REFUSED, f"{ticker} is closed already")
    assert operator("reopen", ticker, "--closes-in", "600").startswith(f"{ticker} closes at 20")
    assert status_of(operator, ticker) == "active"
    assert operator.refused("close", "NOBODY") == (
        exit_codes.REFUSED,
        "there is no market NOBODY; `status` lists them",
    )


def test_pauses_come_and_go(operator, ticker):
    assert operator("pause", ticker) == f"{ticker} is paused"
    assert status_of(operator, ticker) == "inactive"
    operator("resume", ticker)
    assert operator("pause") == "trading is paused"
    assert operator("pause", "--whole-exchange") == "the whole exchange is paused"
    assert "PAUSED     exchange_is_paused" in operator("status")
    assert operator("resume") == "orders are taken"
    assert operator.refused("pause", ticker, "--whole-exchange")[0] == exit_codes.USAGE


def test_money_moves_in_both_directions(operator):
    assert operator("deposit", "trader", "250.00") == "trader has $1250.00 in cash"
    assert operator("deposit", "trader", "-1250") == "trader has $0.00 in cash"
    code, sentence = operator.refused("deposit", "trader", "-0.01")
    assert (code, sentence) == (exit_codes.USAGE, "trader has $0.00 available")
    assert operator.refused("deposit", "eve", "1")[0] == exit_codes.REFUSED
    assert operator.refused("deposit", "trader", "much")[0] == exit_codes.USAGE


def test_a_reset_gives_the_opening_cash_back(operator, ticker):
    operator("deposit", "trader", "5")
    operator("close", ticker)
    assert operator("reset") == (
        "the exchange is as at its start, with 1 account; every WebSocket was dropped"
    )
    (account,) = operator.json("status")["accounts"]
    assert (account["name"], account["cash_dollars"]) == ("trader", "1000.000000")
    assert status_of(operator, ticker) == "active"


def test_faults_are_set_shown_and_cleared(operator, tmp_path):
    assert operator("faults") == "no fault is on"
    plan = tmp_path / "plan.toml"
    plan.write_text('[[fault]]\nkind = "slow_reply"\nmax_ms = 5\naccount = "eve"')
    header, row = operator("faults", "--set", str(plan)).splitlines()
    assert header.split() == ["fault", "concerned", "struck", "what"]
    assert row.split() == ["slow_reply", "0", "0", "account=eve", "max_ms=5"]
    assert operator.json("faults")["fault"][0]["kind"] == "slow_reply"
    assert "FAULTS     1 on" in operator("status")
    assert operator("faults", "--clear") == "no fault is on"
    assert operator.json("faults") == {"fault": []}
    assert operator.refused("faults", "--clear", "--set", str(plan))[0] == exit_codes.USAGE


def test_the_clock_is_put_wrong_and_right(operator):
    assert operator("clock", "-20") == "the exchange's clock is 20 s behind"
    assert "CLOCK      20 s behind" in operator("status")
    assert operator("clock", "0") == "the exchange's clock is right"
    assert "CLOCK" not in operator("status")
    assert operator.refused("clock", "nan")[0] == exit_codes.USAGE


def test_websockets_are_dropped(operator):
    assert operator("drop-websockets") == "0 WebSockets were dropped"
    assert operator.json("drop-websockets", "--channel", "fill")["dropped"] == 0
    code, sentence = operator.refused("drop-websockets", "--channel", "fills")
    assert code == exit_codes.USAGE
    assert sentence.startswith("there is no channel fills; there are orderbook_delta, ticker, ")


def test_the_status_is_a_screen(operator, ticker):
    lines = operator("status").splitlines()
    assert lines[0].startswith("exchange http://127.0.0.1:")
    assert lines[2] == "markets    12 active"
    assert lines[4].split()[:2] == ["account", "cash_$"]
    assert lines[5].split()[:2] == ["trader", "1000.00"]
    assert ticker in "\n".join(lines)


def test_without_an_exchange_every_command_is_three(tmp_path):
    ran = run_traderd("exchange", "status", directory=tmp_path)
    assert (ran.code, ran.out) == (exit_codes.NOT_RUNNING, "")
    assert "no exchange is served with the keys in exchange-keys" in ran.err
    ran = run_traderd("exchange", "close", "A", "--keys-dir", "nowhere", directory=tmp_path)
    assert ran.code == exit_codes.NOT_RUNNING


def test_a_refusal_is_six_and_one_sentence(operator):
    ran = run_traderd(
        *("exchange", "close", "NOBODY", "--keys-dir", str(operator.keys)),
        directory=operator.directory,
    )
    sentence = "traderd: there is no market NOBODY; `status` lists them\n"
    assert (ran.code, ran.out, ran.err) == (exit_codes.REFUSED, "", sentence)
