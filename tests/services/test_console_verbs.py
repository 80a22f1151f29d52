"""Verbs about orders: a body that is not exactly what a verb takes is refused, and nothing is sent."""

import pytest

from traderd.errors import BadInput
from traderd.model import commands as cm
from traderd.model.ids import StrategyName
from traderd.model.orders import OrderOwner
from traderd.model.units import Count, parse_price
from traderd.services.console_verbs import VERBS, refuse_unknown

PLACE = {"ticker": "T", "side": "bid", "count": "5", "price_dollars": "0.45"}
HUGE = str(10**18)


def parsed(verb: str, body: dict) -> cm.Command:
    parse, fields = VERBS[verb]
    refuse_unknown(body, fields)
    return parse(body)


@pytest.mark.parametrize(
    ("verb", "body", "command"),
    [
        (
            "amend",
            {"key": "k", "price_dollars": "0.46", "count": "7"},
            cm.AmendOrder(key="k", price=parse_price("0.46"), count=Count(700)),
        ),
        (
            "amend",
            {"key": "k", "price_dollars": "0.46", "count": None},
            cm.AmendOrder(key="k", price=parse_price("0.46")),
        ),
        ("decrease", {"key": "k", "by": "1.5"}, cm.DecreaseOrder(key="k", by=Count(150))),
        ("decrease", {"key": "k", "to": "2"}, cm.DecreaseOrder(key="k", to=Count(200))),
        (
            "reconcile",
            {"adopt": ["balance"], "ignore": ["position:A"], "author": "ann"},
            cm.Reconcile(adopt=("balance",), ignore=("position:A",), by="ann"),
        ),
        (
            "reconcile",
            {"adopt": ["all"], "dry_run": True},
            cm.DryRun(of=cm.Reconcile(adopt=("all",))),
        ),
        ("reset-strategy", {"strategy": "m"}, cm.ResetStrategy(strategy=StrategyName("m"))),
    ],
)
def test_a_verb_becomes_its_command(verb, body, command):
    assert parsed(verb, body) == command


def test_an_order_may_have_a_time_to_live():
    command = parsed("place", {**PLACE, "expires_in_s": 900})
    assert isinstance(command, cm.PlaceOrder)
    assert command.expires_in_s == 900
    assert parsed("place", {**PLACE, "expires_in_s": None}) == parsed("place", PLACE)


def test_several_orders_are_several_orders_of_a_person():
    command = parsed("place-orders", {"orders": [PLACE, {**PLACE, "side": "ask"}]})
    assert isinstance(command, cm.PlaceOrders)
    assert [order.terms.side.value for order in command.orders] == ["bid", "ask"]
    assert {order.attribution.owner for order in command.orders} == {OrderOwner.PERSON}


PLACE_FAULTS = [
    ({"count": "0"}, "an order needs a count above 0"),
    ({"count": "-1"}, "an order needs a count above 0"),
    ({"count": "NaN"}, "count is not a plain decimal number: 'NaN'"),
    ({"count": "Infinity"}, "count is not a plain decimal number: 'Infinity'"),
    ({"count": HUGE}, f"count {HUGE} is too large"),
    ({"count": float("nan")}, "'count' must be a text that is not empty"),
    ({"price_dollars": "NaN"}, "price_dollars is not a plain decimal number: 'NaN'"),
    ({"price_dollars": "-0.1"}, "price_dollars -0.1 is not between $0 and $1"),
    ({"price_dollars": HUGE}, "is too large"),
    ({"expires_in_s": 0}, "expires_in_s must be a whole number of seconds from 1"),
    ({"expires_in_s": -5}, "expires_in_s must be a whole number of seconds from 1"),
    ({"expires_in_s": 10**18}, "expires_in_s must be a whole number of seconds from 1"),
    ({"expires_in_s": 1.5}, "'expires_in_s' must be a whole number of seconds"),
    ({"expires_in_s": True}, "'expires_in_s' must be a whole number of seconds"),
    ({"expires_in_s": "60"}, "'expires_in_s' must be a whole number of seconds"),
    (
        {"expires_in_s": 60, "time_in_force": "immediate_or_cancel"},
        "only a good_till_canceled order can have a time to live",
    ),
    ({"reduce_only": True}, "reduce_only needs immediate_or_cancel"),
    ({"expires_in": 60}, "there is no field 'expires_in'"),
]


