"""The sweep against a whole exchange: what it believes, what it repeats, and how long it takes."""

import random
from contextlib import asynccontextmanager
from functools import partial

import attrs
import msgspec
import pytest
import trio

from traderd.errors import AuthenticationRefused
from traderd.kalshi import order_reads
from traderd.kalshi import rest as rest_module
from traderd.kalshi.auth import parse_signer
from traderd.kalshi.kill import LOOK_S, QUIET_S, Sweep, named, sweep
from traderd.kalshi.rest import open_rest
from traderd.kalshi.rows import RowReading
from traderd.model.ids import ClientOrderId, MarketTicker
from traderd.model.orders import OrderStatus, OrderTerms, Side
from traderd.model.rows import RowKind, UnreadableRow
from traderd.model.units import Count, Price, parse_money
from traderd.paper.faults.faults import FaultRule
from traderd.paper.faults.plan import FaultKind
from traderd.paper.running import run_paper_exchange
from traderd.paper.scenario import default_scenario
from traderd.paper.settings import ExchangeSettings, Tier
from traderd.runtime.simulation import MemoryNetwork, SimEnv

TICKER = MarketTicker(default_scenario().markets[0].ticker)


def refusal(path: str, status: int) -> FaultRule:
    return FaultRule(kind=FaultKind.REFUSED, method="DELETE", path=path, status=status)


class Rig:
    """An exchange at the lowest tier, and a client of its one account."""

    def __init__(self, exchange, rest):
        self.exchange, self.rest = exchange, rest
        (self.account_id,) = exchange.venue.account_ids()
        self.told: list[str] = []

    def place(self, count: int, *, prefix: str = "by-hand", subaccount: int = 0) -> None:
        for number in range(count):
            terms = OrderTerms(ticker=TICKER, side=Side.BID, price=Price(100), count=Count(100))
            self.exchange.venue.create_order(
                self.account_id,
                terms,
                ClientOrderId(f"{prefix}-{number}"),
                self.exchange.now(),
                subaccount=subaccount,
            )
        self.exchange.settle()

    def resting(self) -> int:
        orders = self.exchange.venue.orders(self.account_id)
        return sum(order.status is OrderStatus.RESTING for order in orders)

    async def sweep(self, **options) -> Sweep:
        return await sweep(
            self.rest.for_kill(), rng=random.Random(1), tell=self.told.append, **options
        )


@asynccontextmanager
async def rig(tier: Tier = Tier.BASIC):
    network = MemoryNetwork()
    env = SimEnv(seed=1, network=network)
    listener, port = await env.listen("127.0.0.1", 9_000)
    async with trio.open_nursery() as nursery:
        exchange = await nursery.start(
            partial(
                run_paper_exchange,
                env=env,
                listener=listener,
                address=f"127.0.0.1:{port}",
                scenario=default_scenario(),
                seed=1,
                accounts={"ann": parse_money("1000.00")},
                flow_rate=0.0,
                settings=ExchangeSettings(tier=tier),
            )
        )
        credentials = exchange.accounts["ann"]
        signer = parse_signer(credentials.key_id, credentials.private_pem, source="the key")
        async with open_rest(env=env, base_url=exchange.rest_url, signer=signer) as rest:
            yield Rig(exchange, rest)
        nursery.cancel_scope.cancel()


async def test_a_hundred_orders_are_gone_and_verified_within_two_seconds_at_the_lowest_tier(
    autojump_clock,
):
    """200 tokens of a bucket of 100 that refills with 100 a second: one second, and the second reading."""
    async with rig() as world:
        world.place(100)
        started = trio.current_time()
        state = await world.sweep()
        assert 1.0 + QUIET_S <= trio.current_time() - started < 2.0
        assert (state.verified, state.found, state.cancelled, state.left) == (True, 100, 100, ())
        assert world.resting() == 0
        assert world.told[-1].startswith("verified: no order rests at the exchange")


async def test_an_empty_bucket_costs_one_second_more(autojump_clock):
    async with rig() as world:
        world.place(100)
        limits = world.exchange._rest._limits
        limits.take(world.account_id, 100, world.exchange.now(), is_write=True)
        started = trio.current_time()
        assert (await world.sweep()).verified
        assert trio.current_time() - started < 3.0


