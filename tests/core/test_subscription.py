"""Subscriptions: a book has one home, and a copy of the last frame is told from a stray one."""

import pytest

from tests.core.builders import OTHER, TICKER, delta, snapshot
from traderd.core.book import Book
from traderd.core.sequence import Verdict
from traderd.core.subscription import Subscription, Subscriptions, connection_of
from traderd.model.orders import Side


def test_the_name_of_a_subscription_begins_with_its_connection():
    assert connection_of("12:3") == 12


def test_a_book_lives_on_one_subscription_only():
    subscriptions, book = Subscriptions(), Book(TICKER)
    for name in ("1:1", "1:2", "1:2"):
        subscriptions.settle_on(name, book)
    assert book.subscription == "1:2"
    assert subscriptions.get("1:1").books == {}
    assert subscriptions.get("1:2").books == {TICKER: book}
    subscriptions.leave(book)
    assert subscriptions.get("1:2").books == {}


def test_a_book_has_a_home_while_its_subscription_lives():
    subscriptions, book = Subscriptions(), Book(TICKER)
    assert not subscriptions.has_home(book)
    subscriptions.settle_on("1:1", book)
    assert subscriptions.has_home(book)
    subscriptions.get("1:1").finish("error 25")
    assert not subscriptions.has_home(book)


def test_a_lost_connection_takes_its_own_subscriptions_along():
    subscriptions = Subscriptions()
    for name, ticker in (("1:1", TICKER), ("1:2", OTHER), ("12:1", TICKER)):
        subscriptions.settle_on(name, Book(ticker))
    assert sorted(subscriptions.tickers_of(1)) == [TICKER, OTHER]
    assert len(subscriptions.lose(1)) == 2
    assert list(subscriptions.by_name) == ["12:1"]


@pytest.mark.parametrize(
    ("last", "again", "is_copy"),
    [
        (delta(3, Side.BID, "0.46", 1), delta(3, Side.BID, "0.46", 1, at=9), True),
        (delta(3, Side.BID, "0.46", 1), delta(3, Side.BID, "0.46", 2), False),
        (delta(3, Side.BID, "0.46", 1), delta(2, Side.BID, "0.46", 1), False),
        (delta(3, Side.BID, "0.46", 1), delta(3, Side.BID, "0.46", 1, ticker=OTHER), False),
        (snapshot(3, {"0.46": 1}, {}), snapshot(3, {"0.46": 1}, {}, at=9), True),
        (snapshot(3, {"0.46": 1}, {}), snapshot(3, {"0.46": 2}, {}), False),
        (snapshot(3, {"0.46": 1}, {}), delta(3, Side.BID, "0.46", 1), False),
        (None, delta(3, Side.BID, "0.46", 1), False),
    ],
)
def test_a_copy_is_the_last_frame_once_more_whenever_it_came(last, again, is_copy):
    assert Subscription(newest=last).is_copy(again) is is_copy


def test_a_subscription_that_ended_takes_no_frame_and_says_why():
    subscription = Subscription(last=7, newest=delta(7, Side.BID, "0.46", 1))
    subscription.finish("error 25")
    assert subscription.ended == "error 25"
    assert subscription.observe(8) is Verdict.STALE
    assert not subscription.is_copy(delta(7, Side.BID, "0.46", 1))
