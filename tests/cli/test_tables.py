import pytest

from traderd.cli import tables
from traderd.cli.tables import Column, cell, short_decimal, status_lines, table_lines

TICKER = "KXMLBGAME-26AUG072140LADAZ-LAD"
ORDER = {
    "key": "7a5e0c1b-3-1f",
    "ticker": TICKER,
    "side": "bid",
    "price_dollars": "0.4500",
    "count": "5.00",
    "filled": "0.00",
    "status": "resting",
    "owner": "spread_maker",
    "age_s": 12.0,
}
STATUS = {
    "version": "0.1.0",
    "environment": "sim",
    "mode": "trading",
    "state": "ready",
    "state_since_s": 123.4,
    "uptime_s": 130.0,
    "health": "degraded",
    "problems": ["orderbook feed: HTTP 503"],
    "metrics": {
        "markets_connected": 11,
        "markets_followed": 12,
        "deltas_received": 331,
        "ws_connection_status": "connected",
        "private_feed": "connected",
    },
    "market_data": {
        "markets_connected": 11,
        "markets_wanted": 12,
        "markets_shed": 0,
        "book_grade_markets": {"A": 10, "B": 1, "C": 0, "D": 0, "E": 0, "F": 1},
        "per_second": {"deltas": 6.4},
        "lag_seconds": {"0.5": 0.0012, "0.99": 0.1234},
        "line_silence_seconds": 0.51,
        "markets_below_grade": 0,
        "gaps_total": 1,
        "resyncs_total": 1,
    },
    "services": {"risk": {"status": "running"}, "actor": {"inbox": {"dropped": 0}}},
    "account": {
        "balance_dollars": "983.348800",
        "positions": 2,
        "open_orders": 3,
        "fills": 8,
        "realized_pnl_dollars": "1.230000",
        "unrealized_at_bid_dollars": "-0.400000",
        "unrealized_at_mid_dollars": "-0.300000",
        "balance_proof": {"is_drift": False, "sentence": "equal"},
        "fees_dollars": "0.192500",
        "exposure_dollars": "17.450000",
    },
    "halts": [
        {"id": "breaker", "author": "machine", "by": "", "reason": "5 order errors in a row"},
        {"id": "person:account", "author": "person", "by": "mia", "reason": "news"},
    ],
    "strategies_stopped": {"maker": "strategy maker is stopped: `traderd reset-strategy maker`"},
    "paused": "lunch",
    "pauses": [
        {"ticker": None, "strategy": None, "reason": "lunch", "by": "mia"},
        {"ticker": "KXA", "strategy": "maker", "reason": "rain"},
    ],
    "venue_paused": "trading is paused",
    "why_no_trade": {"grid": 2, "size": 1},
}
SCREEN = """\
traderd 0.1.0 · sim · ready for 2m 03s · up 2m 10s
health     degraded
           orderbook feed: HTTP 503
balance    $983.35   fees $0.19
profit     realized +$1.23   unrealized at bid -$0.40, at mid -$0.30
account    2 positions, 3 open orders, 8 fills, worst case $17.45
books      11/12 usable, grades: A 10 B 1 F 1
feed       6.4 deltas/s, lag 1.2 ms (p99 123.4 ms), line heard 0.5 s ago
faults     1 gap, 1 resync, events dropped: none
feeds      market data connected, private connected
HALT       breaker by machine: 5 order errors in a row
HALT       person:account by person mia: news
PAUSED     the account by mia: lunch
PAUSED     KXA, maker: rain
STOPPED    strategy maker is stopped: `traderd reset-strategy maker`
VENUE      trading is paused
denied     2 x grid
denied     1 x size"""


def listed(rows, *, width=None):
    return tables.listing("orders", tables.ORDERS, rows, environment="sim", width=width)


def test_on_a_pipe_each_row_is_one_whole_line_however_long():
    lines = listed([ORDER] * 3)
    assert len(lines) == 5
    assert lines[0] == "orders · sim"
    assert lines[1].split() == [
        *("order", "market", "side", "price", "$", "contracts"),
        *("filled", "status", "owner", "age", "s"),
    ]
    assert lines[2].split() == [
        *("7a5e0c1b-3-1f", TICKER, "bid", "0.45", "5.00", "0.00"),
        *("resting", "spread_maker", "12.0"),
    ]
    assert all(len(line) > 80 for line in lines[1:])
    assert "\x1b" not in "".join(lines)


