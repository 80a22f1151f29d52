"""One engine and a default subaccount: what queries may name, and what that means."""

import pytest

from tests.paper.venues import NOW
from traderd.kalshi.wire.errors import RequestRefused
from traderd.paper.rest.call import Call
from traderd.paper.rest.portfolio_query import check_engine, engine_of, is_elsewhere, one_subaccount
from traderd.paper.rest.query import Query
from traderd.paper.serving.http_server import Request


@pytest.mark.parametrize(
    ("text", "index", "elsewhere"),
    [(None, None, False), ("-1", -1, False), ("0", 0, False), ("3", 3, True)],
)
def test_one_engine_holds_everything(text, index, elsewhere):
    query = Query("Get", [] if text is None else [("exchange_index", text)])
    assert (engine_of(query), is_elsewhere(query)) == (index, elsewhere)
    if elsewhere:
        with pytest.raises(RequestRefused, match="market not found"):
            check_engine(index)
    else:
        check_engine(index)


@pytest.mark.parametrize("text", ["-2", "x", "1000000"])
def test_an_engine_that_cannot_be_is_refused(text):
    with pytest.raises(RequestRefused):
        engine_of(Query("Get", [("exchange_index", text)]))


def test_the_primary_subaccount_is_the_default():
    request = Request(method="GET", path="/", query=(), headers={})
    call = Call(request=request, now=NOW)
    assert (one_subaccount(call, None), one_subaccount(call, 7)) == (0, 7)
