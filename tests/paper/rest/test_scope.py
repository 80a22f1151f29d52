"""Which subaccount and engine a request is about."""

import pytest

from tests.paper.rest.desks import PRIVATE
from traderd.kalshi.wire.errors import RequestRefused
from traderd.model.units import Timestamp
from traderd.paper.auth_check import ApiKey
from traderd.paper.rest.call import Call
from traderd.paper.rest.query import Query
from traderd.paper.rest.scope import (
    asked_engine,
    asked_subaccount,
    check_engine,
    check_market_engine,
    is_elsewhere,
    one_subaccount,
)
from traderd.paper.serving.http_server import Request


def call(*query: tuple[str, str], locked: int | None = None) -> Call:
    request = Request(method="GET", path="/", query=query, headers={})
    public_key = PRIVATE.public_key()
    key = ApiKey(key_id="k", account_id="ann", public_key=public_key, subaccount=locked)
    return Call(request=request, key=key, now=Timestamp(0))


def asked(made: Call) -> int | None:
    return asked_subaccount(made, made.query("GetOrders"))


def test_a_query_names_its_subaccount_or_leaves_it_to_the_key():
    assert asked(call()) is None
    assert asked(call(("subaccount", ""))) is None
    assert asked(call(("subaccount", "0"))) == 0
    assert asked(call(("subaccount", "63"))) == 63
    assert asked(call(locked=5)) == 5
    assert asked(call(("subaccount", "5"), locked=5)) == 5


@pytest.mark.parametrize(
    ("value", "locked", "status"), [("64", None, 400), ("-1", None, 400), ("0", 5, 403)]
)
def test_another_subaccount_is_refused(value, locked, status):
    with pytest.raises(RequestRefused) as caught:
        asked(call(("subaccount", value), locked=locked))
    assert caught.value.refusal.status == status


def test_there_is_one_engine():
    for index in (None, -1, 0):
        check_engine(index)
    for value in ("", "-1", "0"):
        check_engine(asked_engine(call(("exchange_index", value)).query("X")))
    with pytest.raises(RequestRefused) as caught:
        check_engine(asked_engine(call(("exchange_index", "1")).query("X")))
    assert (caught.value.refusal.status, caught.value.refusal.code) == (404, "not_found")
    with pytest.raises(RequestRefused):
        check_engine(7)


@pytest.mark.parametrize(
    ("text", "index", "elsewhere"),
    [(None, None, False), ("-1", -1, False), ("0", 0, False), ("3", 3, True)],
)
def test_one_engine_holds_everything(text, index, elsewhere):
    query = Query("Get", [] if text is None else [("exchange_index", text)])
    assert (asked_engine(query), is_elsewhere(query)) == (index, elsewhere)
    if elsewhere:
        with pytest.raises(RequestRefused, match="market not found") as caught:
            check_market_engine(index)
        assert (caught.value.refusal.status, caught.value.refusal.code) == (404, "market_not_found")
    else:
        check_market_engine(index)


@pytest.mark.parametrize("text", ["-2", "x", "1000000"])
def test_an_engine_that_cannot_be_is_refused(text):
    with pytest.raises(RequestRefused):
        asked_engine(Query("Get", [("exchange_index", text)]))


def test_the_primary_subaccount_is_the_default():
    assert (one_subaccount(call(), None), one_subaccount(call(), 7)) == (0, 7)