async def test_an_order_that_arrives_after_the_first_empty_reading_is_found(autojump_clock):
    """What left right before the latch: one empty reading proves nothing."""
    async with rig() as world, trio.open_nursery() as nursery:
        world.place(1)
        nursery.start_soon(_later, QUIET_S / 2, partial(world.place, 1, prefix="late"))
        state = await world.sweep()
        assert (state.found, world.resting()) == (2, 0)


async def _later(seconds, function):
    await trio.sleep(seconds)
    function()


async def test_a_reading_before_all_is_settled_does_not_count_and_says_what_is_waited_for(
    autojump_clock,
):
    async with rig() as world:
        started, progress = trio.current_time(), Sweep()
        asked = []

        def unsettled() -> str:
            asked.append(progress.problem)
            return "" if trio.current_time() > started + 5.0 else "order c1 is unknown"

        await world.sweep(unsettled=unsettled, progress=progress)
        assert trio.current_time() - started >= 5.0 + QUIET_S
        assert asked[5] == "order c1 is unknown"
        assert progress.problem == ""


async def test_one_order_that_cannot_be_cancelled_keeps_no_other_from_it(autojump_clock):
    """Batches are down, and the exchange refuses the newest order: the others go one by one."""
    async with rig() as world:
        world.place(30)
        newest = world.exchange.venue.orders(world.account_id)[-1].order_id
        world.exchange.faults.set_plan([
            refusal("/portfolio/events/orders/batched", 503),
            refusal(f"/portfolio/events/orders/{newest}", 400),
        ])
        progress = Sweep()
        with trio.move_on_after(2.5):
            await world.sweep(ours=lambda _: True, progress=progress)
        assert world.resting() == 1
        assert [record.order_id for record in progress.left] == [newest]
        assert newest in progress.problem


async def test_as_a_last_resort_the_exchange_is_told_to_cancel_everything(autojump_clock):
    async with rig() as world:
        world.place(2)
        world.exchange.faults.set_plan([
            refusal("/portfolio/events/orders/batched", 503),
            *(
                refusal(f"/portfolio/events/orders/{order.order_id}", 400)
                for order in world.exchange.venue.orders(world.account_id)
            ),
        ])
        with trio.fail_after(20):
            assert (await world.sweep()).verified
        assert world.resting() == 0
        assert any("as a last resort" in line for line in world.told)


async def test_an_order_that_is_listed_and_that_no_cancel_finds_ends_by_the_last_resort(
    autojump_clock,
):
    """Kalshi lists the orders of all subaccounts, and a cancel by id means the first."""
    async with rig() as world:
        venue, now = world.exchange.venue, world.exchange.now
        account = venue.account(world.account_id)
        venue.bank.open_subaccount(account, now())
        venue.bank.transfer(account, "t-1", 0, 1, parse_money("5"), now())
        world.place(2)
        world.place(1, subaccount=1, prefix="elsewhere")
        with trio.fail_after(20):
            assert (await world.sweep()).verified
        assert world.resting() == 0
        assert any("as a last resort" in line for line in world.told)


async def test_where_others_are_to_be_spared_there_is_no_such_resort(autojump_clock):
    async with rig() as world:
        world.place(1)
        world.place(1, prefix="ours")
        world.exchange.faults.set_plan([
            refusal("/portfolio/events/orders/batched", 503),
            *(
                refusal(f"/portfolio/events/orders/{order.order_id}", 400)
                for order in world.exchange.venue.orders(world.account_id)
            ),
        ])
        with trio.move_on_after(60):
            await world.sweep(ours=lambda record: record.client_order_id.startswith("ours"))
        assert world.resting() == 2


async def test_when_not_even_the_list_can_be_read_everything_is_cancelled_all_the_same(
    autojump_clock,
):
    async with rig() as world:
        world.place(3)
        world.exchange.faults.refuse_requests("/portfolio/orders", 503)
        with trio.move_on_after(10):
            await world.sweep()
        assert world.resting() == 0


async def test_an_outage_is_not_answered_with_a_flood(autojump_clock):
    """R7: what fails is tried again after pauses that grow, with jitter."""
    async with rig() as world:
        world.place(1)
        world.exchange.faults.set_plan([refusal("/portfolio/events/orders", 503)])
        statistics = world.rest.statistics()
        before = statistics.requests
        with trio.move_on_after(30):
            await world.sweep()
        sent = world.rest.statistics().requests - before
        assert 30 < sent < 200


