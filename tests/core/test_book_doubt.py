"""A frame that could not be read: exactly the books that it may have told of are in doubt."""

import attrs
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
from traderd.core.unknown_types import PROOFS
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


def data(seq: int, made_at: float | None = None) -> ev.SequenceAdvanced:
    exchange_at = None if made_at is None else second(made_at)
    return ev.SequenceAdvanced(
        subscription=TRADES, seq=seq, at=second(0), is_data=True, exchange_at=exchange_at
    )


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


def test_what_is_missing_of_trades_is_missing_since_the_second_of_the_last_one_before_it():
    engine = an_engine()
    tell(engine, data(2), data(3, 7.25), reply(4, subscription=TRADES), data(5))
    # The one that shows the hole was made after it.
    (missed,) = tell(engine, data(8, 12))[1:]
    assert (kinds([missed]), missed.since) == (["FramesMissed"], second(7))
    (missed,) = tell(engine, refused(TRADES, 9))[1:]
    assert missed.since == second(12)
    tell(engine, data(10, 20))
    # An old number tells no time, and where the numbers began anew it is the same question.
    tell(engine, data(1, 99))
    (ended,) = tell(engine, data(2, 99))[1:]
    assert (kinds([ended]), ended.since) == (["SubscriptionEnded"], second(20))


def test_what_is_missing_before_the_first_trade_has_no_beginning():
    engine = an_engine()
    (missed,) = tell(engine, data(5, 12))[1:]
    assert missed.since is None


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


# --- types that nobody knows ----------------------------------------------------------------------


def unknown(seq: int, ticker: MarketTicker | None = TICKER, *, kind: str = "stats", **where):
    return attrs.evolve(
        refused(seq=seq, ticker=ticker, drift=Drift.UNKNOWN_TYPE, **where), kind=kind
    )


def heal(engine: Engine, seq: int, *tickers: MarketTicker, bids=None) -> int:
    """Let snapshots come as they were at the start; returns the next number."""
    for number, ticker in enumerate(tickers):
        tell(engine, snapshot(seq + number, bids or {"0.45": 10}, {"0.55": 10}, ticker=ticker))
    return seq + len(tickers)


def test_an_unknown_type_that_changes_no_book_is_doubted_three_times_and_then_only_counted():
    engine, seq = an_engine(), 3
    for _ in range(PROOFS):
        tell(engine, unknown(seq))
        assert doubtful(engine) == [TICKER]
        seq = heal(engine, seq + 1, TICKER)
    told = tell(engine, unknown(seq), unknown(seq + 1, OTHER), unknown(seq + 2, None))
    assert kinds(told) == ["FrameRefused"] * 3
    assert doubtful(engine) == []
    assert not engine.market_data.books[TICKER].is_unreadable
    assert engine.market_data.drift.refused == PROOFS + 3
    # Its number counts, another type has to prove itself, and so has what tells of nobody knows which connection.
    tell(engine, delta(seq + 3, Side.BID, "0.45", 1))
    assert engine.market_data.gaps == 0
    tell(engine, unknown(seq + 4, kind="news"))
    assert doubtful(engine) == [TICKER]


def test_a_gap_before_a_harmless_type_is_a_gap():
    engine, seq = an_engine(), 3
    for _ in range(PROOFS):
        tell(engine, unknown(seq))
        seq = heal(engine, seq + 1, TICKER)
    tell(engine, unknown(seq + 1))
    assert (engine.market_data.gaps, doubtful(engine)) == (1, [TICKER, OTHER])


def test_a_type_that_names_no_market_must_have_changed_none_of_the_books():
    engine, seq = an_engine(), 3
    for _ in range(PROOFS):
        tell(engine, unknown(seq, None))
        assert doubtful(engine) == [TICKER, OTHER]
        seq = heal(engine, seq + 1, TICKER, OTHER)
    assert kinds(tell(engine, unknown(seq, None))) == ["FrameRefused"]
    engine, seq = an_engine(), 3
    for number in range(2 * PROOFS):
        tell(engine, unknown(seq, None))
        seq = heal(engine, seq + 1, TICKER)
        changed = {"0.44": 10} if number == 0 else {"0.45": 10}
        seq = heal(engine, seq, OTHER, bids=changed)
    tell(engine, unknown(seq, None))
    assert doubtful(engine) == [TICKER, OTHER], "it changed one once"


