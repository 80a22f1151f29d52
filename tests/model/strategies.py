"""Hypothesis strategies for the nouns, made from their own type hints."""

import enum
import types
import typing
from typing import Any

import attrs
from hypothesis import strategies as st

from traderd.model import units
from traderd.model.market import LINEAR_CENT, PriceGrid
from traderd.model.orders import Fill, OrderTerms, TimeInForce

ORDER_PRICES = st.integers(1, units.ONE_DOLLAR - 1)
POSITIVE = st.integers(1, units.MAGNITUDE_MAX)
TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
PLAIN: dict[Any, st.SearchStrategy[Any]] = {
    str: TEXT,
    int: st.integers(-units.MAGNITUDE_MAX, units.MAGNITUDE_MAX),
    float: st.floats(allow_nan=False, allow_infinity=False),
    bool: st.booleans(),
    PriceGrid: st.just(LINEAR_CENT),
    types.NoneType: st.none(),
}


def of(hint: Any) -> st.SearchStrategy[Any]:
    """Return a strategy for a type hint of the model."""
    if hint in PLAIN:
        return PLAIN[hint]
    if isinstance(hint, typing.NewType):
        return of(hint.__supertype__)
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if origin in (typing.Union, types.UnionType):
        return st.one_of([of(one) for one in arguments])
    if origin is tuple and arguments[-1] is Ellipsis:
        return st.lists(of(arguments[0]), max_size=3).map(tuple)
    if origin is tuple:
        return st.tuples(*(of(one) for one in arguments))
    if issubclass(hint, enum.Enum):
        return st.sampled_from(list(hint))
    return record(hint)


def record(record_class: type[Any]) -> st.SearchStrategy[Any]:
    """Return a strategy for an attrs class or a msgspec struct."""
    hints = typing.get_type_hints(record_class)
    if attrs.has(record_class):
        names = [field.name for field in attrs.fields(record_class)]
    else:
        names = list(record_class.__struct_fields__)
    fields = {name: of(hints[name]) for name in names}
    if record_class in (Fill, OrderTerms):
        fields |= {"price": ORDER_PRICES, "count": POSITIVE}
    if record_class is OrderTerms:
        fields |= {
            "time_in_force": st.just(TimeInForce.GOOD_TILL_CANCELED),
            "reduce_only": st.just(False),
        }
    return st.builds(record_class, **fields)
