"""Commands are asks, not facts: frozen, their own list, and each gets one answer."""

import typing

import attrs
import pytest

from traderd.errors import BadInput
from traderd.model import commands, events
from traderd.model.commands import Answer, Outcome
from traderd.model.ids import MarketTicker
from traderd.model.orders import Attribution, OrderOwner, OrderTerms, Side
from traderd.model.units import Count, Price, Timestamp

COMMANDS = typing.get_args(commands.Command)


def test_the_union_lists_every_command_of_the_module():
    here = [
        member
        for member in vars(commands).values()
        if isinstance(member, type) and attrs.has(member) and member.__module__ == commands.__name__
    ]
    own = [one for one in COMMANDS if one.__module__ == commands.__name__]
    assert sorted(here, key=str) == sorted([*own, Outcome], key=str)


def test_no_name_is_both_a_command_and_an_event():
    assert [one.__name__ for one in COMMANDS if hasattr(events, one.__name__)] == []


@pytest.mark.parametrize("command", COMMANDS)
def test_a_command_is_frozen_and_has_no_time_of_its_own(command):
    assert "at" not in attrs.fields_dict(command)
    instance = object.__new__(command)
    with pytest.raises(attrs.exceptions.FrozenInstanceError):
        instance.anything = 1


@pytest.mark.parametrize("answer", Answer)
def test_only_a_done_command_is_ok(answer):
    assert Outcome(answer=answer, sentence="").ok is (answer is Answer.DONE)


@pytest.mark.parametrize("answer", Answer)
def test_an_answer_is_one_lower_case_word_for_programs(answer):
    assert answer.value == answer.name.lower()


TERMS = OrderTerms(ticker=MarketTicker("T"), side=Side.BID, price=Price(100), count=Count(100))
PERSON = Attribution(owner=OrderOwner.PERSON)
NAN = float("nan")


@pytest.mark.parametrize(
    "make",
    [
        lambda: attrs.evolve(TERMS, count=NAN),
        lambda: attrs.evolve(TERMS, price=NAN),
        lambda: attrs.evolve(TERMS, count=1.5),
        lambda: attrs.evolve(TERMS, count="100"),
        lambda: attrs.evolve(TERMS, price=None),
        lambda: attrs.evolve(TERMS, count=-1),
        lambda: commands.AmendOrder(key="k"),
        lambda: commands.AmendOrder(key="k", price=NAN),
        lambda: commands.AmendOrder(key="k", price=Price(10_000)),
        lambda: commands.AmendOrder(key="k", count=Count(0)),
        lambda: commands.AmendOrder(key="k", count=NAN),
        lambda: commands.DecreaseOrder(key="k"),
        lambda: commands.DecreaseOrder(key="k", by=Count(1), to=Count(1)),
        lambda: commands.DecreaseOrder(key="k", by=Count(-1)),
        lambda: commands.DecreaseOrder(key="k", to=NAN),
        lambda: commands.PlaceOrders(orders=()),
        lambda: commands.PlaceOrder(terms=TERMS, attribution=PERSON, expires_in_s=0),
        lambda: commands.PlaceOrder(terms=TERMS, attribution=PERSON, expires_in_s=NAN),
        lambda: commands.PlaceOrder(terms=TERMS, attribution=PERSON, expires_in_s=10**18),
        lambda: commands.PlaceOrder(
            terms=attrs.evolve(TERMS, expires_at=Timestamp(10**18)),
            attribution=PERSON,
            expires_in_s=5,
        ),
    ],
)
def test_what_no_order_can_be_is_refused_where_it_is_made(make):
    """Row X11: what a plugin returns is judged at the boundary."""
    with pytest.raises(BadInput):
        make()
