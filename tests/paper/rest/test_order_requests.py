"""Bodies of amends, decreases and batches become terms or refusals."""

import pytest

from traderd.kalshi.wire.errors import RequestRefused
from traderd.model.orders import Side
from traderd.paper.rest.order_requests import (
    AmendOrderRequest,
    DecreaseOrderRequest,
    amend_terms,
    decode_batch,
    decrease_terms,
)


def amend(**more) -> AmendOrderRequest:
    return AmendOrderRequest(
        **({"ticker": "A", "side": "ask", "price": "0.5", "count": "2"} | more)
    )


def test_an_amend_becomes_terms():
    terms = amend_terms(amend(client_order_id="", updated_client_order_id="b"))
    assert (terms.side, terms.price, terms.count) == (Side.ASK, 5_000, 200)
    assert (terms.client_order_id, terms.updated_client_order_id) == (None, "b")
    assert (terms.expires_at, terms.removes_expiry) == (None, False)


def test_an_expiry_is_kept_moved_or_taken_away():
    assert amend_terms(amend(expiration_time=7)).expires_at == 7_000_000_000
    removed = amend_terms(amend(expiration_time=0))
    assert (removed.expires_at, removed.removes_expiry) == (None, True)
    past = amend_terms(amend(expiration_time=-7))
    assert (past.expires_at, past.removes_expiry) == (0, False)


def test_a_decrease_says_one_thing():
    assert decrease_terms(DecreaseOrderRequest(reduce_by="1.5")) == (150, None)
    assert decrease_terms(DecreaseOrderRequest(reduce_to="0")) == (None, 0)
    for both in ({}, {"reduce_by": "1", "reduce_to": "1"}):
        with pytest.raises(RequestRefused, match="exactly one"):
            decrease_terms(DecreaseOrderRequest(**both))


def test_a_batch_keeps_its_items_as_json():
    assert [bytes(raw) for raw in decode_batch(b'{"orders":[ {} ,1]}', "B")] == [b"{}", b"1"]
