"""One subscription's numbers, and what its acknowledgements list."""

import json

import pytest

from tests.paper.feed.clients import OTHER, error, hall_of_two, take
from tests.paper.venues import NOW, TICKER, terms
from traderd.kalshi.wire import feed
from traderd.kalshi.wire.commands import CHANNELS
from traderd.kalshi.wire.frames import data_message
from traderd.paper import choices
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


def test_adding_and_removing_markets_uses_up_sequence_numbers():
    hall = hall_of_two()
    client = hall.client()
    client.say("subscribe", channels=["orderbook_delta"], market_ticker=TICKER)
    got = client.say("update_subscription", sids=[1], action="add_markets", market_ticker=OTHER)
    assert got[0] == {
        "type": "ok",
        "id": 2,
        "sid": 1,
        "seq": 2,
        "msg": {"market_tickers": [TICKER, OTHER]},
    }
    assert [(f["type"], f["seq"]) for f in got[1:]] == [("orderbook_snapshot", 3)]
    got = client.say("update_subscription", sid=1, action="delete_markets", market_ticker=TICKER)
    assert got == [{"type": "ok", "id": 3, "sid": 1, "seq": 4, "msg": {"market_tickers": [OTHER]}}]
    take(hall)
    assert client.heard() == []


def test_the_market_list_can_be_left_out_of_acknowledgements():
    client = hall_of_two().client()
    client.say("subscribe", channels=["trade"], market_ticker=TICKER, skip_ticker_ack=True)
    (ok,) = client.say("update_subscription", sid=1, action="add_markets", market_ticker=OTHER)
    assert (ok["seq"], ok["msg"]) == (1, {})


def test_replies_of_channels_without_numbers_are_numbered_among_themselves():
    hall = hall_of_two()
    client = hall.client()
    client.say("subscribe", channels=["user_orders"], market_ticker=TICKER)
    (ok,) = client.say("update_subscription", sid=1, action="add_markets", market_ticker=OTHER)
    assert ok == {
        "type": "ok",
        "id": 2,
        "sid": 1,
        "seq": 1,
        "msg": {"market_tickers": [TICKER, OTHER]},
    }
    hall.venue.create_order("ann", terms("bid", "1", "0.10"), "a", NOW)
    (order,) = client.heard()
    assert "seq" not in order
    (gone,) = client.say("unsubscribe", sids=[1])
    assert gone["seq"] == 2


def test_acknowledgements_repeat_the_last_number_where_they_use_none_up(monkeypatch):
    monkeypatch.setattr(choices, "ACKS_CONSUME_SEQ", False)
    client = hall_of_two().client()
    client.say("subscribe", channels=["orderbook_delta"], market_ticker=TICKER)
    got = client.say("update_subscription", sid=1, action="add_markets", market_ticker=OTHER)
    assert [(f["type"], f["seq"]) for f in got] == [("ok", 1), ("orderbook_snapshot", 2)]


def test_a_snapshot_on_request_carries_the_commands_id():
    client = hall_of_two().client()
    client.say("subscribe", channels=["orderbook_delta"], market_tickers=[TICKER, OTHER])
    got = client.say(
        "update_subscription", sid=1, action="get_snapshot", market_tickers=[OTHER, TICKER]
    )
    assert [(f["type"], f["id"], f["seq"], f["msg"]["market_ticker"]) for f in got] == [
        ("orderbook_snapshot", 2, 3, OTHER),
        ("orderbook_snapshot", 2, 4, TICKER),
    ]


def test_unsubscribing_ends_the_data_and_frees_the_channel():
    hall = hall_of_two()
    client = hall.client()
    client.say("subscribe", channels=["orderbook_delta", "fill"], market_ticker=TICKER)
    got = client.say("unsubscribe", sids=[1, 9, 2])
    assert got == [
        {"type": "unsubscribed", "id": 2, "sid": 1, "seq": 2},
        *error(7, 2),
        {"type": "unsubscribed", "id": 2, "sid": 2, "seq": 1},
    ]
    take(hall)
    assert client.heard() == []
    got = client.say("subscribe", channels=["orderbook_delta"], market_ticker=TICKER)
    assert (got[0]["msg"]["sid"], got[1]["seq"]) == (3, 1)


def test_subscriptions_are_listed():
    client = hall_of_two().client()
    assert client.say("list_subscriptions") == [{"type": "ok", "id": 1, "msg": []}]
    client.say("subscribe", channels=["trade", "fill"])
    assert client.say("list_subscriptions") == [
        {
            "type": "ok",
            "id": 3,
            "msg": [{"channel": "trade", "sid": 1}, {"channel": "fill", "sid": 2}],
        }
    ]
    assert client.session.channels() == ("trade", "fill")
