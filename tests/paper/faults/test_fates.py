"""The words of a fault's refusals, and fates that change nothing."""

import pytest

from traderd.paper.faults.fates import NO_FRAME_FAULT, RequestFate, refusal_with


def test_refusals_have_the_shape_of_their_status():
    assert refusal_with(429).body() == b'{"error":"too many requests"}'
    assert refusal_with(503).body() == (
        b'{"error":{"code":"service_unavailable","message":"service unavailable"}}'
    )


@pytest.mark.parametrize("status", [400, 418, 502, 599])
def test_every_status_has_a_code_and_keeps_its_number(status):
    refusal = refusal_with(status)
    assert (refusal.status, refusal.code) == (status, f"http_{status}")


def test_a_fate_is_good_unless_it_is_told_otherwise():
    fate = RequestFate()
    assert fate.arrives
    assert fate.reply_arrives
    assert fate.refusal is fate.spoiled is None
    assert fate.wait_s == fate.reply_wait_s == NO_FRAME_FAULT.wait_s == 0
    assert NO_FRAME_FAULT.copies == 1
    assert not NO_FRAME_FAULT.ends_session
