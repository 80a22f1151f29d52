"""Subscriptions as transcripts: commands in, frames out."""

import json

import pytest

from tests.paper.venues import NOW, TICKER, market, terms, venue
from traderd.model.orders import Side
from traderd.model.units import Timestamp, parse_count, parse_price
from traderd.paper.feed.session import MARKETS_MAX, FeedSession, Rendering

OTHER = "KXDEMO-26DEC31-B"


class Client:
    """One session over a venue, its frames read as JSON."""

    def __init__(self, built, account: str = "ann") -> None:
        self.venue = built
        self.raw: list[bytes] = []
        self.session = FeedSession(account_id=account, venue=built, send=self.raw.append)
        self._ids = 0

    def say(self, cmd: str, **params):
        """Send a command and return what came."""
        self._ids += 1
        message = {"id": self._ids, "cmd": cmd} | ({"params": params} if params else {})
        self.session.command(json.dumps(message))
        return self.take()

    def take(self):
        assert all(frame.endswith(b"\n") for frame in self.raw)
        got = [json.loads(frame) for frame in self.raw]
        self.raw.clear()
        return got


def publish(built, *clients: Client) -> None:
    for broadcast in built.take_outbox():
        rendering = Rendering(broadcast, built)
        for client in clients:
            client.session.deliver(rendering)


def book_of_two():
    built = venue(market(), market(OTHER))
    built.street.add(TICKER, Side.BID, parse_price("0.45"), parse_count("10"), NOW)
    built.street.add(TICKER, Side.ASK, parse_price("0.52"), parse_count("3"), NOW)
    built.take_outbox()
    return built


def kinds(frames) -> list[str]:
    return [frame["type"] for frame in frames]


def error(code: int, text: str, command_id: int = 1):
    return [{"type": "error", "id": command_id, "msg": {"code": code, "msg": text}}]


# --- subscribing ----------------------------------------------------------------------------------


def test_each_channel_gets_its_answer_before_any_data():
    client = Client(book_of_two())
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
            "msg": {"market_ticker": OTHER, "market_id": f"id-of-{OTHER}"},
        },
    ]
    got = client.say("subscribe", channels=["fill", "user_orders"])
    assert [frame["msg"] for frame in got] == [
        {"channel": "fill", "sid": 3},
        {"channel": "user_orders", "sid": 4},
    ]


def test_yes_prices_are_shown_to_whoever_asked_for_them():
    built = book_of_two()
    yes, no = Client(built), Client(built)
    for client, form in ((yes, True), (no, False)):
        client.say(
            "subscribe", channels=["orderbook_delta"], market_ticker=TICKER, use_yes_price=form
        )
    built.street.add(TICKER, Side.ASK, parse_price("0.53"), parse_count("1.5"), NOW)
    publish(built, yes, no)
    (theirs,), (ours,) = no.take(), yes.take()
    assert (theirs["msg"]["side"], theirs["msg"]["price_dollars"]) == ("no", "0.4700")
    assert (ours["msg"]["side"], ours["msg"]["price_dollars"]) == ("no", "0.5300")
    assert ours["msg"]["delta_fp"] == theirs["msg"]["delta_fp"] == "1.50"
    assert ours["msg"]["ts_ms"] == NOW // 1_000_000
    snapshot = yes.say("update_subscription", sid=1, action="get_snapshot", market_ticker=TICKER)
    assert snapshot[0]["msg"]["no_dollars_fp"] == [["0.5200", "3.00"], ["0.5300", "1.50"]]


def test_subscribing_again_adds_markets_to_the_same_sid():
    client = Client(book_of_two())
    client.say("subscribe", channels=["orderbook_delta"], market_ticker=TICKER)
    got = client.say("subscribe", channels=["orderbook_delta"], market_tickers=[TICKER, OTHER])
    assert kinds(got) == ["subscribed", "orderbook_snapshot"]
    assert got[0]["msg"]["sid"] == 1
    assert (got[1]["seq"], got[1]["msg"]["market_ticker"]) == (2, OTHER)


def test_one_sid_cannot_have_two_price_forms():
    client = Client(book_of_two())
    subscribe = {"channels": ["orderbook_delta"], "market_ticker": TICKER}
    client.say("subscribe", **subscribe, use_yes_price=True)
    assert client.say("subscribe", **subscribe) == error(11, "Invalid parameter", 2)


def test_subscribing_again_without_markets_means_all():
    built = book_of_two()
    client = Client(built)
    client.say("subscribe", channels=["trade"], market_ticker=OTHER)
    client.say("subscribe", channels=["trade"])
    built.street.take(TICKER, Side.BID, parse_price("0.52"), parse_count("1"), NOW)
    publish(built, client)
    assert kinds(client.take()) == ["trade"]


