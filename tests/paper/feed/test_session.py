"""Subscriptions as transcripts: commands in, frames out."""

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.paper.feed.anything import command, junk
from tests.paper.feed.clients import OTHER, SENT_MS, error, hall_of_two, kinds, take
from tests.paper.venues import NOW, TICKER, market, terms
from traderd.kalshi.wire.commands import CHANNELS
from traderd.model.orders import Side
from traderd.model.units import parse_count, parse_price
from traderd.paper import choices
from traderd.paper.feed.session import MARKETS_MAX

FILTERING = ("orderbook_delta", "ticker", "trade", "fill", "user_orders", "market_positions")


# --- subscribing ----------------------------------------------------------------------------------


def test_each_channel_gets_its_answer_before_any_data():
    client = hall_of_two().client()
    got = client.say(
        "subscribe", channels=["orderbook_delta", "trade"], market_tickers=[TICKER, OTHER]
    )
    assert got == [
        {"type": "subscribed", "id": 1, "msg": {"channel": "orderbook_delta", "sid": 1}},
        {"type": "subscribed", "id": 1, "msg": {"channel": "trade", "sid": 2}},
        {
            "type": "orderbook_snapshot",
            "sid": 1,
            "seq": 1,
            "sending_ts_ms": SENT_MS,
            "msg": {
                "market_ticker": TICKER,
                "market_id": f"id-of-{TICKER}",
                "yes_dollars_fp": [["0.4500", "10.00"]],
                "no_dollars_fp": [["0.4800", "3.00"]],
            },
        },
        {
            "type": "orderbook_snapshot",
            "sid": 1,
            "seq": 2,
            "sending_ts_ms": SENT_MS,
            "msg": {"market_ticker": OTHER, "market_id": f"id-of-{OTHER}"},
        },
    ]
    got = client.say("subscribe", channels=["fill", "user_orders"])
    assert [frame["msg"] for frame in got] == [
        {"channel": "fill", "sid": 3},
        {"channel": "user_orders", "sid": 4},
    ]


def test_yes_prices_are_shown_to_whoever_asked_for_them():
    hall = hall_of_two()
    yes, no = hall.client(), hall.client()
    for client, form in ((yes, True), (no, False)):
        client.say(
            "subscribe", channels=["orderbook_delta"], market_ticker=TICKER, use_yes_price=form
        )
    hall.venue.street.add(TICKER, Side.ASK, parse_price("0.53"), parse_count("1.5"), NOW)
    hall.publish()
    (theirs,), (ours,) = no.take(), yes.take()
    assert (theirs["msg"]["side"], theirs["msg"]["price_dollars"]) == ("no", "0.4700")
    assert (ours["msg"]["side"], ours["msg"]["price_dollars"]) == ("no", "0.5300")
    assert ours["msg"]["delta_fp"] == theirs["msg"]["delta_fp"] == "1.50"
    assert ours["msg"]["ts_ms"] == NOW // 1_000_000
    snapshot = yes.say("update_subscription", sid=1, action="get_snapshot", market_ticker=TICKER)
    assert snapshot[0]["msg"]["no_dollars_fp"] == [["0.5200", "3.00"], ["0.5300", "1.50"]]


def test_subscribing_again_adds_markets_to_the_same_sid():
    client = hall_of_two().client()
    client.say("subscribe", channels=["orderbook_delta"], market_ticker=TICKER)
    got = client.say("subscribe", channels=["orderbook_delta"], market_tickers=[TICKER, OTHER])
    assert kinds(got) == ["subscribed", "orderbook_snapshot"]
    assert got[0]["msg"]["sid"] == 1
    assert (got[1]["seq"], got[1]["msg"]["market_ticker"]) == (2, OTHER)


def test_one_sid_cannot_have_two_price_forms():
    client = hall_of_two().client()
    subscribe = {"channels": ["orderbook_delta"], "market_ticker": TICKER}
    client.say("subscribe", **subscribe, use_yes_price=True)
    assert client.say("subscribe", **subscribe) == error(11, 2)


