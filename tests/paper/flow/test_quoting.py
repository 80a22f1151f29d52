"""What the street sends to one book."""

from __future__ import annotations

from random import Random

from tests.paper.venues import NOW, TICKER, ask, bid, venue
from traderd.model.orders import Side
from traderd.model.units import Count, Price
from traderd.paper.flow.behaviour import Style
from traderd.paper.flow.fair_value import FairValue, opening_fair_value
from traderd.paper.flow.quoting import Quoting
from traderd.paper.venue.venue import Venue

B, A = Side.BID, Side.ASK


def quoted(style: Style = Style.STEADY, levels: int = 6) -> tuple[Venue, FairValue, Quoting]:
    v = venue()
    for number in range(levels):
        v.street.add(TICKER, B, Price(4_700 - 100 * number), Count(10_000), NOW)
        v.street.add(TICKER, A, Price(4_800 + 100 * number), Count(10_000), NOW)
    bids, asks = v.book(TICKER)
    fair = opening_fair_value(v.market(TICKER), style, bids, asks, Price(1))
    return v, fair, Quoting(v, Random(1))


def prices(v: Venue, side: Side) -> list[Price]:
    return [price for price, _ in v.book_of(TICKER).levels(side)]


def test_a_book_at_its_fair_value_needs_no_mending():
    v, fair, quoting = quoted()
    before = v.book(TICKER)
    assert not quoting.mend(fair, NOW)
    assert v.book(TICKER) == before


def test_makers_leave_what_was_passed_and_close_the_ranks_step_by_step():
    v, fair, quoting = quoted()
    fair.move(2)
    steps = 0
    while quoting.mend(fair, NOW):
        steps += 1
    assert steps == 4
    assert prices(v, B)[:3] == [4_900, 4_800, 4_700]
    assert prices(v, A)[0] == 5_000
    assert fair.passed is None


def test_an_order_that_was_passed_is_taken_and_one_that_only_improves_is_not():
    v, fair, quoting = quoted()
    late = v.create_order("ann", ask("5", "0.48"), None, NOW)
    fair.move(2)
    while quoting.mend(fair, NOW):
        pass
    assert v.order("ann", late.order_id).fill_count == 500
    v, fair, quoting = quoted()
    fair.gap = 3
    better = v.create_order("ann", bid("5", "0.47"), None, NOW)
    while quoting.mend(fair, NOW):
        pass
    assert v.order("ann", better.order_id).is_resting


def test_a_quote_never_empties_a_level_and_a_take_hits_the_touch():
    v, fair, quoting = quoted()
    for _ in range(500):
        quoting.quote(fair, NOW)
        assert set(range(4_200, 4_800, 100)) <= set(prices(v, B))
    for _ in range(50):
        before = v.book(TICKER)
        quoting.take(fair, NOW)
        after = v.book(TICKER)
        assert sum(len(side) for side in after) <= sum(len(side) for side in before)
    assert v.market(TICKER).volume > 0


def test_a_wiped_book_is_brought_back_in_its_depth():
    v, fair, quoting = quoted(levels=12)
    v.life.pause(TICKER, NOW)
    v.life.resume(TICKER, NOW)
    assert v.book(TICKER) == ((), ())
    assert quoting.is_wiped(fair, B)
    while quoting.mend(fair, NOW):
        pass
    assert len(prices(v, B)) == len(prices(v, A)) == 12
    assert (prices(v, B)[0], prices(v, A)[0]) == (4_700, 4_800)


def test_a_few_eaten_levels_are_not_a_wiped_book():
    v, fair, quoting = quoted(levels=12)
    v.street.take(TICKER, B, Price(5_200), Count(50_000), NOW)
    assert not quoting.is_wiped(fair, A)


def test_levels_of_an_opening_book_that_would_cross_somebody_stay_away():
    v = venue()
    v.create_order("ann", bid("5", "0.60"), None, NOW)
    quoting = Quoting(v, Random(1))
    levels = ((Price(5_000), Count(100)), (Price(7_000), Count(100)))
    quoting.post(TICKER, (), levels, NOW)
    assert prices(v, A) == [7_000]
    assert prices(v, B) == [6_000]


def test_makers_alone_never_hit_a_late_order():
    v, fair, quoting = quoted(Style.MAKERS)
    late = v.create_order("ann", ask("5", "0.48"), None, NOW)
    fair.move(3)
    while quoting.mend(fair, NOW):
        pass
    assert v.order("ann", late.order_id).is_resting