async def test_a_row_that_cannot_be_read_is_cancelled_by_its_id_and_hides_no_other(
    autojump_clock, monkeypatch
):
    """R19, of orders: a word that we do not know in somebody else's order does not switch the kill off."""
    async with rig() as world:
        world.place(3)
        odd = world.exchange.venue.orders(world.account_id)[0].order_id
        real = order_reads.order_record_from_wire

        def read(wire):
            known = wire.order_id != odd
            return real(wire if known else msgspec.structs.replace(wire, status="dormant"))

        monkeypatch.setattr(order_reads, "ORDERS", attrs.evolve(order_reads.ORDERS, translate=read))
        with trio.fail_after(5):
            state = await world.sweep()
        assert (state.verified, state.found, world.resting()) == (True, 3, 0)
        assert any("cannot be read" in line and odd in line for line in world.told)


async def test_a_row_without_any_name_counts_as_everybodys(autojump_clock, monkeypatch):
    """Whoever says that nothing of ours rests must know it."""

    async def read_orders(*_):
        row = UnreadableRow(kind=RowKind.ORDER, key="row 0", words="row 0: what")
        return RowReading(rows=(), unreadable=(row,))

    async with rig() as world:
        monkeypatch.setattr(rest_module, "read_orders", read_orders)
        progress = Sweep()
        with trio.move_on_after(10):
            await world.sweep(ours=lambda _: False, progress=progress)
        assert not progress.verified
        assert "no id that can be read" in progress.problem


async def test_only_what_is_chosen_is_cancelled_and_the_rest_is_counted(autojump_clock):
    async with rig() as world:
        world.place(2)
        world.place(3, prefix="ours")
        state = await world.sweep(ours=lambda record: record.client_order_id.startswith("ours"))
        assert (state.found, state.spared, world.resting()) == (3, 2, 2)


async def test_while_another_cancels_it_only_reads(autojump_clock):
    async with rig() as world, trio.open_nursery() as nursery:
        world.place(2)

        def cancel_all():
            world.exchange.venue.cancel_all(world.account_id, None, world.exchange.now())
            world.exchange.settle()

        nursery.start_soon(_later, 1.0, cancel_all)
        state = await world.sweep(cancels=lambda _: False)
        assert (state.verified, state.cancelled, world.resting()) == (True, 0, 0)


async def test_whoever_must_cancel_by_itself_begins_at_once_and_not_at_the_next_reading(
    autojump_clock,
):
    async with rig() as world:
        world.place(2)
        began = trio.current_time()
        state = await world.sweep(cancels=lambda _: trio.current_time() - began > 0.25)
        assert (state.verified, state.cancelled) == (True, 2)
        assert state.moments["began_to_cancel"] - began < 0.25 + 2 * LOOK_S
        phases = ["listed", "began_to_cancel", "last_cancelled", "none_listed", "verified"]
        assert sorted(phases, key=state.moments.__getitem__) == phases


@pytest.mark.parametrize("fault", ["lost replies", "lost requests", "503", "500 with effect"])
async def test_whatever_happens_to_cancels_they_are_asked_again_until_the_list_is_empty(
    autojump_clock, fault
):
    """N1: an answer to a cancel is not believed, nor is its absence."""
    async with rig() as world:
        world.place(50)
        faults = world.exchange.faults
        path = "/portfolio/events/orders"
        if fault == "lost replies":
            faults.lose_reply_of_next("DELETE", path)
        elif fault == "lost requests":
            faults.lose_next_request("DELETE", path)
        elif fault == "500 with effect":
            faults.spoil_reply_of_next("DELETE", path, 500)
        else:
            faults.refuse_requests("/portfolio", 503)
        async with trio.open_nursery() as nursery:
            nursery.start_soon(_later, 3.0, faults.clear)
            with trio.fail_after(60):
                state = await world.sweep()
        assert state.verified
        assert world.resting() == 0
        assert state.problem == ""


async def test_a_key_that_is_not_taken_ends_it_at_once(autojump_clock):
    async with rig() as world:
        world.exchange.faults.refuse_requests("/portfolio", 401)
        with pytest.raises(AuthenticationRefused):
            await world.sweep()


def test_a_sentence_names_at_most_five_orders():
    assert named(["a"]) == "1 order (a)"
    assert named(list("abcdef")) == "6 orders (a, b, c, d, e, ...)"