def test_subscribing_again_without_markets_means_all():
    hall = hall_of_two()
    client = hall.client()
    client.say("subscribe", channels=["trade"], market_ticker=OTHER)
    client.say("subscribe", channels=["trade"])
    take(hall)
    assert kinds(client.heard()) == ["trade"]


def test_unknown_markets_are_silent():
    client = hall_of_two().client()
    got = client.say("subscribe", channels=["orderbook_delta"], market_tickers=["NOPE", TICKER])
    assert kinds(got) == ["subscribed", "orderbook_snapshot"]
    assert got[1]["seq"] == 1


def test_unknown_markets_are_named_where_they_are_not_silent(monkeypatch):
    monkeypatch.setattr(choices, "UNKNOWN_TICKERS_ARE_SILENT", False)
    client = hall_of_two().client()
    got = client.say("subscribe", channels=["orderbook_delta"], market_tickers=["NOPE", TICKER])
    assert kinds(got) == ["subscribed", "error", "orderbook_snapshot"]
    assert (got[1]["msg"]["code"], got[1]["msg"]["market_ticker"]) == (11, "NOPE")


@pytest.mark.parametrize("channel", CHANNELS)
def test_every_channel_is_there_and_ends(channel):
    client = hall_of_two().client()
    got = client.say("subscribe", channels=[channel], market_ticker=TICKER)
    assert got[0] == {"type": "subscribed", "id": 1, "msg": {"channel": channel, "sid": 1}}
    again = client.say("subscribe", channels=[channel], market_ticker=TICKER)
    assert again == [{"type": "subscribed", "id": 2, "msg": {"channel": channel, "sid": 1}}]
    (gone,) = client.say("unsubscribe", sids=[1])
    assert gone["type"] == "unsubscribed"
    assert client.say("list_subscriptions") == [{"type": "ok", "id": 4, "msg": []}]


@pytest.mark.parametrize("channel", ["ticker_v2", "multivariate", "market_lifecycle", ""])
def test_channels_that_are_gone_are_unknown(channel):
    assert hall_of_two().client().say("subscribe", channels=[channel]) == error(8)


def test_a_command_without_an_id_gets_an_answer_without_one():
    client = hall_of_two().client()
    for start in ('"id":0,', '"id":null,', ""):
        client.session.command("{" + start + '"cmd":"list_subscriptions"}')
        assert client.take() == [{"type": "ok", "msg": []}]
    client.session.command('{"id":0,"cmd":"subscribe","params":{"channels":["trade"]}}')
    assert client.take() == [{"type": "subscribed", "msg": {"channel": "trade", "sid": 1}}]


# --- tickers ----------------------------------------------------------------------------------------


def test_a_ticker_can_be_shown_at_once():
    client = hall_of_two().client()
    got = client.say(
        "subscribe", channels=["ticker"], market_ticker=TICKER, send_initial_snapshot=True
    )
    assert kinds(got) == ["subscribed", "ticker"]
    assert "seq" not in got[1]
    assert (got[1]["msg"]["yes_bid_dollars"], got[1]["msg"]["yes_ask_dollars"]) == (
        "0.4500",
        "0.5200",
    )
    got = client.say(
        "update_subscription",
        sid=1,
        action="add_markets",
        market_ticker=OTHER,
        send_initial_snapshot=True,
    )
    assert kinds(got) == ["ok", "ticker"]
    empty = got[1]["msg"]
    assert (empty["yes_bid_dollars"], empty["yes_bid_size_fp"]) == ("0.0000", "0.00")
    assert (empty["yes_ask_dollars"], empty["yes_ask_size_fp"]) == ("1.0000", "0.00")