@pytest.mark.parametrize(("change", "sentence"), PLACE_FAULTS, ids=str)
def test_a_bad_order_is_refused_alone_and_in_a_list(change, sentence):
    with pytest.raises(BadInput) as alone:
        parsed("place", {**PLACE, **change})
    assert sentence in str(alone.value)
    with pytest.raises(BadInput) as listed:
        parsed("place-orders", {"orders": [PLACE, {**PLACE, **change}]})
    assert str(listed.value).startswith("order 2 of the list: ")
    assert sentence in str(listed.value)
    assert str(listed.value).endswith("none was placed")


@pytest.mark.parametrize(
    ("verb", "body", "sentence"),
    [
        ("amend", {"key": "k"}, "name a new price, a new count, or both"),
        ("amend", {"price_dollars": "0.45"}, "'key' must be a text that is not empty"),
        ("amend", {"key": "k", "count": "0"}, "an order needs a count above 0"),
        ("amend", {"key": "k", "count": "-2"}, "an order needs a count above 0"),
        ("amend", {"key": "k", "count": "NaN"}, "count is not a plain decimal number"),
        ("amend", {"key": "k", "count": HUGE}, "is too large"),
        ("amend", {"key": "k", "count": 5}, "'count' must be in quotes, as \"5\""),
        ("pause", {"reason": "x" * 201}, "'reason' must be a text of 1 to 200 characters"),
        ("halt", {"reason": "  "}, "'reason' must be a text of 1 to 200 characters"),
        ("amend", {"key": "k", "price_dollars": "0"}, "an order price lies between $0 and $1"),
        ("amend", {"key": "k", "price_dollars": "1"}, "an order price lies between $0 and $1"),
        ("amend", {"key": "k", "price_dollars": "NaN"}, "is not a plain decimal number"),
        ("amend", {"key": "k", "side": "ask"}, "there is no field 'side'"),
        ("decrease", {"key": "k"}, "say by how many contracts or to how many, not both"),
        (
            "decrease",
            {"key": "k", "by": "1", "to": "1"},
            "say by how many contracts or to how many",
        ),
        ("decrease", {"key": "k", "by": "0"}, "an order needs a decrease above 0"),
        ("decrease", {"key": "k", "by": "-1"}, "an order needs a decrease above 0"),
        ("decrease", {"key": "k", "to": "0"}, "an order needs a count above 0"),
        ("decrease", {"key": "k", "to": "NaN"}, "to is not a plain decimal number"),
        ("decrease", {"key": "k", "to": HUGE}, "is too large"),
        ("reset-strategy", {}, "'strategy' must be a text that is not empty"),
        ("place-orders", {}, "'orders' must be a list of orders that is not empty"),
        ("place-orders", {"orders": []}, "'orders' must be a list of orders that is not empty"),
        ("place-orders", {"orders": {}}, "'orders' must be a list of orders that is not empty"),
        ("place-orders", {"orders": [3]}, "order 1 of the list is not a JSON object"),
        ("place-orders", {"orders": [PLACE] * 101}, "place at most 100 orders at a time, not 101"),
    ],
    ids=str,
)
def test_a_bad_body_is_refused_with_a_sentence(verb, body, sentence):
    with pytest.raises(BadInput) as refused:
        parsed(verb, body)
    assert sentence in str(refused.value)


@pytest.mark.parametrize(
    "body", [{}, {"adopt": "all"}, {"adopt": [""]}, {"adopt": ["x" * 101]}, {"ignore": [7]}]
)
def test_a_decision_that_names_nothing_or_something_odd_is_refused(body):
    with pytest.raises(BadInput):
        parsed("reconcile", body)
