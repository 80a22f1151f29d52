"""A frame that could not be read: exactly the books that it may have told of are in doubt."""

import pytest

from tests.core.builders import (
    OTHER,
    TICKER,
    delta,
    followed,
    kinds,
    limits,
    reply,
    second,
    snapshot,
    tell,
)
from traderd.core.engine import Engine
from traderd.core.subscription import ENDED_KEPT
from traderd.model import events as ev
from traderd.model.events import BookFault, Drift, FeedName
from traderd.model.ids import MarketTicker
from traderd.model.orders import Side

ELSEWHERE = MarketTicker("KXC-26-Y")
FAR = MarketTicker("KXD-26-Y")
TRADES = "1:7"


def an_engine() -> Engine:
    """Return two books on one subscription, one on another, one on another connection, and trades."""
    engine = Engine(limits=limits())
    tell(
        engine,
        snapshot(1, {"0.45": 10}, {"0.55": 10}),
        snapshot(2, {"0.45": 10}, {"0.55": 10}, ticker=OTHER),
        snapshot(1, {"0.45": 10}, {}, ticker=ELSEWHERE, subscription="1:2"),
        snapshot(1, {"0.45": 10}, {}, ticker=FAR, subscription="2:1"),
        data(1),
    )
    return engine


def data(seq: int) -> ev.SequenceAdvanced:
    return ev.SequenceAdvanced(subscription=TRADES, seq=seq, at=second(0), is_data=True)


def refused(subscription: str = "1:1", seq: int = 3, **where) -> ev.FrameRefused:
    return ev.FrameRefused(
        at=second(5),
        feed=where.pop("feed", FeedName.MARKET_DATA),
        kind="orderbook_delta",
        reason="side YES",
        drift=where.pop("drift", Drift.UNKNOWN_VALUE),
        subscription=subscription,
        seq=seq,
        **where,
    )


def doubtful(engine: Engine) -> list[str]:
    return [ticker for ticker, book in engine.market_data.books.items() if not book.usable]


@pytest.mark.parametrize(
    ("event", "expected"),
    [
        (refused(ticker=TICKER), [TICKER]),
        (refused(), [TICKER, OTHER]),
        (refused(ticker=MarketTicker("KXNEVER-HEARD")), [TICKER, OTHER]),
        (refused(seq=0, ticker=TICKER), [TICKER]),
        (refused(seq=4, ticker=TICKER), [TICKER, OTHER]),
        (refused("", 0, connection=1), [TICKER, OTHER, ELSEWHERE]),
        (refused("", 0), []),
        (refused("1:99"), []),
        (refused(ticker=TICKER, drift=None), []),
        (refused(ticker=TICKER, feed=FeedName.PRIVATE), []),
    ],
    ids=[
        "a book",
        "a subscription",
        "a market nobody knows",
        "no number",
        "after a gap",
        "a connection",
        "no place at all",
        "a subscription nobody knows",
        "a command",
        "private",
    ],
)
def test_what_may_have_been_told_is_in_doubt_and_nothing_else(event, expected):
    engine = an_engine()
    told = tell(engine, event)
    assert doubtful(engine) == expected
    doubts = [each for each in told if isinstance(each, ev.BookInvalidated)]
    assert [each.ticker for each in doubts] == expected
    if event.seq != 4 and doubts:
        assert {each.fault for each in doubts} == {BookFault.UNREADABLE}
        assert "a frame (orderbook_delta) could not be read: side YES" in doubts[0].detail


def test_its_number_counts_so_that_no_gap_follows_and_one_snapshot_heals():
    engine = an_engine()
    tell(engine, refused(ticker=TICKER), delta(4, Side.BID, "0.45", 1, ticker=OTHER))
    assert (engine.market_data.gaps, doubtful(engine)) == (0, [TICKER])
    told = tell(engine, snapshot(5, {"0.46": 1}, {}))
    assert "BookRestored" in kinds(told)
    assert engine.market_data.resyncs == 1


def test_a_market_without_a_book_here_puts_no_other_in_doubt():
    engine = an_engine()
    tell(engine, followed(MarketTicker("KXNEW")), refused(ticker=MarketTicker("KXNEW")))
    assert doubtful(engine) == []
    tell(engine, delta(4, Side.BID, "0.45", 1))
    assert engine.market_data.gaps == 0


def test_trades_that_cannot_be_read_are_told_as_missed_once_and_once_more_by_the_next_that_can():
    engine = an_engine()
    told = [tell(engine, refused(TRADES, seq)) for seq in (2, 3, 4)]
    assert [kinds(each) for each in told] == [
        ["FrameRefused", "FramesMissed"],
        ["FrameRefused"],
        ["FrameRefused"],
    ]
    assert told[0][1].subscription == TRADES
    assert "FramesMissed" in kinds(tell(engine, data(5)))
    assert "FramesMissed" in kinds(tell(engine, refused("", 0, connection=1)))


def test_numbers_of_trades_that_begin_anew_end_their_subscription():
    engine = an_engine()
    tell(engine, *(data(seq) for seq in range(2, 9)))
    assert kinds(tell(engine, data(1))) == ["SequenceAdvanced"]
    told = tell(engine, data(2))
    assert kinds(told) == ["SequenceAdvanced", "SubscriptionEnded"]
    assert told[1].subscription == TRADES
    assert "began anew" in engine.market_data.subscription_ended(TRADES)
    assert engine.market_data.subscriptions_ended == 1
    assert doubtful(engine) == []


def test_replies_may_repeat_numbers():
    engine = an_engine()
    tell(engine, *(reply(seq, subscription=TRADES) for seq in (2, 3, 1, 2)))
    assert engine.market_data.subscription_ended(TRADES) == ""


def test_subscriptions_that_ended_do_not_pile_up():
    engine = an_engine()
    for sid in range(10, 60):
        name = f"1:{sid}"
        ended = ev.SubscriptionEnded(at=second(sid), subscription=name, reason="error 25")
        tell(engine, snapshot(1, {"0.45": 10}, {}, subscription=name), ended)
        assert engine.market_data.subscription_ended(name) == "error 25"
    assert len(engine.market_data._subscriptions.by_name) == 4 + ENDED_KEPT
    # The one that has lived longest is known of as well as any other when it ends.
    tell(engine, ev.SubscriptionEnded(at=second(99), subscription=TRADES, reason="error 10"))
    assert engine.market_data.subscription_ended(TRADES) == "error 10"