@pytest.mark.parametrize(("shows_all", "shown"), [(True, [TICKER, OTHER]), (False, [])])
def test_a_ticker_subscription_to_everything_shows_every_market(monkeypatch, shows_all, shown):
    monkeypatch.setattr(choices, "SNAPSHOT_OF_ALL_TICKERS", shows_all)
    got = hall_of_two().client().say("subscribe", channels=["ticker"], send_initial_snapshot=True)
    assert [frame["msg"]["market_ticker"] for frame in got[1:]] == shown


def test_a_ticker_can_be_named_by_market_id():
    hall = hall_of_two()
    client = hall.client()
    got = client.say(
        "subscribe",
        channels=["ticker"],
        market_ids=[f"id-of-{TICKER}", "nowhere"],
        send_initial_snapshot=True,
    )
    assert [frame["msg"].get("market_ticker") for frame in got] == [None, TICKER]
    take(hall)
    assert kinds(client.heard()) == ["ticker"]
    both = client.say("update_subscription", sid=1, action="add_markets", market_ticker=TICKER)
    assert both[0]["msg"] == {
        "market_tickers": [TICKER],
        "market_ids": [f"id-of-{TICKER}", "nowhere"],
    }
    take(hall)
    assert kinds(client.heard()) == ["ticker"]
    left = client.say(
        "update_subscription", sid=1, action="delete_markets", market_id=f"id-of-{TICKER}"
    )
    assert left[0]["msg"] == {"market_tickers": [TICKER], "market_ids": ["nowhere"]}


@pytest.mark.parametrize("channel", [each for each in FILTERING if each != "ticker"])
def test_other_channels_do_not_know_market_ids(channel):
    client = hall_of_two().client()
    code = 14 if channel == "orderbook_delta" else 11
    assert client.say("subscribe", channels=[channel], market_id="x") == error(code)
    client.say("subscribe", channels=[channel], market_ticker=TICKER)
    got = client.say("update_subscription", sid=1, action="add_markets", market_ids=["x"])
    assert got == error(11, 3)


def test_one_way_to_name_markets_is_enough():
    client = hall_of_two().client()
    names = {"market_ticker": TICKER, "market_id": "x"}
    assert client.say("subscribe", channels=["ticker"], **names) == error(11)


# --- channels that stay silent ----------------------------------------------------------------------


def test_indices_are_added_removed_and_listed():
    client = hall_of_two().client()
    client.say("subscribe", channels=["cfbenchmarks_value"], index_ids=["BRTI"])
    update = {"cmd": "update_subscription", "sid": 1}
    (ok,) = client.say(**update, action="subscribe_indices", index_ids=["ETHUSD_RTI"])
    assert (ok["type"], ok["seq"], ok["msg"]) == ("ok", 1, {"index_ids": ["BRTI", "ETHUSD_RTI"]})
    (ok,) = client.say(**update, action="subscribe_indices", index_ids=["all"])
    assert ok["msg"] == {"index_ids": ["all"]}
    client.say(**update, action="unsubscribe_indices", index_ids=["BRTI"])
    (ok,) = client.say(**update, action="unsubscribe_indices", index_ids=["all"])
    assert ok["msg"] == {"index_ids": ["ETHUSD_RTI"]}
    (listed,) = client.say(**update, action="indexlist")
    assert (listed["type"], listed["id"], listed["seq"], listed["msg"]) == (
        "cfbenchmarks_value_indexlist",
        6,
        5,
        {"index_ids": []},
    )
    assert client.say(**update, action="subscribe_indices") == error(24, 7)
    assert client.say(**update, action="add_markets", market_ticker=TICKER) == error(13, 8)


