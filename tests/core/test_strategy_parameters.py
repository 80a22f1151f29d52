"""Parameters: typed, bounded, and a sentence that names the setting."""

import attrs
import pytest

from traderd.core.strategy_parameters import (
    changed,
    doc_of,
    is_tunable,
    read_parameters,
    setting,
    tunable,
    tunable_names,
)
from traderd.errors import BadInput
from traderd.model.units import parse_price


@attrs.frozen(kw_only=True)
class Parameters:
    count: int = tunable(5, ge=1, le=9, doc="How many.")
    share: float = tunable(0.5, gt=0.0, lt=1.0)
    price: str = setting("0.10", check=parse_price)
    loud: bool = False
    names: tuple[str, ...] = ()


PREFIX = "strategies.mine."


def read(**values):
    return read_parameters(Parameters, values, prefix=PREFIX)


def test_texts_become_what_the_class_says():
    made = read(count="7", share="0.25", loud="true", names=["a", "b"])
    assert made == Parameters(count=7, share=0.25, loud=True, names=("a", "b"))
    assert read() == Parameters()


@pytest.mark.parametrize(
    ("values", "sentence"),
    [
        ({"count": 0}, "strategies.mine.count must be at least 1, not 0"),
        ({"count": 10}, "strategies.mine.count must be at most 9, not 10"),
        ({"share": 0}, "strategies.mine.share must be above 0.0, not 0.0"),
        ({"share": 1}, "strategies.mine.share must be below 1.0, not 1.0"),
        ({"count": "many"}, "strategies.mine.count: Expected `int`, got `str`"),
        ({"loud": 7}, "strategies.mine.loud: Expected `bool`, got `int`"),
        ({"price": "2"}, "strategies.mine.price: price 2 is not between $0 and $1"),
        ({"cout": 1}, "strategies.mine.cout does not exist; known are: count, share, price"),
    ],
)
def test_what_cannot_be_is_told_with_the_setting(values, sentence):
    with pytest.raises(BadInput) as caught:
        read(**values)
    assert str(caught.value).startswith(sentence)


def test_only_what_is_marked_can_be_changed_live():
    before = Parameters(count=3)
    assert changed(before, "count", "4", prefix=PREFIX) == Parameters(count=4)
    assert before.count == 3
    assert tunable_names(Parameters) == ("count", "share")
    with pytest.raises(BadInput, match=r"those that can: count, share"):
        changed(before, "price", "0.20", prefix=PREFIX)
    with pytest.raises(BadInput, match=r"strategies.mine.count must be at most 9"):
        changed(before, "count", "90", prefix=PREFIX)


def test_a_field_has_a_line_of_help():
    fields = attrs.fields(Parameters)
    assert doc_of(fields.count) == "How many."
    assert (is_tunable(fields.count), is_tunable(fields.loud)) == (True, False)
