"""The switches themselves; their effects are tested with the exchange."""

import pytest

from traderd.errors import BadInput
from traderd.paper.faults import Faults, refusal_with


def test_nothing_is_wrong_at_first():
    faults = Faults()
    assert faults.refusal_of("/portfolio/orders") is None
    assert not faults.takes_reply("POST", "/portfolio/events/orders")
    assert (faults.reply_delay_s, faults.websocket_status) == (0.0, None)
    assert faults.drop_websockets() == 0


def test_the_longest_prefix_decides():
    faults = Faults()
    faults.refuse_requests("/portfolio", 503)
    faults.refuse_requests("/portfolio/orders", 429)
    assert faults.refusal_of("/portfolio/fills").status == 503
    assert faults.refusal_of("/portfolio/orders/x").status == 429
    assert faults.refusal_of("/markets") is None


def test_a_lost_reply_is_used_up_by_the_first_that_fits():
    faults = Faults()
    faults.lose_reply_of_next("POST", "/portfolio/events")
    assert not faults.takes_reply("DELETE", "/portfolio/events/orders/1")
    assert not faults.takes_reply("POST", "/portfolio/orders")
    assert faults.takes_reply("POST", "/portfolio/events/orders")
    assert not faults.takes_reply("POST", "/portfolio/events/orders")


def test_clear_undoes_everything():
    faults = Faults()
    faults.refuse_requests("/", 500)
    faults.refuse_websockets(503)
    faults.lose_reply_of_next("POST", "/")
    faults.delay_replies(2.0)
    faults.clear()
    assert faults.refusal_of("/markets") is None
    assert not faults.takes_reply("POST", "/")
    assert (faults.reply_delay_s, faults.websocket_status) == (0.0, None)


def test_impossible_faults_are_refused():
    faults = Faults()
    with pytest.raises(BadInput, match="400 to 599"):
        faults.refuse_requests("/", 200)
    with pytest.raises(BadInput, match="400 to 599"):
        faults.refuse_websockets(101)
    with pytest.raises(BadInput, match="negative"):
        faults.delay_replies(-1)


def test_refusals_have_the_shape_of_their_status():
    assert refusal_with(429).body() == b'{"error":"too many requests"}'
    assert refusal_with(503).body() == (
        b'{"error":{"code":"service_unavailable","message":"service unavailable"}}'
    )
    assert refusal_with(502).code == "http_502"
