"""Facts of money: amounts are exact, and changes stand beside what they changed."""

import typing

from tests.model.event_records import records_of
from traderd.model import account_events, events
from traderd.model.account_events import Difference, TradingStateUpdated
from traderd.model.units import Money


def test_an_update_tells_each_number_with_its_change():
    hints = typing.get_type_hints(TradingStateUpdated)
    assert hints["balance"] is hints["balance_change"] is Money
    for name in ("position_count", "order_count"):
        assert hints[name] is hints[f"{name}_change"] is int


def test_each_record_but_the_part_of_a_reading_is_an_event():
    here = set(records_of(account_events)) - {Difference}
    assert here <= set(typing.get_args(events.Event))
