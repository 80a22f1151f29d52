import jsonschema_rs
import pytest

from traderd.errors import TraderdError
from traderd.services.console_verbs import VERBS, refuse_unknown
from traderd.services.verb_schemas import FIELDS, REQUIRED, SUMMARIES, verb_schemas

ORDER = {"ticker": "KXDEMO", "side": "bid", "price_dollars": "0.45", "count": "5"}
GOOD = {
    "place": ORDER,
    "place-orders": {"orders": [ORDER, ORDER]},
    "amend": {"key": "k1", "price_dollars": "0.46"},
    "decrease": {"key": "k1", "by": "1.5"},
    "cancel": {"key": "k1", "dry_run": True},
    "cancel-all": {"ticker": None, "strategy": "s"},
    "clear-halt": {"halt_id": "h", "author": "ann"},
    "flatten": {"at_worst_dollars": "0.01"},
    "kill": {"reason": "fire", "only_ours": True, "no_wait": True},
    "reset-strategy": {"strategy": "s"},
    "reconcile": {"adopt": ["position:A"], "ignore": []},
    "reload-plugin": {"plugin": "p"},
    "disable-plugin": {"plugin": "p"},
    "enable-plugin": {"plugin": "p"},
    "notify-mute": {"class": "money", "for_s": 60},
    "notify-unmute": {"class": "money"},
    "notify-ack": {"alerts": [1]},
    "set-strategy-parameter": {"strategy": "s", "name": "size", "value": "1"},
    "release-strategy": {"strategy": "s"},
}
"""A body that each verb takes; the others take an empty one."""

TOGETHER = [("place", "reduce_only"), ("reconcile", "adopt"), ("reconcile", "ignore")]
"""What a verb judges together with its other fields, which a schema does not say."""

BAD_VALUES = [0, 1.5, "", [], {}, True, "x" * 500]


def takes(verb, body):
    """Tell whether the daemon would parse the body."""
    parse, fields = VERBS[verb]
    try:
        refuse_unknown(body, fields)
        parse(body)
    except TraderdError:
        return False
    return True


def test_every_verb_says_what_it_does_and_every_field_is_described_somewhere():
    assert sorted(SUMMARIES) == sorted(VERBS)
    used = {name for _, fields in VERBS.values() for name in fields}
    assert used - {"orders"} == set(FIELDS)
    assert set(REQUIRED) <= set(VERBS)


@pytest.mark.parametrize("verb", VERBS)
def test_a_body_that_the_verb_takes_fits_its_schema(verb):
    body = GOOD.get(verb, {})
    assert takes(verb, body)
    jsonschema_rs.validate(verb_schemas()[verb], body)


@pytest.mark.parametrize("verb", REQUIRED)
def test_a_required_field_cannot_be_left_out_or_null(verb):
    for name in REQUIRED[verb]:
        without = {field: value for field, value in GOOD[verb].items() if field != name}
        for body in (without, {**without, name: None}):
            assert not takes(verb, body)
            assert not jsonschema_rs.is_valid(verb_schemas()[verb], body)


@pytest.mark.parametrize("verb", VERBS)
def test_a_field_that_a_verb_does_not_have_fits_neither(verb):
    body = {**GOOD.get(verb, {}), "no_such_field": 1}
    assert not takes(verb, body)
    assert not jsonschema_rs.is_valid(verb_schemas()[verb], body)


@pytest.mark.parametrize("verb", VERBS)
def test_whatever_fits_the_schema_is_parsed(verb):
    # The other way round does not hold: a parser also judges what no schema can say.
    schema = verb_schemas()[verb]
    for name in schema["properties"]:
        for value in BAD_VALUES:
            body = {**GOOD.get(verb, {}), name: value}
            if jsonschema_rs.is_valid(schema, body) and (verb, name) not in TOGETHER:
                assert takes(verb, body), (name, value)
