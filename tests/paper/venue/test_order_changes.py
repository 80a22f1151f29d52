"""Decrease and amend: what each may change, and what that does to an order's place in the queue."""

from __future__ import annotations

import pytest

from tests.paper.venues import (
    CLOSE,
    NOW,
    STANDARD,
    TICKER,
    ask,
    bid,
    deal,
    later,
    market,
    refusal_of,
    venue,
)
from traderd.model.ids import ClientOrderId, MarketTicker
from traderd.model.orders import OrderStatus, SelfTradePrevention, Side
from traderd.model.units import Count, parse_count, parse_money, parse_price
from traderd.paper import choices
from traderd.paper.venue.messages import (
    AmendTerms,
    FillHappened,
    LevelChanged,
    OrderUpdated,
    PositionChanged,
    QuoteChanged,
    TradeHappened,
)
from traderd.paper.venue.records import VenueOrder

PRICE = "0.40"


def amending(
    count: str, price: str = PRICE, *, side: str = "bid", ticker: str = TICKER, **more: object
) -> AmendTerms:
    return AmendTerms(
        ticker=MarketTicker(ticker),
        side=Side(side),
        price=parse_price(price),
        count=parse_count(count),
        **more,
    )


def one_order(**more):
    """Return a venue with ann's bid for 10 at 0.40, and that order; nothing is left to be told."""
    v = venue()
    order = v.create_order("ann", bid("10", PRICE, **more), ClientOrderId("x"), NOW)
    v.take_outbox()
    return v, order


def two_orders():
    """Return ann's first bid of a queue of two, in which the other is bob's."""
    v, order = one_order()
    behind = v.create_order("bob", bid("10", PRICE), None, NOW)
    v.take_outbox()
    return v, order, behind


def queue(v) -> list[str]:
    return [each.account_id for each in v.book_of(TICKER).queue_at(Side.BID, parse_price(PRICE))]


# --- decrease -------------------------------------------------------------------------------------


@pytest.mark.parametrize("how", [{"reduce_by": Count(400)}, {"reduce_to": Count(600)}])
def test_a_decreased_order_keeps_its_place_and_frees_cash(how):
    v, order, _ = two_orders()
    smaller = v.decrease_order("ann", order.order_id, later(1), **how)
    assert (smaller.remaining_count, smaller.initial_count) == (600, 1000)
    assert (smaller.reason, smaller.updated_at) == ("Decrease", later(1))
    assert v.balance("ann").reserved == parse_money("2.40")
    assert queue(v) == ["ann", "bob"]
    level, update, quote = v.take_outbox()
    assert (type(level), level.change) == (LevelChanged, -400)
    assert update.order.remaining_count == 600
    assert quote.bid == (4000, 1600)


@pytest.mark.parametrize("how", [{"reduce_by": Count(1000)}, {"reduce_to": Count(0)}])
def test_a_decrease_to_nothing_is_a_cancel(how):
    v, order = one_order()
    gone = v.decrease_order("ann", order.order_id, NOW, **how)
    assert (gone.status, gone.remaining_count, gone.reason) == (OrderStatus.CANCELED, 0, None)
    assert v.book(TICKER) == ((), ())


def test_to_zero_would_be_refused_if_kalshi_turned_out_to_do_so(monkeypatch):
    monkeypatch.setattr(choices, "DECREASE_TO_ZERO_CANCELS", False)
    v, order = one_order()
    decrease = (v.decrease_order, "ann", order.order_id, NOW)
    assert refusal_of(*decrease, reduce_to=Count(0)) == (400, "invalid_order_size")
    assert v.decrease_order("ann", order.order_id, NOW, reduce_by=Count(1000)).remaining_count == 0


@pytest.mark.parametrize(
    "how",
    [
        {"reduce_by": Count(0)},
        {"reduce_by": Count(-1)},
        {"reduce_by": Count(1001)},
        {"reduce_to": Count(1000)},
        {"reduce_to": Count(1001)},
        {"reduce_to": Count(-1)},
    ],
)
def test_an_order_can_only_be_made_smaller(how):
    v, order = one_order()
    size = (400, "invalid_order_size")
    assert refusal_of(v.decrease_order, "ann", order.order_id, NOW, **how) == size
    assert v.order("ann", order.order_id).remaining_count == 1000
    assert v.take_outbox() == []


