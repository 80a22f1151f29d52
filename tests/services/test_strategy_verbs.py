import pytest

from traderd.errors import BadInput
from traderd.model.strategy_commands import ReleaseStrategy, SetStrategyParameter
from traderd.services.console_verbs import VERBS


def made(verb, **body):
    return VERBS[verb][0](body)


def test_the_bodies_become_commands():
    assert made("release-strategy", strategy="a", author="ann") == ReleaseStrategy(
        strategy="a", by="ann"
    )
    assert made("set-strategy-parameter", strategy="a", name="x", value="1") == (
        SetStrategyParameter(strategy="a", name="x", value="1")
    )


@pytest.mark.parametrize(
    "body", [{}, {"strategy": ""}, {"strategy": 5}, {"strategy": "a" * 201}], ids=str
)
def test_a_body_without_a_name_is_refused(body):
    with pytest.raises(BadInput, match="'strategy' must be a text of 1 to 200 characters"):
        made("release-strategy", **body)


def test_a_value_must_be_given_as_a_text():
    with pytest.raises(BadInput, match="'value' must be a text"):
        made("set-strategy-parameter", strategy="a", name="x", value=1)
