"""Who is told what, and when, of everything that happens at the venue."""

import pytest

from tests.paper.feed.clients import OTHER, SENT_MS, hall_of_two, kinds
from tests.paper.venues import NOW, TICKER, ask, bid, market, terms
from traderd.model.ids import EventTicker, SeriesTicker
from traderd.model.orders import Side
from traderd.model.units import Count, Timestamp, parse_count, parse_money, parse_price
from traderd.paper.venue.fees import FeeSchedule, FeeType
from traderd.paper.venue.listings import Event, Result
from traderd.paper.venue.messages import ANY_BROADCAST

EVERYTHING = ("orderbook_delta", "ticker", "trade", "market_lifecycle_v2")
FEES = FeeSchedule(fee_type=FeeType.QUADRATIC, multiplier=500)


def test_every_kind_of_broadcast_is_told():
    assert hall_of_two().publisher.kinds == frozenset(ANY_BROADCAST)


# --- market data ------------------------------------------------------------------------------------


def test_books_and_trades_are_numbered_each_from_one_and_tickers_are_not():
    hall = hall_of_two()
    client = hall.client()
    client.say("subscribe", channels=["orderbook_delta", "trade", "ticker"], market_ticker=TICKER)
    for _ in range(2):
        hall.venue.street.take(TICKER, Side.BID, parse_price("0.52"), parse_count("1"), NOW)
    got = client.heard()
    assert [(f["type"], f["sid"], f.get("seq")) for f in got] == [
        ("orderbook_delta", 1, 2),
        ("trade", 2, 1),
        ("orderbook_delta", 1, 3),
        ("trade", 2, 2),
        ("ticker", 3, None),
    ]
    assert {frame["sending_ts_ms"] for frame in got} == {SENT_MS}
    assert got[0]["msg"]["delta_fp"] == "-1.00"
    assert (got[4]["msg"]["volume_fp"], got[4]["msg"]["dollar_volume"]) == ("2.00", 1)


def test_markets_that_were_not_asked_for_stay_silent():
    hall = hall_of_two()
    client = hall.client()
    client.say("subscribe", channels=["orderbook_delta", "trade", "ticker"], market_ticker=OTHER)
    hall.venue.street.take(TICKER, Side.BID, parse_price("0.52"), parse_count("1"), NOW)
    assert client.heard() == []


def test_a_filter_and_no_filter_hear_the_same_market():
    hall = hall_of_two()
    narrow, wide = hall.client(), hall.client()
    narrow.say("subscribe", channels=["trade"], market_ticker=TICKER)
    wide.say("subscribe", channels=["trade"])
    hall.venue.street.take(TICKER, Side.BID, parse_price("0.52"), parse_count("1"), NOW)
    hall.publish()
    assert narrow.take() == wide.take() != []


def test_only_the_owner_sees_what_it_caused():
    hall = hall_of_two()
    owner = hall.venue.account("ann")
    number = hall.venue.bank.open_subaccount(owner, NOW)
    hall.venue.bank.transfer(
        owner,
        client_transfer_id="t",
        from_subaccount=0,
        to_subaccount=number,
        amount=parse_money("10"),
        now=NOW,
    )
    ann, bob = hall.client("ann"), hall.client("bob")
    for client in (ann, bob):
        client.say("subscribe", channels=["orderbook_delta"], market_ticker=TICKER)
    hall.venue.create_order("ann", bid("2", "0.46"), "mine", NOW, subaccount=number)
    hall.publish()
    (ours,), (theirs,) = ann.take(), bob.take()
    assert ours["msg"].pop("client_order_id") == "mine"
    assert ours["msg"].pop("subaccount") == number
    assert ours == theirs


def test_an_own_change_without_a_client_order_id_looks_like_any_other():
    hall = hall_of_two()
    ann, bob = hall.client("ann"), hall.client("bob")
    for client in (ann, bob):
        client.say("subscribe", channels=["orderbook_delta"], market_ticker=TICKER)
    hall.venue.create_order("ann", bid("2", "0.46"), None, NOW)
    hall.publish()
    assert ann.take() == bob.take()


@pytest.mark.parametrize("form", [True, False])
def test_the_shared_frame_is_the_same_for_everybody_but_its_address(form):
    hall = hall_of_two()
    first, second = hall.client(), hall.client("bob")
    first.say("subscribe", channels=["trade"])
    subscribe = {"channels": ["orderbook_delta"], "market_ticker": TICKER, "use_yes_price": form}
    for client in (first, second):
        client.say("subscribe", **subscribe)
    second.say("update_subscription", sid=1, action="get_snapshot", market_ticker=TICKER)
    hall.venue.street.add(TICKER, Side.ASK, parse_price("0.53"), parse_count("1.5"), NOW)
    hall.publish()
    (one,), (other,) = first.take(), second.take()
    assert ((one.pop("sid"), one.pop("seq")), (other.pop("sid"), other.pop("seq"))) == (
        (2, 2),
        (1, 3),
    )
    assert one == other