def test_on_a_narrow_terminal_what_matters_least_is_left_out_and_named():
    lines = listed([ORDER], width=100)
    assert [line for line in lines if len(line) > 100] == []
    assert lines[1].split() == [
        *("order", "market", "side", "price", "$", "contracts", "filled", "status")
    ]
    assert lines[-1] == "(no room for owner, age s; --json has all)"


def test_on_eighty_columns_markets_are_headings_and_all_that_matters_of_an_order_is_there():
    real = {**ORDER, "key": "1d6bfe80-1d13bd0e4-4", "price_dollars": "0.4525"}
    other = {**real, "ticker": "KXWNBAGAME-26AUG07PHXCONN-PHX", "filled": "2.00"}
    assert listed([real, {**real, "side": "ask"}, other, real], width=80) == [
        "orders · sim",
        "  order                 side  price $  contracts  filled  status   owner",
        TICKER,
        "  1d6bfe80-1d13bd0e4-4  bid    0.4525       5.00    0.00  resting  spread_maker",
        "  1d6bfe80-1d13bd0e4-4  ask    0.4525       5.00    0.00  resting  spread_maker",
        "KXWNBAGAME-26AUG07PHXCONN-PHX",
        "  1d6bfe80-1d13bd0e4-4  bid    0.4525       5.00    2.00  resting  spread_maker",
        TICKER,
        "  1d6bfe80-1d13bd0e4-4  bid    0.4525       5.00    0.00  resting  spread_maker",
        "(no room for age s; --json has all)",
    ]


@pytest.mark.parametrize("columns", [tables.POSITIONS, tables.FILLS])
def test_a_market_with_a_very_long_name_breaks_no_row(columns):
    row = {column.name: "0.4500" if column.is_number else "bid" for column in columns}
    row |= {
        "ticker": "KXMVENFLMULTIGAMEEXTENDED-S2026ABCDEF0123456-ABCDEF",
        "executed_at": "x" * 19,
    }
    lines = tables.listing("x", columns, [row], environment="sim", width=80)
    assert max(map(len, lines)) <= 80
    assert row["ticker"] in lines


def test_on_a_wide_terminal_everything_is_there():
    lines = listed([ORDER], width=200)
    assert len(lines) == 3
    assert "spread_maker" in lines[2]


def test_a_terminal_too_narrow_for_what_matters_still_gets_it():
    text = "\n".join(listed([ORDER], width=20))
    assert TICKER in text
    assert "7a5e0c1b-3-1f" in text


def test_numbers_stand_right_and_words_left():
    columns = (Column("name", "name"), Column("size", "size", is_number=True))
    rows = [{"name": "a", "size": "5"}, {"name": "longer", "size": "12345"}]
    lines, left_out = table_lines(columns, rows, width=None)
    assert lines == ["name     size", "a           5", "longer  12345"]
    assert left_out == []


def test_a_table_without_rows_has_its_header():
    columns = (Column("name", "name"), Column("size", "size", is_number=True))
    assert table_lines(columns, [], width=None) == (["name  size"], [])


def test_no_rows_are_said_and_not_drawn():
    assert listed([]) == ["no orders (sim)"]


@pytest.mark.parametrize(
    ("value", "text"), [(None, "-"), (True, "yes"), (False, "no"), (0, "0"), (1.5, "1.5")]
)
def test_a_value_is_shown_as_people_say_it(value, text):
    assert cell(value, Column("x", "x")) == text


@pytest.mark.parametrize(
    ("exact", "short"),
    [
        ("983.348800", "983.3488"),
        ("-0.150000", "-0.15"),
        ("0.006600", "0.0066"),
        ("0.000001", "0.000001"),
        ("0.4000", "0.40"),
        ("5.00", "5.00"),
        ("5", "5"),
        ("12.0", "12.0"),
    ],
)
def test_a_number_loses_only_zeros(exact, short):
    assert short_decimal(exact) == short


def test_a_name_from_the_exchange_cannot_move_the_cursor_or_style_anything():
    evil = {**ORDER, "ticker": "A\x1b[2J\n[bold]B\u202e"}
    text = "\n".join(listed([evil]))
    assert "\x1b" not in text
    assert "A\\x1b[2J\\n[bold]B\\u202e" in text
    assert len(text.splitlines()) == 3