def test_unknown_markets_are_silent():
    client = Client(book_of_two())
    got = client.say("subscribe", channels=["orderbook_delta"], market_tickers=["NOPE", TICKER])
    assert kinds(got) == ["subscribed", "orderbook_snapshot"]
    assert got[1]["seq"] == 1


# --- data -----------------------------------------------------------------------------------------


def test_books_and_trades_are_numbered_each_from_one():
    built = book_of_two()
    client = Client(built)
    client.say("subscribe", channels=["orderbook_delta", "trade"], market_ticker=TICKER)
    for _ in range(2):
        built.street.take(TICKER, Side.BID, parse_price("0.52"), parse_count("1"), NOW)
    publish(built, client)
    got = client.take()
    assert [(f["type"], f["sid"], f["seq"]) for f in got] == [
        ("orderbook_delta", 1, 2),
        ("trade", 2, 1),
        ("orderbook_delta", 1, 3),
        ("trade", 2, 2),
    ]
    assert got[0]["msg"]["delta_fp"] == "-1.00"
    assert (got[1]["msg"]["taker_book_side"], got[1]["msg"]["yes_price_dollars"]) == (
        "bid",
        "0.5200",
    )


def test_markets_that_were_not_asked_for_stay_silent():
    built = book_of_two()
    client = Client(built)
    client.say("subscribe", channels=["orderbook_delta", "trade"], market_ticker=OTHER)
    built.street.take(TICKER, Side.BID, parse_price("0.52"), parse_count("1"), NOW)
    publish(built, client)
    assert client.take() == []


def test_only_the_owner_sees_its_client_order_id():
    built = book_of_two()
    ann, bob = Client(built, "ann"), Client(built, "bob")
    for client in (ann, bob):
        client.say("subscribe", channels=["orderbook_delta"], market_ticker=TICKER)
    built.create_order("ann", terms("bid", "2", "0.46"), "mine", NOW)
    publish(built, bob, ann)
    (ours,), (theirs,) = ann.take(), bob.take()
    assert ours["msg"].pop("client_order_id") == "mine"
    assert ours == theirs


def test_private_channels_are_private_and_not_numbered():
    built = book_of_two()
    ann, bob = Client(built, "ann"), Client(built, "bob")
    for client in (ann, bob):
        client.say("subscribe", channels=["fill", "user_orders"])
    built.create_order("ann", terms("bid", "2", "0.52"), "mine", NOW)
    publish(built, ann, bob)
    assert bob.take() == []
    order, fill = ann.take()
    assert (order["type"], order["sid"]) == ("user_order", 2)
    assert "seq" not in order
    assert (order["msg"]["status"], order["msg"]["fill_count_fp"]) == ("executed", "2.00")
    assert (fill["type"], fill["sid"]) == ("fill", 1)
    assert "seq" not in fill
    shown = {
        "client_order_id": "mine",
        "market_ticker": TICKER,
        "is_taker": True,
        "outcome_side": "yes",
        "book_side": "bid",
        "post_position_fp": "2.00",
        "yes_price_dollars": "0.5200",
    }
    assert {key: fill["msg"][key] for key in shown} == shown
    assert order["msg"]["order_id"] == fill["msg"]["order_id"]


def test_private_channels_can_be_filtered_by_market():
    built = book_of_two()
    client = Client(built)
    client.say("subscribe", channels=["user_orders"], market_ticker=OTHER)
    built.create_order("ann", terms("bid", "1", "0.10"), "a", NOW)
    built.create_order("ann", terms("bid", "1", "0.10", ticker=OTHER), "b", NOW)
    publish(built, client)
    assert [frame["msg"]["client_order_id"] for frame in client.take()] == ["b"]


def test_a_cancel_and_an_expiry_are_told_with_their_reasons():
    built = book_of_two()
    client = Client(built)
    client.say("subscribe", channels=["user_orders"])
    soon = Timestamp(NOW + 1_000_000_000)
    first = built.create_order("ann", terms("bid", "1", "0.10"), "a", NOW)
    built.create_order("ann", terms("bid", "1", "0.10", expires_at=soon), "b", NOW)
    built.cancel_order("ann", first.order_id, NOW)
    built.expire_due(soon)
    publish(built, client)
    told = [(f["msg"]["status"], f["msg"].get("last_update_reason")) for f in client.take()]
    assert told == [
        ("resting", None),
        ("resting", None),
        ("canceled", None),
        ("canceled", "ExpiryCancel"),
    ]


# --- changing subscriptions -----------------------------------------------------------------------


def test_adding_and_removing_markets_uses_up_sequence_numbers():
    built = book_of_two()
    client = Client(built)
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
    built.street.take(TICKER, Side.BID, parse_price("0.52"), parse_count("1"), NOW)
    publish(built, client)
    assert client.take() == []


