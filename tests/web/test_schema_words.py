import jsonschema_rs
import pytest

from tests.web.schema_tools import closed
from traderd.model.units import (
    Count,
    Money,
    Price,
    Timestamp,
    format_count,
    format_money,
    format_price,
    format_time,
)
from traderd.web.schema_words import (
    COUNT,
    DOLLARS,
    MOMENT,
    PRICE,
    TEXT,
    choice,
    list_of,
    map_of,
    maybe,
    record,
)


@pytest.mark.parametrize("value", [0, 1, -1, 9_999, 10_000, -123_456_789])
def test_numbers_and_moments_as_the_units_write_them_fit(value):
    written = [
        (PRICE, format_price(Price(value))),
        (COUNT, format_count(Count(value))),
        (DOLLARS, format_money(Money(value))),
        (MOMENT, format_time(Timestamp(1_795_632_334_692_532_264 + value))),
    ]
    for schema, text in written:
        jsonschema_rs.validate(schema, text)
        assert not jsonschema_rs.is_valid(schema, value)


def test_a_record_needs_its_fields_and_lets_a_newer_daemon_add_some():
    schema = record(a=TEXT, optional={"b": maybe(list_of(choice("x", "y")))})
    for good in ({"a": ""}, {"a": "", "b": None}, {"a": "", "b": ["x"]}, {"a": "", "new": 1}):
        jsonschema_rs.validate(schema, good)
    for bad in ({}, {"a": 1}, {"a": "", "b": ["z"]}, []):
        assert not jsonschema_rs.is_valid(schema, bad)
    assert not jsonschema_rs.is_valid(closed(schema), {"a": "", "new": 1})


def test_a_map_judges_every_value():
    assert jsonschema_rs.is_valid(map_of(TEXT), {"any": "text"})
    assert not jsonschema_rs.is_valid(map_of(TEXT), {"any": 1})
