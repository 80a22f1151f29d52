import typing

import attrs
import pytest

from tests.services.still_daemon import MARKET, still_daemon
from traderd.errors import BadInput
from traderd.model import commands as cm
from traderd.model import events as ev
from traderd.model.commands import Command
from traderd.model.events import Author, Event
from traderd.model.ids import StrategyName
from traderd.model.orders import Attribution, OrderOwner, OrderTerms, Side
from traderd.model.strategy_commands import ReleaseStrategy
from traderd.model.units import Count, Price
from traderd.services.plugin_contract import Contract

OWNERS = {"maker": "mine", "taker": "other"}
TERMS = OrderTerms(ticker=MARKET, side=Side.BID, price=Price(4_500), count=Count(500))
PERSON = Attribution(owner=OrderOwner.PERSON)


def contract(daemon) -> Contract:
    return Contract(
        plugin="mine",
        view=daemon.view,
        owner_of_strategy=lambda strategy: OWNERS.get(strategy, strategy),
    )


def order(**facts) -> cm.PlaceOrder:
    return cm.PlaceOrder(**{"terms": TERMS, "attribution": PERSON, **facts})


def of(strategy: str | None) -> Attribution:
    name = None if strategy is None else StrategyName(strategy)
    return Attribution(owner=OrderOwner.STRATEGY, strategy=name)


async def test_of_all_events_a_plugin_publishes_only_news_of_its_own_parts(
    autojump_clock, tmp_path
):
    async with still_daemon(tmp_path) as daemon:
        one = contract(daemon)
        parts = (ev.DegradedRaised, ev.DegradedCleared)
        kinds = [kind for kind in typing.get_args(Event) if attrs.has(kind) and kind not in parts]
        assert len(kinds) > 50
        for kind in kinds:
            # Only the type counts, but for these two.
            event = kind.__new__(kind)
            assert f"may not publish {kind.__name__}" in one.refusal_of(event), kind
        own = ev.DegradedRaised(at=daemon.now(), part="mine: its source", reason="silent")
        assert one.refusal_of(own) == ""
        assert one.refusal_of(ev.DegradedCleared(at=daemon.now(), part="mine: its source")) == ""
        for part in ("mine", "recorder", "plugin:mine", "mine2: x", "other: x", ""):
            words = one.refusal_of(ev.DegradedCleared(at=daemon.now(), part=part))
            assert "its own begin with 'mine: '" in words, part


SENT = (
    cm.PlaceOrder, cm.PlaceOrders, cm.AmendOrder, cm.DecreaseOrder, cm.CancelOrder, cm.CancelOrders, cm.Pause, cm.Halt,
    cm.ClearHalt, cm.Flatten, cm.Kill, cm.DryRun, cm.Calibrate,
)  # fmt: skip
"""What a plugin may send; each new command is for persons until it is listed here and in the contract."""


async def test_every_other_command_is_for_persons(autojump_clock, tmp_path):
    async with still_daemon(tmp_path) as daemon:
        one = contract(daemon)
        kinds = [kind for kind in typing.get_args(Command) if kind not in SENT]
        assert {cm.Resume, cm.ConfirmLimits, cm.Reconcile, cm.Reload, ReleaseStrategy} <= {*kinds}
        for kind in kinds:
            with pytest.raises(BadInput, match=f"{kind.__name__} is sent by a person only"):
                one.signed(kind.__new__(kind))
        with pytest.raises(BadInput, match="Calibrate is sent by a person only"):
            one.signed(cm.Calibrate(accept_balance=True))
        assert one.signed(cm.Calibrate()) == cm.Calibrate()


@pytest.mark.parametrize(
    "command",
    [
        cm.Halt(reason="x", ticker=MARKET),
        cm.Pause(reason="x"),
        cm.Flatten(ticker=MARKET),
        cm.Kill(reason="x"),
    ],
)
async def test_what_stops_trading_goes_in_the_plugins_name(autojump_clock, tmp_path, command):
    async with still_daemon(tmp_path) as daemon:
        claimed = attrs.evolve(command, author=Author.PERSON, by="ann")
        signed = contract(daemon).signed(claimed)
        assert signed == attrs.evolve(command, author=Author.PLUGIN, by="mine")


async def test_a_worst_price_is_a_persons_word(autojump_clock, tmp_path):
    async with still_daemon(tmp_path) as daemon:
        for command in (cm.Flatten(at_worst=Price(100)), order(price_is_worst=True)):
            with pytest.raises(BadInput, match=r"the worst price of .* is named by a person only"):
                contract(daemon).signed(command)


async def test_its_orders_are_those_of_a_strategy_of_its_own(autojump_clock, tmp_path):
    async with still_daemon(tmp_path) as daemon:
        one = contract(daemon)
        assert one.signed(order()).attribution == of("mine")
        assert one.signed(order(attribution=of(None))).attribution == of("mine")
        assert one.signed(order(attribution=of("maker"))).attribution == of("maker")
        both = cm.PlaceOrders(orders=(order(), order(attribution=of("maker"))))
        assert [each.attribution for each in one.signed(both).orders] == [of("mine"), of("maker")]
        for theirs in (of("taker"), of("spread_maker")):
            with pytest.raises(BadInput, match="is not of this plugin"):
                one.signed(order(attribution=theirs))
            with pytest.raises(BadInput, match="is not of this plugin"):
                one.signed(cm.PlaceOrders(orders=(order(), order(attribution=theirs))))


async def test_it_makes_no_order_larger_that_is_not_its_own(autojump_clock, tmp_path):
    async with still_daemon(tmp_path) as daemon:
        one = contract(daemon)
        keys = {
            name: daemon.place(Side.BID, "1", "0.10", attribution=whose)
            for name, whose in (("person", PERSON), ("maker", of("maker")), ("taker", of("taker")))
        }

        def amend(name: str) -> cm.AmendOrder:
            return one.signed(cm.AmendOrder(key=keys[name], count=Count(200), attribution=PERSON))

        assert amend("maker").attribution == of("maker")
        with pytest.raises(BadInput, match="is of person, so this plugin may only cancel it"):
            amend("person")
        with pytest.raises(BadInput, match="the strategy taker is not of this plugin"):
            amend("taker")
        # What takes risk away may be said of any order.
        for command in (
            cm.CancelOrder(key=keys["person"]),
            cm.DecreaseOrder(key=keys["taker"], to=Count(50)),
            cm.CancelOrders(),
        ):
            assert one.signed(command) == command
        unknown = one.signed(cm.AmendOrder(key="gone", count=Count(200)))
        assert unknown.attribution == of("mine")


async def test_it_clears_its_own_halts_only(autojump_clock, tmp_path):
    async with still_daemon(tmp_path) as daemon:
        for halt_id, author, by in (
            ("kill", Author.PERSON, "ann"),
            ("breaker", Author.MACHINE, ""),
            ("plugin:other:account", Author.PLUGIN, "other"),
            ("plugin:mine:account", Author.PLUGIN, "mine"),
        ):
            daemon.publish(
                ev.HaltRaised(at=daemon.now(), halt_id=halt_id, author=author, by=by, reason="x")
            )
        one = contract(daemon)
        for halt_id in ("kill", "breaker", "plugin:other:account"):
            with pytest.raises(BadInput, match="was not raised by this plugin"):
                one.signed(cm.ClearHalt(halt_id=halt_id, author=Author.PERSON))
        own = one.signed(cm.ClearHalt(halt_id="plugin:mine:account"))
        assert (own.author, own.by) == (Author.PLUGIN, "mine")
