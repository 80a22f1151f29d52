"""The screens of status and balance: what a person reads at three in the morning."""

from pathlib import Path

from traderd.cli.status_lines import balance_lines, status_lines

TOKEN = Path("/state/control.token")


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


def test_the_balance_is_told_with_what_we_have_and_what_the_proof_says():
    account = {
        "balance_dollars": "983.352500",
        "portfolio_value_dollars": None,
        "realized_pnl_dollars": "-1.200000",
        "fees_dollars": "0.192500",
        "balance_read_at": "then",
        "balance_proof": {"ours_dollars": "984.352500", "is_drift": True, "sentence": "-$1.00"},
    }
    assert balance_lines(account, environment="sim") == [
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
    assert "\n".join(status_lines(STATUS, token_file=TOKEN)) == SCREEN
    assert max(map(len, SCREEN.splitlines())) <= 80


def test_who_opens_the_console_finds_where_its_token_is():
    lines = status_lines({**STATUS, "console": "http://127.0.0.1:8005"}, token_file=TOKEN)
    at = lines.index("console    http://127.0.0.1:8005")
    assert lines[at + 1] == "token      /state/control.token"
    assert not any(line.startswith("token") for line in status_lines(STATUS, token_file=TOKEN))


def test_what_is_given_up_or_dropped_is_said_with_its_place():
    data = {**STATUS["market_data"], "markets_shed": 3}
    services = {"actor": {"inbox": {"dropped": 7}}, "web": {"inbox": {"dropped": 0}}}
    text = "\n".join(
        status_lines({**STATUS, "market_data": data, "services": services}, token_file=TOKEN)
    )
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
    lines = status_lines({**STATUS, "market_data": data}, token_file=TOKEN)
    assert "books      11/12 usable, grades: none yet" in lines
    assert "feed       not measured yet, lag unknown, line heard never" in lines


def test_books_that_can_be_read_but_not_traded_are_told_apart():
    data = {**STATUS["market_data"], "markets_below_grade": 9}
    text = "\n".join(status_lines({**STATUS, "market_data": data}, token_file=TOKEN))
    assert "books      11/12 usable, 9 of them too poor for strategies, grades: A 10" in text


def test_one_thing_is_not_many():
    account = {**STATUS["account"], "positions": 1, "open_orders": 1, "fills": 1}
    text = "\n".join(status_lines({**STATUS, "account": account}, token_file=TOKEN))
    assert "account    1 position, 1 open order, 1 fill, worst case" in text


def test_a_long_reason_is_not_broken_into_lines():
    pause = {"ticker": None, "strategy": None, "reason": "word " * 40, "by": ""}
    lines = status_lines({**STATUS, "pauses": [pause]}, token_file=TOKEN)
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
    text = "\n".join(status_lines(quiet, token_file=TOKEN))
    for word in ("balance", "account", "orders", "positions", "fills", "private"):
        assert word not in text
    assert "feeds      market data connected" in text


def test_an_unknown_balance_is_not_zero():
    account = {**STATUS["account"], "balance_dollars": None}
    assert "balance    unknown" in "\n".join(
        status_lines({**STATUS, "account": account}, token_file=TOKEN)
    )


def test_a_reason_with_control_characters_cannot_hide_the_next_line():
    pause = {"ticker": None, "strategy": None, "reason": "a\r\nHALT       none\x1b[8m", "by": ""}
    lines = status_lines({**STATUS, "pauses": [pause]}, token_file=TOKEN)
    assert "PAUSED     the account: a\\r\\nHALT       none\\x1b[8m" in lines