def test_a_hundred_readers_get_every_change_in_order():
    hall = hall_of_two()
    clients = [hall.client() for _ in range(100)]
    for client in clients:
        client.say("subscribe", channels=["orderbook_delta"], market_ticker=TICKER)
    for number in range(1, 51):
        hall.venue.street.add(TICKER, Side.BID, parse_price("0.10"), Count(number), NOW)
        hall.publish()
    for client in clients:
        got = client.take()
        assert [frame["seq"] for frame in got] == list(range(2, 52))
        assert [frame["msg"]["delta_fp"] for frame in got] == [
            f"{n / 100:.2f}" for n in range(1, 51)
        ]


def test_who_waited_for_a_market_gets_its_book_before_its_changes():
    hall = hall_of_two()
    client = hall.client()
    late = "KXDEMO-26DEC31-C"
    assert kinds(client.say("subscribe", channels=["orderbook_delta"], market_ticker=late)) == [
        "subscribed"
    ]
    hall.venue.life.add_market(market(late), NOW, tell=True)
    hall.venue.street.add(late, Side.BID, parse_price("0.10"), Count(100), NOW)
    got = client.heard()
    assert [(f["type"], f["seq"]) for f in got] == [
        ("orderbook_snapshot", 1),
        ("orderbook_delta", 2),
    ]
    assert got[0]["msg"] == {"market_ticker": late, "market_id": f"id-of-{late}"}


# --- private ----------------------------------------------------------------------------------------


def test_private_channels_are_private_and_not_numbered():
    hall = hall_of_two()
    ann, bob = hall.client("ann"), hall.client("bob")
    for client in (ann, bob):
        client.say("subscribe", channels=["fill", "user_orders", "market_positions"])
    hall.venue.create_order("ann", bid("2", "0.52"), "mine", NOW)
    hall.publish()
    assert bob.take() == []
    got = ann.take()
    assert [(f["type"], f["sid"], "seq" in f) for f in got] == [
        ("user_order", 2, False),
        ("fill", 1, False),
        ("market_position", 3, False),
    ]
    order, fill, position = (frame["msg"] for frame in got)
    assert (order["status"], order["fill_count_fp"]) == ("executed", "2.00")
    assert (fill["client_order_id"], fill["post_position_fp"]) == ("mine", "2.00")
    assert position["position_fp"] == "2.00"
    assert order["order_id"] == fill["order_id"]


@pytest.mark.parametrize("channel", ["fill", "user_orders", "market_positions"])
def test_private_channels_can_be_narrowed_and_widened(channel):
    hall = hall_of_two()
    client = hall.client()
    client.say("subscribe", channels=[channel], market_ticker=OTHER)
    for _ in range(2):
        hall.venue.create_order("ann", bid("0.5", "0.52"), None, NOW)
        if client.heard():
            break
        client.say("update_subscription", sid=1, action="add_markets", market_ticker=TICKER)
    else:
        raise AssertionError("nothing was heard after the market was added")
    client.say("update_subscription", sid=1, action="delete_markets", market_ticker=TICKER)
    hall.venue.create_order("ann", bid("0.5", "0.52"), None, NOW)
    assert client.heard() == []
    client.say("subscribe", channels=[channel])
    hall.venue.create_order("ann", bid("0.5", "0.52"), None, NOW)
    assert len(client.heard()) == 1


def test_a_cancel_and_an_expiry_are_told_with_their_reasons():
    hall = hall_of_two()
    client = hall.client()
    client.say("subscribe", channels=["user_orders"])
    soon = Timestamp(NOW + 1_000_000_000)
    first = hall.venue.create_order("ann", bid("1", "0.10"), "a", NOW)
    hall.venue.create_order("ann", bid("1", "0.10", expires_at=soon), "b", NOW)
    hall.venue.cancel_order("ann", first.order_id, NOW)
    hall.venue.advance(soon)
    told = [(f["msg"]["status"], f["msg"].get("last_update_reason")) for f in client.heard()]
    assert told == [
        ("resting", None),
        ("resting", None),
        ("canceled", None),
        ("canceled", "ExpiryCancel"),
    ]


