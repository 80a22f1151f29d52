"""Commands on the pure venue end as they do in the daemon: gate, intent, answer, record."""

import attrs
import pytest

pytest.importorskip("gymnasium", reason="the extra `rl` is not installed")

from traderd.errors import BadInput
from traderd.gym.defaults import DAEMON_LIMITS
from traderd.gym.session import MarketSession, one_market
from traderd.model.commands import AmendOrder, Answer, CancelOrder, DecreaseOrder, Pause
from traderd.model.orders import OrderStatus, Side, TimeInForce
from traderd.model.units import Count, Price, parse_count
from traderd.paper.scenario import default_scenario
from traderd.plugin_api import place

MARKET = one_market(default_scenario(), default_scenario().markets[0].ticker)


@pytest.fixture
def world():
    return MarketSession(MARKET, seed=1, rate=1.0)


def order(world, side=Side.BID, price=None, count=500, **terms):
    """Place one order, at the best price unless told otherwise; returns the outcome."""
    seen = world.observe()
    best = seen.bid if side is Side.BID else seen.ask
    command = place(
        ticker=world.ticker, side=side, price=Price(price or best), count=Count(count), **terms
    )
    (outcome,) = world.send([command])
    return outcome


def mine(world):
    (one,) = world.observe().orders
    return one


def test_an_order_rests_at_the_exchange_and_in_the_observation(world):
    assert order(world).answer is Answer.DONE
    (there,) = world.venue.orders("policy")
    resting = mine(world)
    assert (resting.price, resting.remaining) == (there.price, there.remaining_count)
    assert resting.status is OrderStatus.RESTING
    assert there.client_order_id == resting.key


def test_a_taken_order_fills_and_is_charged(world):
    outcome = order(world, price=world.observe().ask, time_in_force=TimeInForce.IMMEDIATE_OR_CANCEL)
    assert outcome.answer is Answer.DONE
    seen = world.observe()
    assert (seen.position, seen.orders) == (500, ())
    assert seen.fees_paid == world.venue.fills("policy")[0].fee > 0


def test_what_the_gate_denies_never_reaches_the_exchange():
    limits = attrs.evolve(DAEMON_LIMITS, max_order_count=parse_count("4"))
    world = MarketSession(MARKET, seed=1, rate=1.0, limits=limits)
    outcome = order(world)
    assert (outcome.answer, outcome.rule) == (Answer.DENIED, "size")
    assert world.venue.orders("policy") == []
    assert world.desk.denied == 1
    assert world.view.denials == {"size": 1}


def test_a_refusal_of_the_exchange_is_a_rejected_order(world):
    outcome = order(world, price=world.observe().ask, post_only=True)
    assert (outcome.answer, outcome.rule) == (Answer.REJECTED, "post_only_cross")
    assert world.observe().orders == ()


def test_a_cancel_frees_and_a_second_one_finds_nothing(world):
    order(world)
    cancelled = CancelOrder(key=mine(world).key)
    assert [one.answer for one in world.send([cancelled])] == [Answer.DONE]
    assert world.observe().orders == ()
    assert [one.answer for one in world.send([cancelled])] == [Answer.DENIED]
    assert world.venue.balance("policy").reserved == 0


def test_an_amend_moves_the_order_and_keeps_its_key(world):
    order(world)
    before = mine(world)
    lower = Price(before.price - 100)
    (outcome,) = world.send([AmendOrder(key=before.key, price=lower, count=Count(700))])
    after = mine(world)
    assert outcome.answer is Answer.DONE
    assert (after.key, after.price, after.count, after.changing) == (before.key, lower, 700, False)
    (nothing,) = world.send([AmendOrder(key=before.key, price=lower)])
    assert nothing.answer is Answer.DENIED


def test_an_amend_past_a_limit_is_denied(world):
    order(world)
    (outcome,) = world.send([AmendOrder(key=mine(world).key, count=parse_count("101"))])
    assert outcome.answer is Answer.DENIED
    assert mine(world).count == 500


def test_a_decrease_makes_it_smaller(world):
    order(world)
    (outcome,) = world.send([DecreaseOrder(key=mine(world).key, to=Count(200))])
    assert outcome.answer is Answer.DONE
    assert mine(world).remaining == 200
    (again,) = world.send([DecreaseOrder(key=mine(world).key, to=Count(200))])
    assert again.answer is Answer.DENIED


def test_a_strategy_cannot_give_a_persons_command(world):
    with pytest.raises(BadInput, match="places, changes and cancels"):
        world.send([Pause(reason="no")])


def test_what_frees_room_is_sent_first(world):
    order(world)
    taken = place(
        ticker=world.ticker,
        side=Side.ASK,
        price=world.observe().bid,
        count=Count(500),
        time_in_force=TimeInForce.IMMEDIATE_OR_CANCEL,
    )
    # Judged first, the sale would meet our own bid.
    answers = world.send([taken, CancelOrder(key=mine(world).key)])
    assert [one.answer for one in answers] == [Answer.DONE, Answer.DONE]