def test_the_market_list_can_be_left_out_of_acknowledgements():
    client = Client(book_of_two())
    client.say("subscribe", channels=["trade"], market_ticker=TICKER, skip_ticker_ack=True)
    (ok,) = client.say("update_subscription", sid=1, action="add_markets", market_ticker=OTHER)
    assert (ok["seq"], ok["msg"]) == (1, {})


def test_acknowledgements_of_private_channels_carry_no_number():
    client = Client(book_of_two())
    client.say("subscribe", channels=["fill"], market_ticker=TICKER)
    (ok,) = client.say("update_subscription", sid=1, action="add_markets", market_ticker=OTHER)
    assert "seq" not in ok
    assert ok["msg"] == {"market_tickers": [TICKER, OTHER]}


def test_a_snapshot_on_request_carries_the_commands_id():
    client = Client(book_of_two())
    client.say("subscribe", channels=["orderbook_delta"], market_tickers=[TICKER, OTHER])
    got = client.say(
        "update_subscription", sid=1, action="get_snapshot", market_tickers=[OTHER, TICKER]
    )
    assert [(f["type"], f["id"], f["seq"], f["msg"]["market_ticker"]) for f in got] == [
        ("orderbook_snapshot", 2, 3, OTHER),
        ("orderbook_snapshot", 2, 4, TICKER),
    ]


def test_unsubscribing_ends_the_data_and_frees_the_channel():
    built = book_of_two()
    client = Client(built)
    client.say("subscribe", channels=["orderbook_delta", "fill"], market_ticker=TICKER)
    got = client.say("unsubscribe", sids=[1, 9, 2])
    assert got == [
        {"type": "unsubscribed", "id": 2, "sid": 1, "seq": 2},
        *error(7, "Unknown subscription ID", 2),
        {"type": "unsubscribed", "id": 2, "sid": 2},
    ]
    built.street.take(TICKER, Side.BID, parse_price("0.52"), parse_count("1"), NOW)
    publish(built, client)
    assert client.take() == []
    got = client.say("subscribe", channels=["orderbook_delta"], market_ticker=TICKER)
    assert (got[0]["msg"]["sid"], got[1]["seq"]) == (3, 1)


def test_subscriptions_are_listed():
    client = Client(book_of_two())
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


# --- refusals -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("cmd", "params", "code", "text"),
    [
        ("subscribe", {"channels": []}, 3, "Channels required"),
        ("subscribe", {"channels": ["ticker"]}, 8, "Unknown channel name"),
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
    (got,) = Client(book_of_two()).say(cmd, **params)
    assert (got["type"], got["id"], got["msg"]["code"]) == ("error", 1, code)
    if text is not None:
        assert got["msg"]["msg"] == text


def test_what_is_no_command_gets_an_error_without_an_id():
    client = Client(book_of_two())
    for raw in ("", "{", "[]", '"x"', '{"id":-1,"cmd":"subscribe"}', "\x00", "[" * 100_000):
        client.session.command(raw)
        assert client.take() == [
            {"type": "error", "msg": {"code": 1, "msg": "Unable to process message"}}
        ]


def test_what_a_channel_cannot_do_is_refused():
    client = Client(book_of_two())
    client.say("subscribe", channels=["trade"])
    client.say("subscribe", channels=["orderbook_delta"], market_ticker=TICKER)
    update = {"market_ticker": OTHER}
    assert client.say("update_subscription", sid=1, action="get_snapshot", **update) == error(
        13, "Unsupported action", 3
    )
    assert client.say("update_subscription", sid=1, action="delete_markets", **update) == error(
        11, "Invalid parameter", 4
    )
    assert client.say("update_subscription", sid=2, action="get_snapshot", **update) == error(
        11, "Invalid parameter", 5
    )


def test_a_session_has_room_for_half_a_million_markets():
    client = Client(book_of_two())
    many = [f"M{number}" for number in range(MARKETS_MAX)]
    (subscribed,) = client.say("subscribe", channels=["trade"], market_tickers=many)
    assert subscribed["type"] == "subscribed"
    got = client.say("update_subscription", sid=1, action="add_markets", market_ticker=TICKER)
    assert got == error(26, "Subscription market limit exceeded", 2)


# --- one encoding for all -------------------------------------------------------------------------


def test_the_shared_frame_is_the_one_made_from_scratch():
    built = book_of_two()
    built.create_order("ann", terms("bid", "2", "0.52"), "mine", NOW)
    checked = 0
    for broadcast in built.take_outbox():
        rendering = Rendering(broadcast, built)
        kind = {"LevelChanged": b"orderbook_delta", "TradeHappened": b"trade"}.get(
            type(broadcast).__name__
        )
        if kind is None:
            continue
        for sid, seq, form in ((1, 1, True), (77, 12_345, True), (3, 4, False)):
            shared = rendering.frame(kind, sid, seq, use_yes_price=form)
            assert shared == rendering.encode(sid, seq, use_yes_price=form)
            checked += 1
    assert checked == 6
