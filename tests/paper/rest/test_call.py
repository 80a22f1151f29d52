"""Calls and answers."""

from traderd.kalshi.wire.errors import ErrorShape, Refusal
from traderd.model.units import Timestamp
from traderd.paper.rest.call import Access, Call, PerItem, Route, answer, refuse
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
    call = Call(request=request, now=Timestamp(0))
    assert call.query("GetMarkets").integer("limit", 100, low=1, high=10) == 5
    assert call.account_id == ""


def test_a_batch_costs_all_its_items_and_is_listed_with_one():
    request = Request(method="POST", path="/", query=(), headers={}, body=b"abc")
    call = Call(request=request, now=Timestamp(0))
    batch = Route(handler=handler, cost=PerItem(2, lambda given: len(given.request.body)))
    assert (batch.cost_of(call), batch.listed_cost) == (6, 2)
    single = Route(handler=handler)
    assert (single.cost_of(call), single.listed_cost) == (10, 10)


def test_only_orders_groups_and_quotes_draw_on_the_write_bucket():
    drawing = [access for access in Access if Route(handler=handler, access=access).is_write]
    assert drawing == [Access.TRADE, Access.BLOCK_ACCEPT]


def test_a_public_route_needs_no_scope():
    assert Route(handler=handler, access=Access.PUBLIC).scope == ""
    assert Route(handler=handler, access=Access.TRANSFER).scope == "write::transfer"


def handler(call: Call):
    raise AssertionError("nobody calls it")
