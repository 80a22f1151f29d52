"""Rules of plugins: what they see, and that a broken one denies in its own name."""

import attrs
import pytest

from tests.core.builders import contracts, price, ready_engine, terms
from tests.core.test_risk import proposal
from traderd.core.plugin_rules import OrderQuestion, RiskRule, ask_plugins
from traderd.model.orders import Side


def no(question: OrderQuestion) -> str:
    return f"no {question.terms.side.value} today"


def broken(_: OrderQuestion) -> str | None:
    raise KeyError("oops")


ALLOWS = RiskRule(name="allows", check=lambda _: None)
DENIES = RiskRule(name="denies", check=no)
BREAKS = RiskRule(name="breaks", check=broken)


def test_the_first_rule_that_denies_answers_in_its_own_name():
    denied = ask_plugins([ALLOWS, DENIES, BREAKS], proposal())
    assert denied is not None
    assert denied.words == "denied by rule denies: no bid today [plugin]"
    assert ask_plugins([ALLOWS], proposal()) is None


def test_a_rule_that_fails_denies_and_is_named():
    denied = ask_plugins([BREAKS], proposal())
    assert denied is not None
    assert (denied.rule, denied.sentence) == (
        "breaks",
        "the rule failed, so nothing passes it: KeyError: 'oops'; mend or remove the plugin",
    )


def test_no_plugin_can_keep_a_position_open():
    assert ask_plugins([DENIES, BREAKS], proposal(position=contracts(-10))) is None


def test_a_question_shows_best_prices_and_cannot_be_changed():
    seen: list[OrderQuestion] = []
    spy = RiskRule(name="spy", check=lambda question: seen.append(question))
    ask_plugins([spy], proposal(position=contracts(3)))
    (question,) = seen
    assert (question.top.bid, question.top.ask) == (price("0.45"), price("0.55"))
    assert question.position == contracts(3)
    with pytest.raises(attrs.exceptions.FrozenInstanceError):
        question.position = contracts(4)  # type: ignore[misc]


def test_the_gate_asks_them_after_its_own_rules():
    engine = ready_engine()
    engine.risk.rules = (DENIES,)
    assert engine.judge(terms(count=101)).rule == "size"
    assert engine.judge(terms()).rule == "denies"
    assert engine.judge(terms(Side.ASK, "0.60")).sentence == "no ask today"