def test_a_decrease_finds_what_a_cancel_would():
    v, order = one_order()
    by = {"reduce_by": Count(1)}
    gone, closed = (404, "not_found"), (400, "market_inactive")
    assert refusal_of(v.decrease_order, "bob", order.order_id, NOW, **by) == gone
    assert refusal_of(v.decrease_order, "ann", order.order_id, NOW, subaccount=1, **by) == gone
    assert refusal_of(v.decrease_order, "ann", order.order_id, CLOSE, **by) == closed
    v.pauses.begin(NOW)
    assert v.decrease_order("ann", order.order_id, NOW, **by).remaining_count == 999


# --- amend: refused -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("terms", "expected"),
    [
        (amending("10", ticker="KXDEMO-26DEC31-B"), (400, "order_ticker_mismatch")),
        (amending("10", side="ask"), (400, "order_side_mismatch")),
        (
            amending("10", client_order_id=ClientOrderId("y")),
            (400, "order_id_and_client_order_id_mismatch"),
        ),
        (
            amending("10", updated_client_order_id=ClientOrderId("used")),
            (409, "order_already_exists"),
        ),
        (amending("10", "0.405"), (400, "invalid_price")),
        (amending("0"), (400, "invalid_order_size")),
        (amending("2.99"), (400, "invalid_order_size")),
        (amending("1000000000.01"), (400, "invalid_order_size")),
        (amending("10", expires_at=NOW), (400, "invalid_order")),
        (amending("10000"), (400, "insufficient_balance")),
    ],
)
def test_a_refused_amend_changes_nothing(terms, expected):
    v, order = one_order()
    v.create_order("ann", bid("1", "0.10"), ClientOrderId("used"), NOW)
    v.create_order("bob", ask("3", PRICE), None, NOW)
    v.take_outbox()
    before = (v.book(TICKER), v.balance("ann"))
    assert refusal_of(v.amend_order, "ann", order.order_id, terms, NOW) == expected
    now = v.order("ann", order.order_id)
    assert (v.book(TICKER), v.balance("ann")) == before
    assert (now.client_order_id, now.initial_count, now.reason) == ("x", 1000, "Trade")
    assert v.take_outbox() == []


def test_an_amend_is_refused_where_a_create_would_be():
    v, order = one_order()
    amend = (v.amend_order, "ann", order.order_id, amending("9"))
    assert refusal_of(v.amend_order, "bob", *amend[2:], NOW) == (404, "not_found")
    assert refusal_of(*amend, NOW, subaccount=1) == (404, "not_found")
    assert refusal_of(*amend, CLOSE) == (400, "market_inactive")
    v.life.pause(TICKER, NOW)
    assert refusal_of(*amend, NOW) == choices.INACTIVE_MARKET
    v.pauses.begin(NOW)
    assert refusal_of(*amend, NOW) == (409, "trading_is_paused")


# --- amend: place in the queue --------------------------------------------------------------------


def amended(v, order: VenueOrder, terms: AmendTerms) -> VenueOrder:
    reply = v.amend_order("ann", order.order_id, terms, later(1))
    assert reply.before.order_id == reply.order.order_id == order.order_id
    assert (reply.filled, reply.average_fill_price, reply.average_fee) == (0, None, None)
    assert reply.order.updated_at == later(1)
    return reply.order


def test_a_smaller_total_keeps_its_place():
    v, order, _ = two_orders()
    smaller = amended(v, order, amending("6"))
    assert (smaller.initial_count, smaller.remaining_count) == (600, 600)
    assert (smaller.reason, smaller.priority) == ("Amend", order.priority)
    assert queue(v) == ["ann", "bob"]
    assert v.balance("ann").reserved == parse_money("2.40")
    assert [type(each) for each in v.take_outbox()] == [LevelChanged, OrderUpdated, QuoteChanged]


def test_another_expiry_alone_keeps_its_place_and_moves_nothing():
    v, order, _ = two_orders()
    assert amended(v, order, amending("10", expires_at=later(9))).expires_at == later(9)
    assert [type(each) for each in v.take_outbox()] == [OrderUpdated]
    assert queue(v) == ["ann", "bob"]
    assert [each.order_id for each in v.advance(later(9))] == [order.order_id]


