"""State as rows and back: nothing changes on the way, and what was shared is shared."""

import enum
from collections import Counter, deque

import attrs
import pytest

from tests.core.builders import TICKER, contracts, fill, second
from traderd.core.position import Position
from traderd.core.state_rows import ITEMS_A_ROW, RowReader, write_rows
from traderd.errors import InvariantViolation
from traderd.model.orders import OrderStatus
from traderd.model.units import Count


def there_and_back(**fields: object) -> dict[str, object]:
    reader = RowReader()
    for row in write_rows({"part": fields}):
        reader.take(row)
    (name,) = reader.parts
    assert name == "part"
    return reader.parts[name]


@pytest.mark.parametrize(
    "value",
    [
        *(None, True, 0, -(2**62), 0.1, "", 'a "line"\nmore', "über"),
        *((), (1, ("a", None)), OrderStatus.RESTING, fill()),
        *([], [1, [2]], {}, {("t", "o"): None, "k": {"in": 1}}),
        *(Counter(a=2), deque([True, False], maxlen=3), deque(range(5))),
    ],
    ids=repr,
)
def test_a_value_comes_back_equal_and_of_its_class(value):
    back = there_and_back(value=value)["value"]
    assert back == value
    assert type(back) is type(value)
    assert getattr(back, "maxlen", None) == getattr(value, "maxlen", None)


@pytest.mark.parametrize("count", [ITEMS_A_ROW - 1, ITEMS_A_ROW, ITEMS_A_ROW + 1, 1_000])
def test_a_large_collection_is_spread_over_rows_and_keeps_its_order(count):
    by_number = {count - number: f"n{number}" for number in range(count)}
    rows = list(write_rows({"part": {"some": by_number, "more": list(range(count))}}))
    assert max(map(len, rows)) < 3_000
    back = there_and_back(some=by_number, more=list(range(count)))
    assert list(back["some"].items()) == list(by_number.items())
    assert back["more"] == list(range(count))


def test_what_two_hold_is_one_thing_afterwards():
    position = Position(TICKER, count=contracts(3))
    back = there_and_back(all={TICKER: position}, open=[position, position])
    (mine,) = back["all"].values()
    assert back["open"] == [mine, mine]
    mine.count = Count(0)
    assert back["open"][1].count == 0


def test_a_record_keeps_every_field():
    position = Position(TICKER, count=contracts(3))
    position.apply(fill(at=7))
    back = there_and_back(one=position)["one"]
    assert attrs.asdict(back) == attrs.asdict(position)
    assert back.last_fill_at == second(7)


class Colour(enum.Enum):
    RED = "red"


@pytest.mark.parametrize(
    ("value", "name"),
    [
        ({1, 2}, "builtins.set"),
        (b"raw", "builtins.bytes"),
        (Colour.RED, "test_state_rows:Colour"),
        ((Position(TICKER),), "traderd.core.position.Position"),
    ],
)
def test_what_a_row_cannot_hold_is_refused_by_name(value, name):
    with pytest.raises(InvariantViolation, match=f"cannot hold a .*{name}"):
        there_and_back(value=value)


@pytest.mark.parametrize(
    "line",
    [
        b"",
        b"[1,2]",
        b'["x",1,2]',
        b'["p","part",{"a":["z"]}]',
        b'["p","part",{"a":["r",0]}]',
        b'["p","part",{"a":["e","os:environ","PATH"]}]',
        b'["p","part",{"a":["e","traderd.core.position:Nobody","X"]}]',
        b'["r","traderd.core.position:Position",[1]]',
    ],
)
def test_a_damaged_row_is_refused_and_names_no_class_of_others(line):
    with pytest.raises((ValueError, LookupError, TypeError, AttributeError)):
        RowReader().take(line)