def test_order_groups_are_told_to_their_owner_in_order():
    hall = hall_of_two()
    ann, bob = hall.client("ann"), hall.client("bob")
    for client in (ann, bob):
        client.say("subscribe", channels=["order_group_updates"], market_ticker=OTHER)
    groups = hall.venue.groups
    group = groups.create(hall.venue.account("ann"), "g", parse_count("10"), NOW)
    groups.set_limit(group, parse_count("5"), NOW)
    groups.trigger(group, NOW)
    groups.reset(group, NOW)
    groups.delete(group, NOW)
    hall.publish()
    told = [
        (f["seq"], f["msg"]["event_type"], f["msg"].get("contracts_limit_fp")) for f in ann.take()
    ]
    assert told == [
        (1, "created", "10.00"),
        (2, "limit_updated", "5.00"),
        (3, "triggered", None),
        (4, "reset", None),
        (5, "deleted", None),
    ]
    assert bob.take() == []


def test_a_settlement_is_a_change_of_position():
    hall = hall_of_two()
    client = hall.client()
    client.say("subscribe", channels=["market_positions"])
    hall.venue.create_order("ann", bid("2", "0.52"), None, NOW)
    hall.venue.life.determine(TICKER, Result.YES, None, NOW)
    hall.venue.life.finalize(TICKER, NOW)
    told = [(f["msg"]["position_fp"], f["msg"]["realized_pnl_dollars"]) for f in client.heard()]
    assert told == [("2.00", "0.000000"), ("0.00", "0.960000")]


# --- lifecycle --------------------------------------------------------------------------------------


def test_the_life_of_a_market_is_told_to_everybody_whatever_they_filtered():
    hall = hall_of_two()
    client = hall.client()
    client.say("subscribe", channels=["market_lifecycle_v2"], market_ticker=OTHER)
    life = hall.venue.life
    life.pause(TICKER, NOW)
    life.resume(TICKER, NOW)
    life.determine(TICKER, Result.NO, None, NOW)
    life.finalize(TICKER, NOW)
    got = client.heard()
    assert [frame["seq"] for frame in got] == [1, 2, 3, 4, 5]
    assert [frame["msg"]["event_type"] for frame in got] == [
        "deactivated",
        "activated",
        "close_date_updated",
        "determined",
        "settled",
    ]


def test_events_and_their_fees_come_on_the_same_channel():
    hall = hall_of_two()
    client = hall.client()
    client.say("subscribe", channels=["market_lifecycle_v2"])
    event = Event(ticker=EventTicker("KXDEMO-27"), series_ticker=SeriesTicker("KXDEMO"), title="t")
    hall.venue.life.add_event(event, NOW, tell=True)
    hall.venue.life.change_event_fees(event.ticker, FEES, NOW)
    hall.venue.life.change_event_fees(event.ticker, None, NOW)
    got = client.heard()
    assert [(f["type"], f["seq"]) for f in got] == [
        ("event_lifecycle", 1),
        ("event_fee_update", 2),
        ("event_fee_update", 3),
    ]
    assert got[1]["msg"]["fee_multiplier_override"] == 0.5
    assert got[2]["msg"] == {
        "event_ticker": "KXDEMO-27",
        "fee_type_override": None,
        "fee_multiplier_override": None,
    }


def test_combos_have_a_lifecycle_channel_of_their_own():
    hall = hall_of_two()
    client = hall.client()
    client.say("subscribe", channels=["market_lifecycle_v2", "multivariate_market_lifecycle"])
    combo = market("KXMVE-26DEC31-A")
    event = Event(ticker=combo.event_ticker, series_ticker=SeriesTicker("KXDEMO"), title="t")
    hall.venue.life.add_event(event, NOW, tell=True)
    hall.venue.life.add_market(combo, NOW, tell=True)
    hall.venue.life.change_grid(combo.ticker, combo.grid, "linear_cent", NOW)
    got = client.heard()
    assert [(f["type"], f["sid"]) for f in got] == [
        ("event_lifecycle", 2),
        ("multivariate_market_lifecycle", 2),
    ]


def test_a_filter_for_one_market_lets_nothing_else_through():
    hall = hall_of_two()
    client = hall.client("bob")
    client.say("subscribe", channels=[*EVERYTHING, "fill"], market_ticker=OTHER)
    hall.venue.create_order("ann", ask("1", "0.45"), "a", NOW)
    assert client.heard() == []
    hall.venue.create_order("ann", terms("bid", "1", "0.10", ticker=OTHER), "b", NOW)
    assert kinds(client.heard()) == ["orderbook_delta", "ticker"]