def test_a_larger_total_goes_to_the_back():
    v, order, behind = two_orders()
    larger = amended(v, order, amending("12"))
    assert (larger.initial_count, larger.remaining_count) == (1200, 1200)
    assert larger.priority > behind.priority
    assert queue(v) == ["bob", "ann"]
    assert v.balance("ann").reserved == parse_money("4.80")
    off, on, update, _ = v.take_outbox()
    assert (off.change, on.change, update.order.reason) == (-1000, 1200, "Amend")


def test_another_price_goes_to_the_back_even_when_it_comes_home():
    v, order, _ = two_orders()
    assert amended(v, order, amending("10", "0.39")).price == parse_price("0.39")
    assert v.book(TICKER)[0] == ((4000, 1000), (3900, 1000))
    amended(v, order, amending("10"))
    assert queue(v) == ["bob", "ann"]


def test_a_smaller_total_at_another_price_goes_to_the_back_too():
    v, order, _ = two_orders()
    v.create_order("bob", bid("1", "0.41"), None, NOW)
    amended(v, order, amending("5", "0.41"))
    assert [
        each.account_id for each in v.book_of(TICKER).queue_at(Side.BID, parse_price("0.41"))
    ] == [
        "bob",
        "ann",
    ]


def test_the_total_counts_what_has_filled_already():
    v, order = one_order()
    v.create_order("bob", ask("3", PRICE), None, NOW)
    smaller = amended(v, order, amending("8"))
    assert (smaller.fill_count, smaller.remaining_count, smaller.initial_count) == (300, 500, 800)
    assert smaller.status is OrderStatus.RESTING


@pytest.mark.parametrize("price", [PRICE, "0.30", "0.60"])
@pytest.mark.parametrize("post_only", [False, True])
def test_a_total_of_what_has_filled_ends_the_order_as_executed(price, post_only):
    v, order = one_order(post_only=post_only)
    v.create_order("bob", ask("3", PRICE), None, NOW)
    v.create_order("bob", ask("1", "0.60"), None, NOW)
    done = amended(v, order, amending("3", price))
    assert (done.status, done.remaining_count) == (OrderStatus.EXECUTED, 0)
    assert v.book(TICKER) == ((), ((6000, 100),))
    assert v.balance("ann").reserved == 0


def test_an_expiry_can_be_kept_and_taken_away():
    v, order = one_order(expires_at=later(5))
    assert amended(v, order, amending("9")).expires_at == later(5)
    assert amended(v, order, amending("9", removes_expiry=True)).expires_at is None
    assert v.advance(later(6)) == []
    assert v.order("ann", order.order_id).is_resting


def test_the_expiry_survives_a_move_to_the_back():
    v, order = one_order(expires_at=later(5))
    assert amended(v, order, amending("12", "0.30")).expires_at == later(5)
    assert [each.reason for each in v.advance(later(5))] == ["ExpiryCancel"]


# --- amend: names ---------------------------------------------------------------------------------


def test_an_order_can_be_renamed_and_neither_name_is_free_again():
    v, order = one_order()
    terms = amending(
        "10", client_order_id=ClientOrderId("x"), updated_client_order_id=ClientOrderId("y")
    )
    assert amended(v, order, terms).client_order_id == "y"
    for name in ("x", "y"):
        again = (v.create_order, "ann", bid("1", "0.10"), ClientOrderId(name), NOW)
        assert refusal_of(*again) == (409, "order_already_exists")
    (update,) = v.take_outbox()
    assert update.order.client_order_id == "y"


def test_a_rename_to_the_name_it_has_is_harmless_and_one_back_is_refused():
    v, order = one_order()
    same = amending("10", updated_client_order_id=ClientOrderId("x"))
    assert amended(v, order, same).client_order_id == "x"
    amended(v, order, amending("10", updated_client_order_id=ClientOrderId("y")))
    back = (v.amend_order, "ann", order.order_id, same, NOW)
    assert refusal_of(*back) == (409, "order_already_exists")


# --- amend: money ---------------------------------------------------------------------------------


