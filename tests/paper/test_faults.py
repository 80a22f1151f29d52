"""The switches themselves; their effects are tested with the exchange."""

import pytest

from traderd.errors import BadInput
from traderd.paper.faults import ORDERS, Faults, refusal_with


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


def test_a_request_is_lost_once():
    faults = Faults()
    faults.lose_next_request("POST", ORDERS)
    assert not faults.takes_request("DELETE", ORDERS)
    assert faults.takes_request("POST", ORDERS)
    assert not faults.takes_request("POST", ORDERS)


def test_a_reply_is_spoiled_once_with_its_status():
    faults = Faults()
    faults.spoil_reply_of_next("POST", ORDERS, 500)
    assert faults.spoils_reply("GET", ORDERS) is None
    assert faults.spoils_reply("POST", ORDERS).status == 500
    assert faults.spoils_reply("POST", ORDERS) is None
    with pytest.raises(BadInput, match="400 to 599"):
        faults.spoil_reply_of_next("POST", ORDERS, 201)


@pytest.mark.parametrize(
    ("whole_exchange", "code", "cancels_work"),
    [(False, "trading_is_paused", True), (True, "exchange_is_paused", False)],
)
def test_a_pause_refuses_orders_and_one_of_the_whole_exchange_cancels_too(
    whole_exchange, code, cancels_work
):
    faults = Faults()
    assert faults.pause_refusal("POST", ORDERS) is None
    faults.pause(whole_exchange=whole_exchange)
    refusal = faults.pause_refusal("POST", ORDERS)
    assert (refusal.status, refusal.code) == (409, code)
    assert (faults.pause_refusal("DELETE", f"{ORDERS}/1") is None) is cancels_work
    assert faults.pause_refusal("GET", "/portfolio/orders") is None
    faults.resume()
    assert faults.pause_refusal("POST", ORDERS) is None


def test_clear_ends_delays_and_pauses_and_forgets_what_was_to_come():
    faults = Faults()
    faults.delay_requests(1.0)
    faults.pause()
    faults.lose_next_request("POST", "/")
    faults.spoil_reply_of_next("POST", "/", 503)
    faults.clear()
    assert (faults.request_delay_s, faults.paused) == (0.0, None)
    assert not faults.takes_request("POST", "/")
    assert faults.spoils_reply("POST", "/") is None
    with pytest.raises(BadInput, match="negative"):
        faults.delay_requests(-1)
