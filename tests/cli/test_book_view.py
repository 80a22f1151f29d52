"""One book as text, and that old prices are never shown without being called so."""

import copy
from pathlib import Path

import pytest
from click.testing import CliRunner

from traderd.cli import exit_codes, reads
from traderd.cli.book_view import book_lines, unavailable_sentence
from traderd.cli.client import DaemonClient
from traderd.cli.json_request import CommandFailed

PRICES = {
    "bids": [["0.4600", "30.00"], ["0.4500", "7.50"]],
    "asks": [["0.4800", "10.00"]],
    "bid_levels": 2,
    "ask_levels": 1,
    "bid_depth": "37.50",
    "ask_depth": "10.00",
    "best_bid": "0.4600",
    "best_ask": "0.4800",
    "best_bid_count": "30.00",
    "best_ask_count": "10.00",
    "spread": "0.0200",
    "mid": "0.470000",
    "microprice": "0.475000",
    "imbalance": "0.5000",
}
BOOK = {
    "ticker": "KXDEMO-A",
    "title": "A demo",
    "usable": True,
    "reason": "",
    **PRICES,
    "last_known": None,
    "last_trade": "0.4600",
    "age_s": 0.4,
    "quality": {"grade": "B", "causes": ["lag 1.2 s"], "line_silent_s": 1.1, "lag_ms": 1_200.0},
}
IN_DOUBT = {
    **BOOK,
    "usable": False,
    "reason": "reset by peer",
    **dict.fromkeys(PRICES),
    "last_known": PRICES,
    "quality": {"grade": "F", "causes": ["reset by peer"], "line_silent_s": None, "lag_ms": None},
}
SCREEN = """\
KXDEMO-A · A demo · sim
grade      B because lag 1.2 s
best       bid $0.46 x 30.00, ask $0.48 x 10.00 contracts
prices     spread $0.02, mid $0.47, microprice $0.475, last trade $0.46
depth      bid 37.50 in 2 levels, ask 10.00 in 1 levels, contracts
imbalance  0.5000 (1 is only bids at the best prices, -1 only asks)
age        last change 0.4 s ago, line heard 1.1 s ago, lag 1200.0 ms
contracts  bid $  ask $  contracts
    30.00   0.46   0.48      10.00
     7.50   0.45"""


def test_a_book_is_one_screen():
    assert "\n".join(book_lines(BOOK, environment="sim")) == SCREEN


def test_old_prices_are_called_old():
    lines = book_lines(IN_DOUBT, environment="sim")
    assert lines[1] == "NOT USABLE reset by peer"
    assert lines[2].strip() == "these prices were known last, and may be wrong"
    assert "bid $0.46 x 30.00" in lines[4]
    assert "line heard never, lag unknown" in "\n".join(lines)


def test_an_empty_side_has_no_price():
    empty = {**BOOK, "asks": [], "best_ask": None, "spread": None, "mid": None, "imbalance": None}
    lines = book_lines(empty, environment="sim")
    assert "ask - x 10.00" in lines[2]
    assert lines[3].startswith("prices     spread -, mid -")


def test_a_book_without_any_order_is_said_to_be_empty():
    nothing = dict.fromkeys(PRICES) | {"bids": [], "asks": [], "bid_levels": 0, "ask_levels": 0}
    for book in ({**BOOK, **nothing}, {**IN_DOUBT, **nothing, "last_known": {**PRICES, **nothing}}):
        assert book_lines(book, environment="sim")[-1] == "no orders on either side"


def test_a_title_from_the_exchange_cannot_move_the_cursor():
    text = "\n".join(book_lines({**BOOK, "title": "x\x1b[2J\nHALT"}, environment="sim"))
    assert "\x1b" not in text
    assert len(text.splitlines()) == len(SCREEN.splitlines())


# --- the command ----------------------------------------------------------------------------------


@pytest.fixture
def ask(monkeypatch, tmp_path: Path):
    """Return what the command does about a book in doubt."""
    asked: list[str] = []

    def get(self: DaemonClient, path: str):
        asked.append(path)
        return copy.deepcopy(IN_DOUBT)

    monkeypatch.setattr(DaemonClient, "get", get)
    runner = CliRunner()

    def run(*arguments: str):
        result = runner.invoke(reads.book, [*arguments, "--state-dir", str(tmp_path)])
        return result, asked

    return run


def test_a_book_that_cannot_be_trusted_is_an_error_that_names_the_way_out(ask):
    result, asked = ask("KX/A B")
    assert isinstance(result.exception, CommandFailed)
    assert result.exception.exit_code == exit_codes.ERROR
    assert str(result.exception) == unavailable_sentence(IN_DOUBT)
    assert "--last-known" in str(result.exception)
    assert "0.46" not in result.output
    assert asked == ["/v3/books/KX%2FA%20B"]


def test_last_known_prices_are_shown_to_who_asks_for_them_by_name(ask):
    result, _ = ask("KXDEMO-A", "--last-known")
    assert (result.exit_code, result.exception) == (exit_codes.OK, None)
    assert "NOT USABLE reset by peer" in result.output
    assert "bid $0.46" in result.output


def test_json_is_printed_all_the_same_and_the_exit_code_says_it(ask):
    result, _ = ask("KXDEMO-A", "--json")
    assert isinstance(result.exception, CommandFailed)
    assert '"best_bid": null' in result.output
    assert ask("KXDEMO-A", "--json", "--last-known")[0].exit_code == exit_codes.OK