def test_underlyings_are_added_and_listed():
    client = hall_of_two().client()
    client.say("subscribe", channels=["pyth_value"])
    update = {"cmd": "update_subscription", "sids": [1]}
    (ok,) = client.say(
        **update, action="subscribe_underlyings", underlying_tickers=["Metal.XAU/USD"]
    )
    assert ok["msg"] == {"underlying_tickers": ["Metal.XAU/USD"]}
    (listed,) = client.say(**update, action="underlying_list")
    assert (listed["type"], listed["msg"]) == (
        "pyth_value_underlying_list",
        {"underlying_tickers": []},
    )
    assert client.say(**update, action="unsubscribe_underlyings") == error(28, 4)


@pytest.mark.parametrize(
    "channel", ["market_lifecycle_v2", "order_group_updates", "communications"]
)
def test_channels_without_a_filter_cannot_be_updated(channel):
    client = hall_of_two().client()
    client.say("subscribe", channels=[channel], market_ticker=TICKER)
    got = client.say("update_subscription", sid=1, action="add_markets", market_ticker=OTHER)
    assert got == error(13, 2)


# --- refusals -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("cmd", "params", "code", "text"),
    [
        ("subscribe", {"channels": []}, 3, "Channels required"),
        ("subscribe", {"channels": ["ticker_v2"]}, 8, "Unknown channel name"),
        ("subscribe", {"channels": ["orderbook_delta"]}, 14, "Market Ticker required"),
        ("subscribe", {"channels": "trade"}, 11, "Invalid parameter"),
        ("subscribe", {}, 2, "Params required"),
        ("unsubscribe", {"sids": []}, 4, "Subscription IDs required"),
        ("dance", {"a": 1}, 5, "Unknown command"),
        ("update_subscription", {"action": "add_markets"}, 12, None),
        ("update_subscription", {"sid": 1}, 15, "Action required"),
        ("update_subscription", {"sid": 1, "action": "x"}, 13, "Unsupported action"),
        (
            "update_subscription",
            {"sid": 7, "action": "add_markets", "market_ticker": "A"},
            7,
            "Unknown subscription ID",
        ),
    ],
)
def test_commands_are_refused_with_their_codes(cmd, params, code, text):
    (got,) = hall_of_two().client().say(cmd, **params)
    assert (got["type"], got["id"], got["msg"]["code"]) == ("error", 1, code)
    if text is not None:
        assert got["msg"]["msg"] == text


def test_what_is_no_command_gets_an_error_without_an_id():
    client = hall_of_two().client()
    for raw in ("", "{", "[]", '"x"', '{"id":-1,"cmd":"subscribe"}', "\x00", "[" * 100_000):
        client.session.command(raw)
        assert client.take() == [
            {"type": "error", "msg": {"code": 1, "msg": "Unable to process message"}}
        ]


def test_what_a_channel_cannot_do_is_refused():
    client = hall_of_two().client()
    client.say("subscribe", channels=["trade"])
    client.say("subscribe", channels=["orderbook_delta"], market_ticker=TICKER)
    update = {"market_ticker": OTHER}
    assert client.say("update_subscription", sid=1, action="get_snapshot", **update) == error(13, 3)
    assert client.say("update_subscription", sid=1, action="delete_markets", **update) == error(
        11, 4
    )
    assert client.say("update_subscription", sid=2, action="get_snapshot", **update) == error(11, 5)


def test_a_session_has_room_for_half_a_million_markets():
    client = hall_of_two().client()
    many = [f"M{number}" for number in range(MARKETS_MAX)]
    (subscribed,) = client.say("subscribe", channels=["trade"], market_tickers=many)
    assert subscribed["type"] == "subscribed"
    got = client.say("update_subscription", sid=1, action="add_markets", market_ticker=TICKER)
    assert got == error(26, 2)


def test_the_bound_holds_for_every_kind_of_name():
    client = hall_of_two().client()
    many = [f"M{number}" for number in range(MARKETS_MAX)]
    client.say("subscribe", channels=["cfbenchmarks_value"], index_ids=many)
    update = {"cmd": "update_subscription", "sid": 1}
    got = client.say(**update, action="subscribe_indices", index_ids=["new"])
    assert got == error(26, 2)
    client.say("unsubscribe", sids=[1])
    got = client.say("subscribe", channels=["trade"], market_ticker=TICKER)
    assert kinds(got) == ["subscribed"]


