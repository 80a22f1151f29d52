"""Query parameters, their errors, and pages."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from traderd.kalshi.wire.errors import RequestRefused
from traderd.model.units import NS_PER_S, Timestamp
from traderd.paper.rest.query import Query, bad_request, page_of, within


def query(**fields: str) -> Query:
    return Query("GetMarkets", fields.items())


def refused(read) -> str:
    with pytest.raises(RequestRefused) as caught:
        read()
    assert caught.value.refusal.status == 400
    body = json.loads(caught.value.refusal.body())
    assert list(body) == ["msg"]
    return body["msg"]


def test_a_limit_above_the_maximum_is_refused_in_the_captured_words():
    text = refused(lambda: query(limit="1001").integer("limit", 100, low=0, high=1000))
    assert text == (
        "Parameter validation failed for GetMarkets: Key: 'GetMarketsParams.Limit' "
        "Error:Field validation for 'Limit' failed on the 'lte' tag"
    )


@pytest.mark.parametrize(
    ("value", "tag"),
    [("-1", "'gte' tag"), ("x", "invalid syntax"), ("1.5", "invalid syntax"), ("٣", "invalid")],
)
def test_what_is_no_integer_in_range_is_refused(value, tag):
    assert tag in refused(lambda: query(limit=value).integer("limit", 100, low=0, high=1000))


def test_absent_and_empty_parameters_take_the_default():
    assert query().integer("limit", 100, low=0, high=1000) == 100
    assert query(limit="").integer("limit", 100, low=0, high=1000) == 100
    assert query(status="").choice("status", ("open",)) is None
    assert query().seconds("min_ts") is None
    assert query().flag("is_block_trade") is None
    assert query(cursor="").text("cursor") is None


def test_the_first_of_repeated_parameters_counts():
    assert Query("GetMarkets", [("a", "1"), ("a", "2")]).text("a") == "1"


def test_words_come_without_repeats_and_blanks_and_have_a_bound():
    assert query(tickers="A, B,,A").words("tickers", at_most=2) == ("A", "B")
    assert "'max' tag" in refused(lambda: query(tickers="A,B,C").words("tickers", at_most=2))


def test_choices_flags_and_seconds():
    assert query(status="open").choice("status", ("open",)) == "open"
    assert "'oneof' tag" in refused(lambda: query(status="active").choice("status", ("open",)))
    assert query(flag="true").flag("flag") is True
    assert query(flag="0").flag("flag") is False
    # What `requests` makes of Python's own booleans.
    assert query(flag=str(True)).flag("flag") is True
    assert query(flag=str(False)).flag("flag") is False
    assert "'oneof' tag" in refused(lambda: query(flag="yes").flag("flag"))
    assert query(min_ts="12").seconds("min_ts") == 12 * NS_PER_S
    assert "MinTs" in refused(lambda: query(min_ts="1790000000000").seconds("min_ts"))


def test_bounds_of_time_are_included():
    assert within(Timestamp(5), Timestamp(5), Timestamp(5))
    assert within(Timestamp(5), None, None)
    assert not within(Timestamp(5), Timestamp(6), None)
    assert not within(Timestamp(5), None, Timestamp(4))


@given(st.lists(st.text(max_size=8), unique=True, max_size=30), st.integers(1, 10))
def test_pages_cover_every_item_once_and_in_order(items, limit):
    seen, cursor = [], None
    for _ in range(len(items) + 1):
        page, following = page_of(items, lambda item: item, limit=limit, cursor=cursor)
        assert len(page) <= limit
        seen += page
        if not following:
            break
        cursor = following
    assert seen == items


def test_news_at_the_front_neither_repeats_nor_skips_what_follows():
    items = ["c", "b", "a"]
    page, cursor = page_of(items, lambda item: item, limit=2, cursor=None)
    assert page == ["c", "b"]
    page, cursor = page_of(["e", "d", *items], lambda item: item, limit=2, cursor=cursor)
    assert (page, cursor) == (["a"], "")


def test_a_page_goes_on_behind_an_item_that_does_not_pass_any_more():
    kept = dict.fromkeys("edcba", True)

    def page(cursor):
        return page_of("edcba", str, limit=2, cursor=cursor, keep=lambda item: kept[item])

    first, cursor = page(None)
    kept["d"] = kept["c"] = False
    assert (first, page(cursor)) == (["e", "d"], (["b", "a"], ""))


@given(st.lists(st.integers(), unique=True, max_size=20), st.integers(1, 5))
def test_what_is_not_kept_is_on_no_page_and_makes_none(items, limit):
    seen, cursor = [], None
    for _ in range(len(items) + 1):
        page, cursor = page_of(
            items, str, limit=limit, cursor=cursor, keep=lambda item: item % 2 == 0
        )
        seen += page
        if not cursor:
            break
        assert len(page) == limit
    assert seen == [item for item in items if item % 2 == 0]


def test_some_of_the_words_there_are_can_be_chosen():
    assert query(count_filter="b,a,b").chosen("count_filter", ("a", "b")) == ("b", "a")
    assert query().chosen("count_filter", ("a", "b")) == ()
    assert "'oneof' tag" in refused(lambda: query(f="a,c").chosen("f", ("a", "b")))


def test_the_last_page_has_an_empty_cursor_even_when_it_is_full():
    assert page_of(["a", "b"], lambda item: item, limit=2, cursor=None) == (["a", "b"], "")
    assert page_of([], lambda item: item, limit=2, cursor=None) == ([], "")


@given(st.text() | st.just("MTpub25l"))
def test_a_cursor_that_is_none_means_the_first_page(cursor):
    items = ["key-1", "key-2", "key-3"]
    assert page_of(items, lambda item: item, limit=2, cursor=cursor)[0] == ["key-1", "key-2"]


def test_a_limit_of_zero_is_not_set():
    assert query(limit="0").limit() == query().limit() == 100
    assert query().limit(default=7) == 7
    assert query(limit="5000").limit(high=10_000) == 5000
    assert "'lte' tag" in refused(lambda: query(limit="1001").limit())
    assert "'gte' tag" in refused(lambda: query(limit="-1").limit())
    assert "'gte' tag" in refused(lambda: query(limit="0").limit(low=1))
    assert query().limit(low=1) == 100


def test_what_must_be_there_and_is_not():
    query(start_ts="1", end_ts="2").require("start_ts", "end_ts")
    text = refused(lambda: query(start_ts="1", end_ts="").require("start_ts", "end_ts"))
    assert text.endswith("Field validation for 'EndTs' failed on the 'required' tag")


def test_repeated_keys_come_without_repeats_and_have_a_bound():
    given = Query("GetMarketOrderbooks", [("t", "B"), ("other", "x"), ("t", "A,B"), ("t", " C ")])
    assert given.repeated("t", at_most=3) == ("B", "A", "C")
    assert "'max' tag" in refused(lambda: given.repeated("t", at_most=2))
    assert "'required' tag" in refused(lambda: given.repeated("nothing", at_most=2))
    assert "'required' tag" in refused(lambda: query(t=",").repeated("t", at_most=2))


def test_parameters_that_are_wrong_together_are_refused_in_the_nested_shape():
    body = json.loads(bad_request("invalid status filter").refusal.body())
    assert body == {
        "error": {
            "code": "bad_request",
            "message": "bad request",
            "details": "invalid status filter",
        }
    }


def test_nothing_behind_a_page_is_looked_at():
    looked_at = []

    def items():
        for number in range(1000):
            looked_at.append(number)
            yield str(number)

    page, _ = page_of(items(), lambda item: item, limit=2, cursor=None)
    assert (page, len(looked_at)) == (["0", "1"], 3)


def test_a_list_goes_on_behind_an_item_that_does_not_count_any_more():
    items = ["a", "b", "c", "d"]
    kept = {"a", "b", "d"}
    page, cursor = page_of(
        items, lambda item: item, limit=1, cursor=None, keep=lambda item: item in kept
    )
    assert page == ["a"]
    kept.remove("a")
    page, cursor = page_of(
        items, lambda item: item, limit=1, cursor=cursor, keep=lambda item: item in kept
    )
    assert page == ["b"]
    page, cursor = page_of(
        items, lambda item: item, limit=1, cursor=cursor, keep=lambda item: item in kept
    )
    assert (page, cursor) == (["d"], "")
