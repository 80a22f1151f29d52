"""Who is followed: a table of found, followed and held markets, and what the choice makes of them."""

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.core.builders import contracts, market, second
from traderd.core.universe import (
    ALIVE,
    CHANGES_KEPT,
    MUTED_MAX,
    TRADABLE,
    Universe,
    Wanted,
    choose,
    slot_of,
)
from traderd.model.events import BooksAwaited, BooksReclaimed, BooksShed, UniverseChanged
from traderd.model.ids import MarketTicker
from traderd.model.market import MarketListing, MarketStatus
from traderd.model.units import NS_PER_S

A, B, C, D = (MarketTicker(name) for name in "ABCD")
OPEN = Wanted(statuses=TRADABLE)
S = MarketStatus


def listing(ticker, volume=0, *, status=S.ACTIVE, closes=86_400):
    changed = attrs.evolve(market(ticker, status=status), close_time=second(closes))
    return MarketListing(market=changed, volume_24h=contracts(volume))


def chosen(found, *, followed=(), held=None, wanted=OPEN, at=0):
    """Return (followed afterwards, reasons of the added, reasons of the dropped)."""
    added, dropped = choose(
        found, followed=followed, held=held or {}, wanted=wanted, now=second(at)
    )
    gone = dict(dropped)
    stay = [ticker for ticker in followed if ticker not in gone]
    return {*stay, *(ticker for ticker, _ in added)}, dict(added), gone


def capped(markets_max, **more):
    return Wanted(statuses=TRADABLE, markets_max=markets_max, **more)


def test_why_a_market_left_is_remembered_until_it_comes_back():
    universe = Universe()
    assert universe.left_because(A) is None
    universe.change(UniverseChanged(at=second(1), added=((A, "busy"),), dropped=()))
    assert universe.left_because(A) is None
    universe.change(UniverseChanged(at=second(2), added=(), dropped=((A, "it is closed"),)))
    assert universe.left_because(A) == "it is closed"
    universe.change(UniverseChanged(at=second(3), added=((A, "busy"),), dropped=()))
    assert universe.left_because(A) is None


def test_everything_that_fits_is_followed_and_says_why():
    after, added, dropped = chosen([listing(A, "12.5"), listing(B)])
    assert (after, dropped) == ({A, B}, {})
    assert added == {A: "12.50 contracts in 24 h", B: "0 contracts in 24 h"}


@pytest.mark.parametrize(
    ("found", "wanted", "reason"),
    [
        (listing(A, status=S.CLOSED), OPEN, "it is closed"),
        (listing(A, status=S.FINALIZED), Wanted(statuses=ALIVE), "it is finalized"),
        (listing(A, status=S.INITIALIZED), OPEN, "it is initialized"),
        (listing(A, 9), Wanted(statuses=TRADABLE, volume_min=contracts(10)), "fewer than 10"),
        (
            listing(A, closes=7_200),
            Wanted(statuses=TRADABLE, closes_in_max_ns=3_600 * NS_PER_S),
            "it closes in 7200 s, which is too late",
        ),
    ],
)
def test_what_fits_no_longer_leaves_with_the_reason(found, wanted, reason):
    after, _, dropped = chosen([found], followed=[A], wanted=wanted)
    assert after == set()
    assert reason in dropped[A]
    # And it is not taken in.
    assert chosen([found], wanted=wanted)[0] == set()


def test_a_market_that_closes_too_soon_is_not_taken_in_but_stays():
    wanted = Wanted(statuses=TRADABLE, closes_in_min_ns=3_600 * NS_PER_S)
    found = [listing(A, closes=60)]
    assert chosen(found, wanted=wanted)[0] == set()
    assert chosen(found, followed=[A], wanted=wanted)[0] == {A}


def test_a_followed_market_stays_while_it_is_paused_and_no_other_comes_in():
    found = [listing(A, status=S.INACTIVE), listing(B, status=S.INACTIVE)]
    assert chosen(found, followed=[A])[0] == {A}


def test_a_market_that_is_listed_no_longer_leaves():
    after, _, dropped = chosen([], followed=[A])
    assert (after, dropped) == (set(), {A: "the exchange does not list it any more"})


@pytest.mark.parametrize(
    ("found", "followed", "expected"),
    [
        # The busier ones first.
        ([listing(A, 1), listing(B, 3), listing(C, 2)], (), {B, C}),
        # Equally busy: the earlier close.
        ([listing(A, 1), listing(B, 1, closes=60), listing(C, 1, closes=90)], (), {B, C}),
        # Then the ticker.
        ([listing(C), listing(B), listing(A)], (), {A, B}),
        # Who is followed counts double, so nobody changes places for a little more.
        ([listing(A, 10), listing(B, 10), listing(C, 19)], (A, B), {A, B}),
        ([listing(A, 10), listing(B, 11), listing(C, 21)], (A, B), {B, C}),
    ],
)
def test_the_cap_prefers_in_the_order_that_is_explained(found, followed, expected):
    after, _, dropped = chosen(found, followed=followed, wanted=capped(2))
    assert after == expected
    for ticker in set(followed) - expected:
        assert dropped[ticker].startswith("2 markets are preferred to it")