# --- the end ----------------------------------------------------------------------------------------


def test_a_slow_reader_is_told_which_subscriptions_are_dead():
    client = hall_of_two().client()
    assert [json.loads(raw) for raw in client.session.overflowed()] == [
        {"type": "error", "msg": {"code": 25, "msg": "Subscription buffer overflow"}}
    ]
    client.say("subscribe", channels=["trade", "fill"])
    told = [json.loads(raw) for raw in client.session.overflowed()]
    assert [(frame["sid"], frame["msg"]["code"]) for frame in told] == [(1, 25), (2, 25)]
    # Only the channel with numbered data numbers its error.
    assert [frame.get("seq") for frame in told] == [1, None]


def test_nothing_is_heard_after_the_end():
    hall = hall_of_two()
    client = hall.client()
    client.say("subscribe", channels=[*CHANNELS], market_ticker=TICKER)
    client.say("subscribe", channels=["ticker", "trade"])
    client.session.end()
    take(hall)
    hall.venue.create_order("ann", terms("bid", "1", "0.52"), "a", NOW)
    hall.venue.life.add_market(market("KXDEMO-26DEC31-C"), NOW, tell=True)
    assert client.heard() == []


# --- anything at all --------------------------------------------------------------------------------


@settings(max_examples=150, deadline=None)
@given(st.lists((command | junk).map(json.dumps) | st.text(max_size=50), max_size=12))
def test_no_command_breaks_a_session(said):
    hall = hall_of_two()
    client = hall.client()
    numbers: dict[int, int] = {}
    for raw in said:
        client.session.command(raw)
        take(hall, "0.01")
        answers = client.heard()
        for frame in answers:
            if "seq" in frame:
                assert frame["seq"] == numbers.get(frame["sid"], 0) + 1
                numbers[frame["sid"]] = frame["seq"]
    client.session.end()
    take(hall, "0.01")
    assert client.heard() == []
    audience = hall.audience
    assert not any(audience.of_channel(channel) for channel in CHANNELS)
    assert not any(
        audience.of_market(channel, ticker) or audience.of_account(channel, "ann")
        for channel in FILTERING
        for ticker in (TICKER, OTHER, "NOPE")
    )


@settings(max_examples=100, deadline=None)
@given(st.text(max_size=200) | st.binary(max_size=200).map(lambda raw: raw.decode("latin-1")))
def test_what_is_no_json_is_answered_once(raw):
    client = hall_of_two().client()
    client.session.command(raw)
    assert len(client.take()) == 1


@pytest.mark.parametrize(
    "raw",
    [
        "[" * 500_000,
        '{"id":1,"cmd":"subscribe","params":' + '{"a":' * 200_000,
        '{"id":' + "9" * 5_000 + ',"cmd":"list_subscriptions"}',
        '{"id":1e999,"cmd":"list_subscriptions"}',
        '{"id":1,"cmd":"unsubscribe","params":{"sids":[' + "9" * 1_000_000 + "]}}",
        '{"id":1,"cmd":"subscribe","params":{"channels":["' + "x" * 1_000_000 + '"]}}',
        '{"id":1,"cmd":"subscribe","params":{"channels":["trade"],"market_ticker":"'
        + "x" * 1_000_000
        + '"}}',
        '{"id":1,"cmd":"subscribe","params":{"channels":["trade"],"market_ticker":"\\ud800"}}',
    ],
    ids=[
        "deep",
        "deep params",
        "huge id",
        "endless id",
        "huge sid",
        "long channel",
        "long ticker",
        "half a character",
    ],
)
def test_monsters_are_refused(raw):
    client = hall_of_two().client()
    client.session.command(raw)
    (refused,) = client.take()
    assert refused["type"] == "error"
