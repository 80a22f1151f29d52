"""Facts about how far a book can be trusted: a doubt names its book, and grades have an order."""

import itertools
import typing

import msgspec

from tests.model.event_records import records_of
from traderd.model import book_events, events
from traderd.model.book_events import BookFault, BookGrade, BookInvalidated

PARTS = ["DifferingLevel"]


def test_a_doubt_says_which_book_why_and_where():
    hints = typing.get_type_hints(BookInvalidated)
    assert hints["fault"] is BookFault
    assert {"ticker", "subscription", "detail"} < set(hints)


def test_only_the_news_that_come_with_every_batch_are_structs():
    structs = [one.__name__ for one in records_of(book_events) if issubclass(one, msgspec.Struct)]
    assert structs == ["BookChanged"]


def test_each_record_is_an_event_or_a_part_of_one():
    here = {one.__name__ for one in records_of(book_events)}
    known = {one.__name__ for one in typing.get_args(events.Event)}
    assert sorted(here - known) == PARTS


def test_grades_go_down_from_a_to_f_and_each_is_enough_for_itself():
    assert [grade.value for grade in BookGrade] == list("ABCDEF")
    for better, worse in itertools.pairwise(BookGrade):
        assert better.is_at_least(worse)
        assert better.is_at_least(better)
        assert not worse.is_at_least(better)
