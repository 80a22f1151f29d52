"""Why no trade."""

from tests.core.builders import PERSON, second, terms
from traderd.core import risk_counters
from traderd.core.risk_counters import WhyNoTrade
from traderd.model.ids import StrategyName
from traderd.model.order_events import OrderDenied
from traderd.model.orders import Attribution, OrderOwner

MAKER = Attribution(owner=OrderOwner.STRATEGY, strategy=StrategyName("maker"))


def denied(rule: str, sentence: str, attribution=MAKER, *, at: float = 1) -> OrderDenied:
    return OrderDenied(
        at=second(at),
        terms=terms(),
        attribution=attribution,
        rule=rule,
        sentence=sentence,
        control="C1",
        number="101",
        limit="100",
    )


def test_each_strategy_and_rule_is_counted_with_the_last_sentence_and_moment():
    why = WhyNoTrade()
    why.note(denied("size", "first"))
    why.note(denied("size", "a person's", PERSON))
    why.note(denied("size", "second", at=3))
    found = [(one.owner, one.rule, one.count, one.sentence, one.at) for one in why.all()]
    assert found == [
        ("maker", "size", 2, "second", second(3)),
        ("person", "size", 1, "a person's", second(1)),
    ]
    assert [(one.control, one.number, one.limit) for one in why.all()] == [("C1", "101", "100")] * 2


def test_the_pairs_are_bounded(monkeypatch):
    monkeypatch.setattr(risk_counters, "PAIRS_KEPT_MAX", 2)
    why = WhyNoTrade()
    for rule in ("a", "b", "c"):
        why.note(denied(rule, "no"))
    assert [one.rule for one in why.all()] == ["c", "b"]
