"""The tree of exceptions is the one its docstring draws, and each message says what a person needs."""

import inspect
import re

import pytest

from traderd import errors
from traderd.errors import ExchangeRefused, IllegalTransition, TraderdError, UnitError

_TREE_LINE = re.compile(r"^(?P<rails>[│├└─ ]*)(?P<name>[A-Z]\w+)(?:\s{2,}\S|$)")
_RAIL_CHARACTERS = 4


def parents_drawn(docstring: str) -> dict[str, str | None]:
    """Return child -> parent as drawn with box characters."""
    drawn: dict[str, str | None] = {}
    path: list[str] = []
    for line in docstring.splitlines():
        found = _TREE_LINE.match(line)
        if found is None:
            continue
        depth = len(found["rails"]) // _RAIL_CHARACTERS
        del path[depth:]
        drawn[found["name"]] = path[-1] if path else None
        path.append(found["name"])
    return drawn


def test_the_docstring_draws_the_tree_that_the_classes_form():
    classes = {
        name: member
        for name, member in vars(errors).items()
        if inspect.isclass(member) and issubclass(member, TraderdError)
    }
    real = {
        name: None if member is TraderdError else member.__bases__[0].__name__
        for name, member in classes.items()
    }
    assert parents_drawn(errors.__doc__ or "") == real


def test_a_wrong_drawing_would_be_noticed():
    drawn = parents_drawn("TraderdError\n├── ConfigError   the operator's\n└── Other   x\n")
    assert drawn == {"TraderdError": None, "ConfigError": "TraderdError", "Other": "TraderdError"}


def test_every_exception_says_whose_fault_it_is_in_the_tree():
    for line in (errors.__doc__ or "").splitlines():
        found = _TREE_LINE.match(line)
        if found is not None and found["name"] != "TraderdError":
            assert re.search(r"(operator|caller|their|theirs|network|nobody|disk|ours)", line), line


@pytest.mark.parametrize(
    ("code", "details", "expected"),
    [
        (
            "invalid_price",
            "",
            "the exchange refused with HTTP 400 invalid_price: price is off grid",
        ),
        ("", "tick", "the exchange refused with HTTP 400 no code: price is off grid (tick)"),
    ],
)
def test_a_refusal_reads_as_a_sentence(code, details, expected):
    refused = ExchangeRefused(status=400, code=code, message="price is off grid", details=details)
    assert str(refused) == expected
    assert (refused.status, refused.code, refused.details) == (400, code, details)


def test_a_refusal_without_any_words_still_names_the_status():
    assert "HTTP 502" in str(ExchangeRefused(status=502, code="", message=""))


def test_bad_input_is_a_value_error_and_an_illegal_step_is_a_defect_of_ours():
    assert issubclass(UnitError, ValueError)
    assert issubclass(IllegalTransition, errors.InvariantViolation)
    assert not issubclass(errors.InvariantViolation, ValueError)
