"""Calls and answers."""

from traderd.kalshi.wire.errors import ErrorShape, Refusal
from traderd.model.units import Timestamp
from traderd.paper.rest.call import Call, answer, refuse
from traderd.paper.serving.http_server import Request


def test_answers_are_json_with_a_status():
    response = answer({"a": ["0.4500", 1]}, 201)
    assert (response.status, response.body) == (201, b'{"a":["0.4500",1]}')
    assert ("content-type", "application/json") in response.headers


def test_refusals_keep_their_status_and_shape():
    response = refuse(Refusal(status=400, code="c", message="m", shape=ErrorShape.FLAT))
    assert (response.status, response.body) == (400, b'{"code":"c","message":"m"}')


def test_a_call_reads_its_own_query():
    request = Request(method="GET", path="/", query=(("limit", "5"),), headers={})
    call = Call(request=request, parameter="", account_id="", now=Timestamp(0))
    assert call.query("GetMarkets").integer("limit", 100, low=1, high=10) == 5