def test_an_amend_needs_only_what_it_costs_more():
    v = venue(accounts={"ann": "5", "bob": "1000"})
    order = v.create_order("ann", bid("10", PRICE), None, NOW)
    assert amended(v, order, amending("10", "0.50")).is_resting
    assert v.balance("ann").available == 0
    dearer = (v.amend_order, "ann", order.order_id, amending("10", "0.51"), NOW)
    assert refusal_of(*dearer) == (400, "insufficient_balance")
    assert amended(v, order, amending("10", "0.30")).is_resting
    assert v.balance("ann").available == parse_money("2")


def test_an_amend_that_may_take_needs_the_takers_fee():
    v = venue(market(fees=STANDARD), accounts={"ann": "5", "bob": "1000"})
    order = v.create_order("ann", bid("9", PRICE), None, NOW)
    refused = (v.amend_order, "ann", order.order_id, amending("10", "0.50"), NOW)
    assert refusal_of(*refused) == (400, "insufficient_balance")


def test_an_amended_order_falls_behind_those_that_close_the_position():
    v = venue(accounts={"ann": "10", "bob": "1000"})
    deal(v, "ann", "bob", "10", "0.50")
    first = v.create_order("ann", ask("10", "0.60"), None, NOW)
    v.create_order("ann", ask("10", "0.90"), None, NOW)
    assert v.balance("ann").reserved == parse_money("1")
    amended(v, first, amending("10", "0.70", side="ask"))
    # Now the other one closes, and this one would open 10 NO at 0.30.
    assert v.balance("ann").reserved == parse_money("3")


# --- amend: crossing ------------------------------------------------------------------------------


def test_an_amend_that_crosses_trades_and_rests_what_is_left():
    v, order = one_order()
    v.create_order("bob", ask("4", "0.45"), None, NOW)
    v.take_outbox()
    reply = v.amend_order("ann", order.order_id, amending("12", "0.50"), later(1))
    assert (reply.filled, reply.average_fill_price) == (400, parse_price("0.45"))
    assert reply.average_fee == 0
    assert (reply.order.status, reply.order.remaining_count) == (OrderStatus.RESTING, 800)
    assert reply.order.reason == "Trade"
    assert v.book(TICKER) == (((5000, 800),), ())
    assert v.balance("ann").reserved == parse_money("4")
    kinds = [type(each) for each in v.take_outbox()]
    assert kinds == [
        LevelChanged,  # ann's bid leaves its level
        LevelChanged,  # bob's ask trades
        TradeHappened,
        OrderUpdated,
        FillHappened,
        PositionChanged,
        LevelChanged,  # what is left comes to the new level
        OrderUpdated,
        FillHappened,
        PositionChanged,
        QuoteChanged,
    ]


def test_the_reply_averages_only_what_the_amend_filled():
    v, order = one_order()
    v.create_order("bob", ask("5", PRICE), None, NOW)
    v.create_order("bob", ask("5", "0.45"), None, NOW)
    reply = v.amend_order("ann", order.order_id, amending("10", "0.50"), NOW)
    assert (reply.filled, reply.average_fill_price) == (500, parse_price("0.45"))
    assert reply.order.average_fill_price == parse_price("0.425")
    assert reply.order.status is OrderStatus.EXECUTED


def test_a_post_only_order_that_is_amended_to_cross_is_canceled():
    v, order = one_order(post_only=True)
    v.create_order("bob", ask("4", "0.45"), None, NOW)
    v.take_outbox()
    gone = amended(v, order, amending("10", "0.45"))
    assert (gone.status, gone.reason) == (OrderStatus.CANCELED, "PostOnlyCrossCancel")
    assert gone.remaining_count == 0
    assert v.trades() == []
    assert v.balance("ann").reserved == 0
    assert [type(each) for each in v.take_outbox()] == [LevelChanged, OrderUpdated, QuoteChanged]


@pytest.mark.parametrize("prevention", list(SelfTradePrevention))
def test_an_amend_does_not_trade_with_the_same_account(prevention):
    v, order = one_order(self_trade_prevention=prevention)
    own = v.create_order("ann", ask("4", "0.45"), None, NOW)
    changed = amended(v, order, amending("10", "0.50"))
    takes_over = prevention is SelfTradePrevention.MAKER
    assert changed.is_resting == takes_over
    assert changed.reason == ("Amend" if takes_over else "SelfTradeCancel")
    assert v.order("ann", own.order_id).is_resting != takes_over
    assert v.trades() == []