def test_the_balance_is_told_with_what_we_have_and_what_the_proof_says():
    account = {
        "balance_dollars": "983.352500",
        "portfolio_value_dollars": None,
        "realized_pnl_dollars": "-1.200000",
        "fees_dollars": "0.192500",
        "balance_read_at": "then",
        "balance_proof": {"ours_dollars": "984.352500", "is_drift": True, "sentence": "-$1.00"},
    }
    assert tables.balance_lines(account, environment="sim") == [
        "balance · sim, in dollars",
        "balance           983.3525",
        "by our entries    984.3525",
        "portfolio value    unknown",
        "realized             -1.20",
        "unrealized at bid  unknown",
        "fees                0.1925",
        "worst case         unknown",
        "DRIFT: -$1.00",
        "read at then",
    ]


def test_the_status_is_one_screen():
    assert "\n".join(status_lines(STATUS)) == SCREEN
    assert max(map(len, SCREEN.splitlines())) <= 80


def test_what_is_given_up_or_dropped_is_said_with_its_place():
    data = {**STATUS["market_data"], "markets_shed": 3}
    services = {"actor": {"inbox": {"dropped": 7}}, "web": {"inbox": {"dropped": 0}}}
    text = "\n".join(status_lines({**STATUS, "market_data": data, "services": services}))
    assert "11/12 usable, 3 given up, grades" in text
    assert "events dropped: 7 by actor" in text


def test_a_feed_that_was_not_measured_yet_has_no_numbers():
    data = {
        **STATUS["market_data"],
        "book_grade_markets": dict.fromkeys("ABCDEF", 0),
        "per_second": {"deltas": None},
        "lag_seconds": {},
        "line_silence_seconds": None,
    }
    lines = status_lines({**STATUS, "market_data": data})
    assert "books      11/12 usable, grades: none yet" in lines
    assert "feed       not measured yet, lag unknown, line heard never" in lines


def test_books_that_can_be_read_but_not_traded_are_told_apart():
    data = {**STATUS["market_data"], "markets_below_grade": 9}
    text = "\n".join(status_lines({**STATUS, "market_data": data}))
    assert "books      11/12 usable, 9 of them too poor for strategies, grades: A 10" in text


def test_one_thing_is_not_many():
    account = {**STATUS["account"], "positions": 1, "open_orders": 1, "fills": 1}
    text = "\n".join(status_lines({**STATUS, "account": account}))
    assert "account    1 position, 1 open order, 1 fill, worst case" in text


def test_a_long_reason_is_not_broken_into_lines():
    pause = {"ticker": None, "strategy": None, "reason": "word " * 40, "by": ""}
    lines = status_lines({**STATUS, "pauses": [pause]})
    (line,) = [line for line in lines if line.startswith("PAUSED")]
    assert len(line) > 200


def test_with_trading_off_the_status_has_no_word_of_trading():
    quiet = {
        **STATUS,
        "mode": "orderbook_only",
        "halts": [],
        "paused": None,
        "pauses": [],
        "venue_paused": None,
        "why_no_trade": {},
    }
    text = "\n".join(status_lines(quiet))
    for word in ("balance", "account", "orders", "positions", "fills", "private"):
        assert word not in text
    assert "feeds      market data connected" in text


def test_an_unknown_balance_is_not_zero():
    account = {**STATUS["account"], "balance_dollars": None}
    assert "balance    unknown" in "\n".join(status_lines({**STATUS, "account": account}))


def test_a_reason_with_control_characters_cannot_hide_the_next_line():
    pause = {"ticker": None, "strategy": None, "reason": "a\r\nHALT       none\x1b[8m", "by": ""}
    lines = status_lines({**STATUS, "pauses": [pause]})
    assert "PAUSED     the account: a\\r\\nHALT       none\\x1b[8m" in lines


@pytest.mark.parametrize("columns", [tables.ORDERS, tables.POSITIONS, tables.FILLS, tables.MARKETS])
def test_every_table_fits_a_terminal_of_eighty_columns(columns):
    values = {
        "executed_at": "2026-11-20T12:05:08.410123Z",
        "ticker": TICKER,
        "key": ORDER["key"],
        "status": "resting",
        "side": "bid",
        "count": "-100.00",
        "held": "100.00",
    }
    row = {c.name: values.get(c.name, "0.1234") for c in columns}
    lines, _ = table_lines(columns, [row], width=80)
    assert max(map(len, lines)) <= 80


@pytest.mark.parametrize("text", ["2026-11-20T12:05:08.410123Z", "2026-11-20T12:05:08Z"])
def test_a_time_is_shown_to_the_second(text):
    assert cell(text, Column("x", "x", is_time=True)) == "2026-11-20 12:05:08"
