"""The bodies of the reads of fees."""

import json
from decimal import Decimal

import msgspec
import pytest

from traderd.errors import ExchangeProtocolError
from traderd.kalshi.wire import fees
from traderd.kalshi.wire.rest import decode_body


def test_a_multiplier_is_exact_however_it_is_written():
    for text in ("0.5", '"0.5"', "5e-1"):
        body = f'{{"series": {{"fee_type": "quadratic", "fee_multiplier": {text}}}}}'.encode()
        found = decode_body(body, fees.SeriesFeesEnvelope, "series")
        assert found.series.fee_multiplier == Decimal("0.5")


def test_a_series_without_fees_is_none_and_an_event_without_is_one():
    with pytest.raises(ExchangeProtocolError):
        decode_body(b'{"series": {"ticker": "A"}}', fees.SeriesFeesEnvelope, "series")
    body = json.dumps({"event": {"fee_type_override": None}}).encode()
    event = decode_body(body, fees.EventFeesEnvelope, "event").event
    assert (event.fee_type_override, event.fee_multiplier_override) == (None, msgspec.UNSET)
