"""What everybody else may ask."""

import pytest

from tests.core.builders import (
    ACTING,
    OTHER,
    PERSON,
    TICKER,
    S,
    accepted,
    climb,
    contracts,
    delta,
    dollars,
    fill,
    filled,
    intended,
    limits,
    market,
    price,
    ready_engine,
    record,
    reported,
    second,
    sent,
    snapshot,
    step,
    synced,
    tell,
    terms,
    unknown,
)
from traderd.core.engine import Engine
from traderd.core.view import StateView
from traderd.errors import BookUnavailable
from traderd.model import events as ev
from traderd.model.book_events import BookGrade
from traderd.model.ids import MarketTicker
from traderd.model.orders import Side
from traderd.model.states import State

UNSEEN = MarketTicker("KXZ")


def test_a_view_of_a_new_engine_knows_nothing_and_fails_at_nothing():
    view = StateView(Engine(limits=limits()))
    assert (view.state, view.state_since, view.working) == (State.STARTUP, None, False)
    assert (view.transitions, view.services, view.health, view.denials) == ((), {}, None, {})
    assert (view.market(UNSEEN), view.book(UNSEEN), view.position(UNSEEN)) == (None, None, None)
    assert (view.order("x"), view.live_orders(), view.recent_orders(5)) == (None, (), ())
    assert (list(view.recent_fills(5)), view.exposure(), view.unrealized_pnl()) == ([], 0, 0)
    assert (view.account.balance, view.conditions.halts, view.ledger.fill_count) == (None, {}, 0)


def test_the_state_and_since_when():
    engine = Engine(limits=limits())
    view = StateView(engine)
    engine.begin_run()
    climb(engine)
    assert (view.state, view.working) == (State.READY, True)
    tell(engine, step(engine, ACTING, at=7))
    # `acting` only says that a command runs, so the daemon has been ready since before.
    assert (view.state, view.state_since, view.working) == (State.ACTING, second(0), True)
    assert view.left_since[-2:] == (second(0), second(0))
    assert [event.to_state for event in view.transitions][-2:] == [State.READY, State.ACTING]
    assert view.limits == limits()


def test_markets_books_and_feeds():
    engine = ready_engine()
    view = StateView(engine)
    assert view.market(TICKER) == market()
    book = view.book(OTHER)
    assert book is not None
    assert book.usable
    assert view.market_data.usable_books() == 2
    assert not view.feed(ev.FeedName.PRIVATE).connected
    connected = ev.FeedConnected(at=second(1), feed=ev.FeedName.PRIVATE, connection=7, url="ws://x")
    tell(engine, connected)
    feed = view.feed(ev.FeedName.PRIVATE)
    assert (feed.connected, feed.connection, feed.connected_at) == (True, 7, second(1))


def test_what_is_given_out_is_a_copy():
    engine = ready_engine()
    view = StateView(engine)
    tell(engine, ev.ServiceChanged(at=second(1), name="web", status="running", detail=""))
    view.services.clear()
    view.denials.clear()
    assert list(view.services) == ["web"]


def test_orders_live_own_and_recent():
    engine = ready_engine()
    view = StateView(engine)
    tell(engine, intended("c1"), sent("c1"), accepted("c1", "x1", filled=10, remaining=0))
    tell(engine, intended("c2", terms(ticker=OTHER)), sent("c2"), unknown("c2"))
    tell(engine, reported(S.RESTING, 0, order_id="x3", key="theirs"))
    assert [order.key for order in view.live_orders()] == ["c2", "theirs"]
    assert [order.key for order in view.live_orders(TICKER)] == ["theirs"]
    assert [order.key for order in view.own_live_orders()] == ["c2"]
    assert view.own_live_orders(TICKER) == ()
    assert [order.key for order in view.recent_orders(2)] == ["theirs", "c2"]
    order = view.order("x1")
    assert order is not None
    assert order.key == "c1"


def test_fills_newest_first():
    engine = ready_engine()
    view = StateView(engine)
    tell(engine, *(filled(f"t{n}", 1, at=n) for n in (1, 2, 3)))
    assert [one.trade_id for one in view.recent_fills(2)] == ["t3", "t2"]
    position = view.position(TICKER)
    assert position is not None
    assert position.count == contracts(3)


def test_a_reading_is_compared_with_what_is_known():
    engine = ready_engine()
    view = StateView(engine)
    tell(engine, intended(), sent(), accepted(), filled("t1", 1))
    assert view.missed_fills([fill("t1", 1), fill("t2", 1)]) == [fill("t2", 1)]
    assert view.order_difference(record(S.RESTING)) is None
    difference = view.order_difference(record(S.CANCELED))
    assert difference is not None
    assert difference.kind == "order_ended"


