"""What a reader takes of an event."""

import pytest

from traderd.errors import ExchangeProtocolError
from traderd.kalshi.wire.events import EventEnvelope
from traderd.kalshi.wire.rest import decode_body


def test_an_event_tells_whether_it_is_exclusive_among_much_else():
    body = (
        b'{"event":{"event_ticker":"KXA-26","mutually_exclusive":true,"title":"Who?"},"markets":[]}'
    )
    envelope = decode_body(body, EventEnvelope, "GET /events/KXA-26")
    assert (envelope.event.event_ticker, envelope.event.mutually_exclusive) == ("KXA-26", True)


def test_an_event_that_does_not_say_so_is_not_guessed_at():
    with pytest.raises(ExchangeProtocolError):
        decode_body(b'{"event":{"event_ticker":"KXA-26"}}', EventEnvelope, "GET /events/KXA-26")
