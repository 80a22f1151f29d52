"""Facts that the risk gate goes by."""

import typing

from tests.model.event_records import records_of
from traderd.model import risk_events
from traderd.model.risk_events import LimitsSet
from traderd.model.units import Timestamp
from traderd.store import codec


def test_the_union_lists_them_all():
    assert set(typing.get_args(risk_events.RiskEvent)) == set(records_of(risk_events))


def test_limits_survive_the_disk_as_texts():
    event = LimitsSet(at=Timestamp(5), limits=(("max_open_orders", "10"), ("restricted", "A,B")))
    assert codec.decode(*codec.encode(event), position=1) == event