def test_the_verdict_is_the_engines_and_denials_are_told_most_frequent_first():
    engine = ready_engine(max_order_count=contracts(5))
    view = StateView(engine)
    denied = view.judge(terms(count=6))
    assert denied is not None
    assert denied.rule == "size"
    assert view.judge(terms(count=5)) is None
    for rule in ("size", "exposure", "exposure"):
        denial = ev.OrderDenied(
            at=second(1), terms=terms(), attribution=PERSON, rule=rule, sentence="no"
        )
        tell(engine, denial)
    assert list(view.denials.items()) == [("exposure", 2), ("size", 1)]


def test_the_last_look_is_the_engines():
    engine = ready_engine()
    view = StateView(engine)
    tell(engine, intended())
    assert view.judge_conditions(terms()) is None
    tell(engine, ev.TradingPaused(at=second(2), reason="lunch"))
    denied = view.judge_conditions(terms())
    assert denied is not None
    assert denied.rule == "pause"


def test_orders_of_which_the_exchange_reported_more_than_we_booked():
    engine = ready_engine()
    view = StateView(engine)
    tell(engine, intended(), sent(), accepted(), reported(S.RESTING, 4))
    tell(engine, intended("c2"), sent("c2"), accepted("c2", "x2"))
    assert [order.key for order in view.owing_orders()] == ["c1"]
    tell(engine, filled("t1", 4))
    assert view.owing_orders() == ()


def test_the_exposure_counts_positions_orders_and_fills_that_are_owed():
    engine = ready_engine()
    view = StateView(engine)
    tell(engine, intended(), sent(), accepted())
    assert view.exposure() == dollars("5.18")
    tell(engine, reported(S.EXECUTED, 10))
    assert view.live_orders() == ()
    assert view.exposure() == dollars("5.18")
    tell(engine, filled("t1", 10))
    assert view.exposure() == dollars("5")


@pytest.mark.parametrize(
    ("side", "mark", "profit"),
    [(Side.BID, "0.45", "-0.5"), (Side.ASK, "0.55", "-0.5")],
)
def test_a_position_is_marked_at_what_closing_it_now_would_bring(side, mark, profit):
    engine = ready_engine()
    view = StateView(engine)
    tell(engine, filled("t1", 10, side=side))
    position = view.position(TICKER)
    assert position is not None
    assert view.last_known_mark(position) == price(mark)
    assert view.unrealized_pnl() == dollars(profit)
    # A book in doubt still gives its last known mark.
    tell(engine, delta(9, Side.BID, "0.46", 1))
    assert view.last_known_mark(position) == price(mark)


@pytest.mark.parametrize("side", Side)
def test_a_position_that_nobody_would_take_is_marked_at_nothing(side):
    engine = ready_engine()
    view = StateView(engine)
    tell(engine, filled("t1", 10, side=side), snapshot(3, {}, {}))
    position = view.position(TICKER)
    assert position is not None
    assert view.last_known_mark(position) is None
    assert view.unrealized_pnl() == dollars("-5")


def test_a_position_of_a_market_without_a_book_is_marked_at_nothing():
    engine = ready_engine()
    view = StateView(engine)
    tell(engine, filled("t1", 10, ticker=UNSEEN), filled("t2", 10))
    assert view.unrealized_pnl() == dollars("-5") + dollars("-0.5")


def test_the_account_is_what_the_last_reading_said():
    engine = ready_engine()
    tell(engine, synced(sync_type="initial", balance="12.34"))
    account = StateView(engine).account
    assert (account.balance, account.version) == (dollars("12.34"), 1)


def test_a_book_that_can_be_trusted_is_given_and_any_other_says_why_not():
    engine = ready_engine()
    view = StateView(engine)
    assert view.usable_book(TICKER).top().bid == price("0.45")
    tell(engine, delta(9, Side.BID, "0.46", 1))
    with pytest.raises(BookUnavailable, match="frames before seq 9 of subscription 1:1"):
        view.usable_book(TICKER)
    with pytest.raises(BookUnavailable, match="there is no book of KXNONE"):
        view.usable_book(MarketTicker("KXNONE"))


def test_the_quality_of_a_book_and_the_last_trade_are_read_by_market():
    view = StateView(ready_engine())
    quality = view.quality(TICKER, second(1))
    assert quality is not None
    assert (quality.ticker, quality.grade) == (TICKER, BookGrade.A)
    assert view.quality(MarketTicker("KXNONE"), second(1)) is None
    assert view.last_trade(TICKER) is None
