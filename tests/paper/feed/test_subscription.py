"""One subscription's numbers, and what its acknowledgements list."""

import json

import pytest

from traderd.kalshi.wire import feed
from traderd.kalshi.wire.commands import CHANNELS
from traderd.kalshi.wire.frames import data_message
from traderd.paper.feed.subscription import (
    ACTIONS_OF,
    FILTERED,
    PRIVATE,
    REFERENCES,
    UNNUMBERED,
    Subscription,
)

MESSAGE = data_message("news", {"a": 1}, 7)


def subscription(channel: str, **more) -> tuple[Subscription, list[dict]]:
    told: list[dict] = []
    made = Subscription(
        sid=3,
        channel=channel,
        account_id="ann",
        send=lambda raw: told.append(json.loads(raw)),
        **more,
    )
    return made, told


def test_the_tables_speak_of_channels_that_exist():
    for table in (FILTERED, PRIVATE, REFERENCES, UNNUMBERED, tuple(ACTIONS_OF)):
        assert set(table) <= set(CHANNELS)
    assert set(ACTIONS_OF) == {*FILTERED, *REFERENCES}


@pytest.mark.parametrize("channel", CHANNELS)
def test_data_is_numbered_where_kalshi_numbers_it(channel):
    made, told = subscription(channel)
    made.tell(MESSAGE)
    made.tell(MESSAGE)
    numbers = [frame.get("seq") for frame in told]
    assert numbers == ([None, None] if channel in UNNUMBERED else [1, 2])
    assert {frame["sid"] for frame in told} == {3}
    assert made.number_reply() == (1 if channel in UNNUMBERED else 3)
    assert made.number_error() == (0 if channel in UNNUMBERED else 4)


def test_an_answer_carries_its_commands_id():
    made, told = subscription("orderbook_delta")
    made.tell(MESSAGE, 9)
    assert told == [
        {"type": "news", "id": 9, "sid": 3, "seq": 1, "sending_ts_ms": 7, "msg": {"a": 1}}
    ]


def test_no_filter_covers_everything_and_an_empty_one_nothing():
    assert subscription("trade")[0].covers("A")
    assert not subscription("trade", tickers={})[0].covers("A")
    assert subscription("trade", tickers={"A": None})[0].covers("A")


@pytest.mark.parametrize(
    ("channel", "names", "listed"),
    [
        ("trade", {}, {"market_tickers": []}),
        ("trade", {"tickers": {}}, {"market_tickers": []}),
        ("trade", {"tickers": {"B": None, "A": None}}, {"market_tickers": ["B", "A"]}),
        ("trade", {"tickers": {"A": None}, "skip_ticker_ack": True}, {}),
        ("ticker", {"tickers": {}, "market_ids": {"i": None}}, {"market_ids": ["i"]}),
        (
            "ticker",
            {"tickers": {"A": None}, "market_ids": {"i": None}},
            {"market_tickers": ["A"], "market_ids": ["i"]},
        ),
        ("cfbenchmarks_value", {"references": {"BRTI": None}}, {"index_ids": ["BRTI"]}),
        ("pyth_value", {"references": {"x": None, "all": None}}, {"underlying_tickers": ["all"]}),
    ],
)
def test_an_acknowledgement_lists_what_is_covered(channel, names, listed):
    made, _ = subscription(channel, **names)
    expected = feed.OkBody(**listed)
    assert made.covered() == expected
    counted = ("tickers", "market_ids", "references")
    assert made.size == sum(len(names.get(each, ())) for each in counted)
