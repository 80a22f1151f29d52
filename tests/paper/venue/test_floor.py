"""The floor under the venue: turns, the outbox, and what it tells when orders come and go."""

from __future__ import annotations

import pytest

from tests.paper.venues import NOW, TICKER, ask, bid, deal, later, market, refusal_of, venue
from traderd.model.ids import ClientOrderId, EventTicker
from traderd.model.orders import OrderStatus, Side
from traderd.model.units import Count, Price
from traderd.paper.venue import floor as floor_module
from traderd.paper.venue.floor import Floor
from traderd.paper.venue.messages import LevelChanged, OrderUpdated, QuoteChanged
from traderd.paper.venue.quotes import Minute
from traderd.paper.venue.records import Position, Resting, Trade, VenueFill, VenueOrder


def test_the_outbox_is_taken_once_and_ends_with_each_tickers_one_quote():
    other = market("KXDEMO-26DEC31-B")
    v = venue(market(), other)
    for price in ("0.40", "0.41"):
        v.create_order("ann", bid("1", price), None, NOW)
        v.create_order("ann", bid("1", price, ticker=other.ticker), None, NOW)
    news = v.floor.take_outbox()
    assert [each.ticker for each in news[-2:] if isinstance(each, QuoteChanged)] == [
        TICKER,
        other.ticker,
    ]
    assert sum(isinstance(each, QuoteChanged) for each in news) == 2
    assert v.floor.take_outbox() == []


def test_a_turn_in_which_the_touch_came_back_tells_no_quote():
    v = venue()
    v.create_order("ann", bid("1", "0.40"), None, NOW)
    v.floor.take_outbox()
    better = v.create_order("ann", bid("1", "0.45"), None, NOW)
    v.cancel_order("ann", better.order_id, NOW)
    kinds = [type(each) for each in v.floor.take_outbox()]
    assert kinds == [LevelChanged, OrderUpdated, LevelChanged, OrderUpdated]


def test_priorities_only_grow_and_go_on_after_a_restored_one():
    floor = Floor(ids=lambda: "x")
    assert [floor.next_priority(), floor.next_priority()] == [1, 2]
    floor.restore_priority(40)
    assert floor.next_priority() == 41
    floor.restore_priority(7)
    assert floor.next_priority() == 42


def test_only_a_floor_that_tracks_notes_what_changed():
    idle = venue()
    deal(idle, "ann", "bob", "1", "0.50")
    assert idle.take_touched() == []
    v = venue(tracks=True)
    v.take_touched()
    deal(v, "ann", "bob", "1", "0.50")
    v.take_outbox()
    touched = v.take_touched()
    for kind in (VenueOrder, VenueFill, Trade, Position, Minute):
        assert any(isinstance(each, kind) for each in touched), kind
    assert v.account("ann").main in touched
    assert v.market(TICKER) in touched
    assert v.take_touched() == []


def test_the_public_trades_that_are_kept_are_bounded(monkeypatch):
    monkeypatch.setattr(floor_module, "TRADES_KEPT", 3)
    v = venue()
    for number in range(5):
        deal(v, "ann", "bob", "1", f"0.{50 + number}")
    assert [each.price for each in v.trades()] == [5400, 5300, 5200]


def test_markets_are_found_by_ticker_and_by_event():
    other = market("KXDEMO-26DEC31-B")
    v = venue(market(), other, market("KXELSE-27JAN31-C"))
    assert v.floor.market(TICKER).ticker == TICKER
    assert refusal_of(v.floor.market, "KXNONE") == (404, "market_not_found")
    found = v.floor.markets_of(EventTicker("KXDEMO-26DEC31"))
    assert [each.ticker for each in found] == [TICKER, other.ticker]


def test_an_account_hears_of_its_own_deltas_and_the_street_of_none():
    v = venue()
    v.create_order("ann", bid("3", "0.47"), ClientOrderId("x"), NOW)
    v.street.add(TICKER, Side.ASK, Price(5000), Count(100), NOW)
    own, anonymous = (each for each in v.take_outbox() if isinstance(each, LevelChanged))
    assert (own.account, own.client_order_id, own.subaccount) == ("ann", "x", 0)
    assert (anonymous.account, anonymous.client_order_id) == (None, None)


def test_lifting_an_order_leaves_its_status_to_the_caller_and_canceling_does_not():
    v = venue()
    ann = v.account("ann")
    lifted, canceled = (
        ann.orders[v.create_order("ann", ask("2", "0.60"), None, NOW).order_id] for _ in range(2)
    )
    assert v.floor.lift(ann, lifted, NOW) == 200
    assert lifted.status is OrderStatus.RESTING
    v.take_outbox()
    assert v.floor.cancel(ann, canceled, "HaltCancel", later(1)) == 200
    assert (canceled.status, canceled.reason) == (OrderStatus.CANCELED, "HaltCancel")
    assert canceled.updated_at == later(1)
    assert v.balance("ann").reserved == 0
    level, update, _ = v.take_outbox()
    assert (level.change, level.at) == (-200, later(1))
    assert update.order is not canceled
    assert update.order.remaining_count == 0


def test_anonymous_contracts_are_withdrawn_without_a_word_but_the_delta():
    v = venue()
    v.street.add(TICKER, Side.BID, Price(4000), Count(500), NOW)
    (resting,) = v.book_of(TICKER).orders()
    v.take_outbox()
    v.floor.withdraw(resting, Count(200), NOW)
    assert type(resting) is Resting
    assert resting.remaining_count == 300
    assert [type(each) for each in v.take_outbox()] == [LevelChanged, QuoteChanged]


@pytest.mark.parametrize("name", ["street:makers", "street:takers"])
def test_the_street_is_there_from_the_start(name):
    assert Floor(ids=lambda: "x").accounts[name].is_street
