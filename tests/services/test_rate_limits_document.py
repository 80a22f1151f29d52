"""The buckets on screen."""

import trio

from traderd.kalshi.limits import Traffic
from traderd.kalshi.throttle import Throttle
from traderd.services.rate_limits_document import rate_limits_document


async def test_tokens_classes_and_waits_are_told(autojump_clock):
    throttle = Throttle(trio.current_time)
    for _ in range(6):
        turn = await throttle.wait_turn(Traffic.PLACE, 10, writes=True)
        turn.confirm(None)
        turn.answered(too_many=False)
        turn.end()
    turn = await throttle.wait_turn(Traffic.CANCEL, 2, writes=True)
    turn.confirm(None)
    turn.answered(too_many=True)
    turn.end()
    document = rate_limits_document(throttle)
    assert document["read"] == {
        "tokens": 600,
        "capacity": 600,
        "refill_per_s": 200,
        "reserve": 180,
        "refused": 0,
        "classes": {},
    }
    write = document["write"]
    assert (write["tokens"], write["refused"], list(write["classes"])) == (
        0,
        1,
        ["cancel", "place"],
    )
    assert write["classes"]["place"] == {
        "sent": 6,
        "waiting": 0,
        "unwanted": 0,
        "gave_up": 0,
        "waited_p50_s": 0.0,
        "waited_p99_s": 0.0,
    }