def test_changes_that_come_meanwhile_are_no_changes_of_the_type():
    engine, seq = an_engine(), 3
    for number in range(1, PROOFS + 1):
        told = tell(engine, unknown(seq), delta(seq + 1, Side.BID, "0.45", 1))
        assert "BookRestored" not in kinds(told)
        seq = heal(engine, seq + 2, TICKER, bids={"0.45": 10 + number})
    tell(engine, unknown(seq))
    assert doubtful(engine) == []


def test_a_level_that_fell_below_zero_meanwhile_shows_that_the_type_changed_it():
    engine, seq = an_engine(), 3
    for _ in range(2 * PROOFS):
        # The type told of five more, which are gone again.
        tell(engine, unknown(seq), delta(seq + 1, Side.BID, "0.46", -5))
        assert engine.market_data.books[TICKER].last_known_size_at(Side.BID, 4_600) == 0
        seq = heal(engine, seq + 2, TICKER)
    tell(engine, unknown(seq))
    assert doubtful(engine) == [TICKER]


@pytest.mark.parametrize(
    "other",
    [
        lambda seq: delta(seq + 1, Side.BID, "0.45", 1),
        lambda seq: unknown(seq, kind="news"),
        lambda seq: refused(seq=seq, ticker=TICKER),
    ],
    ids=["a gap", "another type", "a frame that cannot be read"],
)
def test_what_else_may_have_changed_the_book_proves_nothing_for_or_against_a_type(other):
    engine, seq = an_engine(), 3
    for _ in range(PROOFS):
        tell(engine, unknown(seq), other(seq + 1))
        seq = heal(engine, seq + 3, TICKER, OTHER)
    tell(engine, unknown(seq))
    assert doubtful(engine) == [TICKER], "nothing is proven"
    for _ in range(PROOFS):
        seq = heal(engine, seq + 1, TICKER, OTHER)
        tell(engine, unknown(seq))
    assert doubtful(engine) == [], "and nothing was held against it"


def test_a_wrong_book_that_an_audit_finds_lets_every_type_prove_itself_anew():
    engine, seq = an_engine(), 3
    for _ in range(PROOFS):
        tell(engine, unknown(seq))
        seq = heal(engine, seq + 1, TICKER)
    tell(engine, ev.BookAudited(at=second(6), ticker=OTHER, agreed=False, proven=True))
    assert doubtful(engine) == [OTHER]
    tell(engine, unknown(seq))
    assert doubtful(engine) == [TICKER, OTHER]


def test_an_unknown_type_among_the_trades_is_told_as_missed_once_although_it_names_a_market():
    engine = an_engine()
    tell(engine, followed(TICKER))
    event = attrs.evolve(unknown(2), subscription=TRADES)
    assert kinds(tell(engine, event)) == ["FrameRefused", "FramesMissed"]
    for seq in range(3, 8):
        # To read again for each what the first one may have told of would never end.
        assert kinds(tell(engine, attrs.evolve(event, seq=seq))) == ["FrameRefused"]


def test_a_book_that_the_exchange_does_not_tell_is_in_doubt_where_it_was_asked_for_and_nowhere_else():
    engine = an_engine()
    refusal = ev.SnapshotRefused(at=second(5), ticker=TICKER, subscription="1:2", reason="no")
    tell(engine, refusal, attrs.evolve(refusal, ticker=MarketTicker("KXNONE")))
    assert doubtful(engine) == [], "it lives on another subscription, or not at all"
    told = tell(engine, attrs.evolve(refusal, subscription="1:1"))
    assert kinds(told) == ["SnapshotRefused", "BookInvalidated"]
    assert (told[1].ticker, told[1].fault) == (TICKER, BookFault.SUBSCRIPTION_ENDED)
    assert doubtful(engine) == [TICKER]
    assert kinds(tell(engine, attrs.evolve(refusal, subscription="1:1"))) == ["SnapshotRefused"]