def test_the_choice_does_not_depend_on_the_order_of_the_lists():
    found = [listing(A, 5), listing(B, 5), listing(C, 7), listing(D)]
    results = [chosen(order, wanted=capped(2))[0] for order in (found, found[::-1])]
    assert results[0] == results[1]


@pytest.mark.parametrize(
    "found",
    [
        [],
        [listing(A, status=S.FINALIZED)],
        [listing(A), listing(B, 100), listing(C, 100)],
    ],
)
def test_a_held_market_is_never_dropped(found):
    after, _, dropped = chosen(found, followed=[A], held={A: "a position"}, wanted=capped(1))
    assert A in after
    assert A not in dropped


def test_held_markets_count_and_stay_beyond_the_cap():
    held = {A: "a position", B: "a live order"}
    found = [listing(ticker, 9) for ticker in (A, B, C)]
    assert chosen(found, followed=[A, B, C], held=held, wanted=capped(1))[0] == {A, B}
    assert chosen(found, followed=[A, B, C], held=held, wanted=capped(3))[0] == {A, B, C}


def test_a_held_market_that_was_found_is_taken_in():
    after, added, _ = chosen([listing(A, status=S.CLOSED)], held={A: "a position", B: "an order"})
    # B is not known to the exchange's list: nobody can subscribe to it.
    assert (after, added) == ({A}, {A: "a position"})


NAMES = [MarketTicker(f"M{number}") for number in range(8)]


@given(
    st.lists(st.tuples(st.sampled_from(NAMES), st.integers(0, 50), st.sampled_from(list(S)))),
    st.lists(st.sampled_from(NAMES), unique=True),
    st.lists(st.sampled_from(NAMES), unique=True),
    st.integers(1, 6),
)
def test_whatever_is_found_nothing_held_leaves_and_the_cap_holds(rows, followed, held, cap):
    found = [listing(ticker, volume, status=status) for ticker, volume, status in rows]
    reasons = dict.fromkeys(held, "held")
    after, added, dropped = chosen(found, followed=followed, held=reasons, wanted=capped(cap))
    assert not set(held) & set(dropped)
    assert set(followed) & set(held) <= after
    assert len(after - set(held)) <= max(0, cap - len(after & set(held)))
    assert not set(added) & set(followed)
    # A second look at the same lists changes nothing.
    again = chosen(found, followed=sorted(after), held=reasons, wanted=capped(cap))
    assert (again[1], again[2]) == ({}, {})


# --- connections ----------------------------------------------------------------------------------


def test_a_connection_comes_from_the_name_alone():
    # Fixed numbers, because another Python must not move markets either.
    assert [slot_of(name, 4) for name in (A, B, C, D)] == [3, 1, 3, 0]
    assert all(slot_of(name, 1) == 0 for name in NAMES)


# --- what was chosen ------------------------------------------------------------------------------


def changed(*, added=(), dropped=(), at=0):
    return UniverseChanged(
        at=second(at),
        added=tuple((ticker, "why") for ticker in added),
        dropped=tuple((ticker, "why not") for ticker in dropped),
    )


def test_changes_are_kept_with_their_reasons():
    universe = Universe()
    universe.change(changed(added=[A, B]))
    universe.change(changed(dropped=[A], at=5))
    assert universe.followed == {B: "why"}
    last = universe.changes[-1]
    assert (last.ticker, last.is_followed, last.reason) == (A, False, "why not")
    for number in range(CHANGES_KEPT):
        universe.change(changed(added=[MarketTicker(f"N{number}")]))
    assert len(universe.changes) == CHANGES_KEPT


def test_frames_of_a_book_that_was_given_up_count_again_once_it_was_asked_for():
    universe = Universe()
    universe.change(changed(added=[A, B]))
    universe.shed_books(BooksShed(at=second(1), tickers=(A, C), reason="load"))
    assert universe.shed == {A: "load"}
    assert universe.is_muted(A)
    universe.reclaim_books(BooksReclaimed(at=second(2), tickers=(A,), reason="calm"))
    # Wanted, but the exchange may still be sending what it was told to stop.
    assert (universe.shed, universe.is_muted(A)) == ({}, True)
    universe.await_books(BooksAwaited(at=second(3), tickers=(A,)))
    assert not universe.is_muted(A)


def test_a_dropped_market_is_muted_and_no_longer_shed():
    universe = Universe()
    universe.change(changed(added=[A]))
    universe.shed_books(BooksShed(at=second(1), tickers=(A,), reason="load"))
    universe.change(changed(dropped=[A]))
    assert (universe.shed, universe.is_muted(A)) == ({}, True)


def test_the_muted_are_bounded():
    universe = Universe()
    names = [MarketTicker(f"N{number}") for number in range(MUTED_MAX + 1)]
    universe.change(changed(dropped=names))
    assert not universe.is_muted(names[0])
    assert universe.is_muted(names[1])
