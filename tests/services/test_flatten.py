"""Flatten against a whole exchange: no positions, never the other side, and a sentence for what is left."""

import attrs
import pytest
import trio

from tests.services.test_kill import place_foreign
from tests.simulation.harness import (
    TICKERS,
    order_terms,
    simulated_daemon,
    simulated_exchange,
)
from traderd.core.closing import plan_close
from traderd.core.view import StateView
from traderd.model.commands import (
    Answer,
    Calibrate,
    CancelOrders,
    ClearHalt,
    DryRun,
    Flatten,
    Kill,
    Outcome,
    Pause,
    PlaceOrder,
    Resume,
    denied,
)
from traderd.model.events import BookGrade
from traderd.model.ids import StrategyName
from traderd.model.orders import Attribution, OrderOwner, OrderStatus, Side, TimeInForce
from traderd.model.units import Price, Timestamp, parse_price
from traderd.services import flatten

A, B = TICKERS[0], TICKERS[1]


def held(simulated, ticker: str = A) -> int:
    """Return what the exchange says is held, in contracts."""
    positions = simulated.exchange.venue.positions(simulated.account_id)
    return sum(position.count for position in positions if position.ticker == ticker) // 100


async def hold(simulated, count: str, ticker: str = A, *, side: str = "bid") -> None:
    bid, ask = simulated.touch(ticker)
    assert (await simulated.place(side, count, ask if side == "bid" else bid, ticker=ticker)).ok
    await simulated.wait_until(lambda: simulated.view.position(ticker) is not None)


def ours(simulated, side: Side) -> list:
    orders = simulated.exchange.venue.orders(simulated.account_id)
    return [order for order in orders if order.side is side]


async def test_long_and_short_positions_end_and_their_orders_before_them(tmp_path, autojump_clock):
    async with simulated_daemon(tmp_path) as simulated:
        await hold(simulated, "5")
        await hold(simulated, "3", B, side="ask")
        await simulated.place("bid", "2", "0.0100")
        assert (held(simulated), held(simulated, B)) == (5, -3)
        outcome = await simulated.send(Flatten(by="ann"))
        assert outcome.ok, outcome.sentence
        assert "the account is flat (1 order ended, verified at the exchange, 2 positions" in (
            outcome.sentence
        )
        assert (held(simulated), held(simulated, B)) == (0, 0)
        assert simulated.view.own_live_orders() == ()
        assert simulated.view.conditions.paused == "flatten"
        denied = await simulated.place("bid", "1", "0.0100")
        assert "trading is paused: flatten" in denied.sentence
        assert (await simulated.send(Resume())).ok
        assert (await simulated.place("bid", "1", "0.0100")).ok


async def test_every_closing_order_is_reduce_only_and_immediate(tmp_path, autojump_clock):
    async with simulated_daemon(tmp_path, risk__max_order_contracts="4") as simulated:
        await hold(simulated, "4")
        await hold(simulated, "3")
        await simulated.wait_until(lambda: held(simulated) == 7)
        assert (await simulated.send(Flatten())).ok
        closing = [
            order.terms
            for order in simulated.view.recent_orders(50)
            if order.side is Side.ASK and order.terms is not None
        ]
        assert [terms.count for terms in closing] == [300, 400]
        for terms in closing:
            assert terms.reduce_only
            assert terms.time_in_force is TimeInForce.IMMEDIATE_OR_CANCEL


async def test_the_price_goes_through_the_book_as_far_as_the_collar_and_no_further(
    tmp_path, autojump_clock
):
    async with simulated_daemon(tmp_path, risk__price_collar_dollars="0.05") as simulated:
        await hold(simulated, "5")
        bid, _ = simulated.touch()
        # Nobody bids at the touch any more, nor within the collar.
        low = parse_price(bid) - parse_price("0.10")
        outcome = None
        async with trio.open_nursery() as nursery:

            async def run() -> None:
                nonlocal outcome
                outcome = await simulated.send(Flatten(ticker=A))

            # Each time before the order arrives, the street takes what it could have hit.
            real = simulated.exchange.venue.create_order

            def late(account_id, terms, *args, **kwargs):
                bids, _ = simulated.exchange.venue.book(A)
                for price, _ in bids:
                    if price > low:
                        simulated.exchange.venue.street.take(
                            A, Side.ASK, price, 10**9, simulated.exchange.now()
                        )
                return real(account_id, terms, *args, **kwargs)

            simulated.exchange.venue.create_order = late
            nursery.start_soon(run)
        assert outcome.answer is Answer.UNKNOWN
        assert f"+5 of {A} are left: nothing was filled at" in outcome.sentence
        assert "beyond the collar: name --at-worst to take it" in outcome.sentence
        assert held(simulated) == 5
        prices = [order.price for order in ours(simulated, Side.ASK)]
        assert min(prices) == parse_price(bid) - parse_price("0.05")
        assert len(prices) <= flatten.ATTEMPTS_MAX


async def test_a_market_without_bids_says_so(tmp_path, autojump_clock):
    async with simulated_daemon(tmp_path) as simulated:
        await hold(simulated, "5")
        simulated.trade_through("ask", "0.0100")
        await trio.sleep(1.0)
        outcome = await simulated.send(Flatten())
        assert outcome.answer is Answer.UNKNOWN
        assert (
            f"the account is not flat: +5 of {A} are left: nobody bids in {A}" in outcome.sentence
        )
        assert held(simulated) == 5


async def test_a_paused_exchange_and_a_closed_market_say_so(tmp_path, autojump_clock):
    async with simulated_daemon(tmp_path) as simulated:
        await hold(simulated, "5")
        simulated.exchange.venue.pauses.begin(simulated.exchange.now(), whole_exchange=True)
        simulated.exchange.settle()
        outcome = await simulated.send(Flatten(ticker=A))
        assert outcome.answer is Answer.UNKNOWN
        assert f"+5 of {A} are left" in outcome.sentence
        assert "paused" in outcome.sentence
        assert held(simulated) == 5


async def test_part_fills_are_counted_and_the_rest_is_asked_for_anew(tmp_path, autojump_clock):
    async with simulated_daemon(tmp_path) as simulated:
        await hold(simulated, "5")
        real = simulated.exchange.venue.create_order
        seen = []

        def thin(account_id, terms, *args, **kwargs):
            seen.append(terms)
            bids, _ = simulated.exchange.venue.book(A)
            at_touch = bids[0][1]
            if len(seen) == 1 and at_touch > 200:
                # All but two contracts of the touch are gone when the order arrives.
                simulated.exchange.venue.street.take(
                    A, Side.ASK, bids[0][0], at_touch - 200, simulated.exchange.now()
                )
            return real(account_id, terms, *args, **kwargs)

        simulated.exchange.venue.create_order = thin
        outcome = await simulated.send(Flatten())
        assert outcome.ok, outcome.sentence
        assert held(simulated) == 0
        assert [terms.count for terms in seen][:2] == [500, 300]


async def test_an_unknown_outcome_is_found_out_about_before_the_next_order_leaves(
    tmp_path, autojump_clock
):
    """N1: the reply of the closing order is lost; closing again blindly would turn the position."""
    async with simulated_daemon(tmp_path) as simulated:
        await hold(simulated, "5")
        simulated.exchange.faults.lose_reply_of_next("POST", "/portfolio/events/orders")
        outcome = await simulated.send(Flatten())
        simulated.exchange.faults.clear()
        assert held(simulated) == 0
        assert outcome.ok, outcome.sentence
        assert len(ours(simulated, Side.ASK)) == 1


async def test_only_a_strategys_part_is_closed(tmp_path, autojump_clock):
    async with simulated_daemon(tmp_path, trading__order_group_contracts_per_15s="0") as simulated:
        await hold(simulated, "5")
        _, ask = simulated.touch()
        name = StrategyName("maker")
        placed = await simulated.send(
            PlaceOrder(
                terms=order_terms("bid", "2", ask),
                attribution=Attribution(owner=OrderOwner.STRATEGY, strategy=name),
            )
        )
        assert placed.ok, placed.sentence
        await simulated.wait_until(lambda: held(simulated) == 7)
        await trio.sleep(1.0)
        outcome = await simulated.send(Flatten(strategy=name))
        assert outcome.ok, outcome.sentence
        assert held(simulated) == 5
        assert simulated.view.conditions.paused is None
        assert (await simulated.place("bid", "1", "0.0100")).ok


@pytest.mark.parametrize("below", ["0.01", "0.30"], ids=["near", "beyond the collar"])
async def test_a_bad_book_needs_a_worst_price_which_is_the_only_bound_then(
    tmp_path, autojump_clock, monkeypatch, below
):
    async with simulated_daemon(tmp_path, market_data__required=False) as simulated:
        await hold(simulated, "5")
        bid, _ = simulated.touch()
        quality = StateView.quality

        def bad(view: StateView, ticker: str, now: int) -> object:
            return attrs.evolve(quality(view, ticker, now), grade=BookGrade.F, causes=("late",))

        monkeypatch.setattr(StateView, "quality", bad)
        outcome = await simulated.send(Flatten())
        assert outcome.answer is Answer.UNKNOWN
        assert "name the worst price that you take, with --at-worst" in outcome.sentence
        assert held(simulated) == 5
        at_worst = Price(parse_price(bid) - parse_price(below))
        outcome = await simulated.send(Flatten(at_worst=at_worst))
        assert outcome.ok, outcome.sentence
        assert held(simulated) == 0


@pytest.mark.parametrize(
    "limits",
    [
        {"risk__max_open_orders": 1},
        {"risk__last_collar_dollars": "0.0001", "risk__mid_collar_dollars": "0.0001"},
        {"risk__min_price_dollars": "0.98", "risk__max_price_dollars": "0.99"},
    ],
    ids=["an order of somebody else", "collars", "band"],
)
async def test_no_rule_against_slips_and_crowds_keeps_a_position_from_being_closed(
    tmp_path, autojump_clock, limits
):
    state = tmp_path / "state"
    async with simulated_exchange(tmp_path) as at:
        async with simulated_daemon(state, at=at) as simulated:
            await hold(simulated, "5")
        async with simulated_daemon(state, at=at, **limits) as simulated:
            place_foreign(simulated)
            await simulated.send(Calibrate())
            outcome = await simulated.send(Flatten(by="ann"))
            assert outcome.ok, outcome.sentence
            assert held(simulated) == 0
            assert "1 order of others still rests" in outcome.sentence


async def test_a_strategy_that_was_stopped_can_be_flattened_in_equal_steps_and_by_nothing_else(
    tmp_path, autojump_clock
):
    """C7 and C8: what can only close its own position passes; everything else of it does not."""
    async with simulated_daemon(
        tmp_path,
        risk__max_order_contracts="2",
        risk__max_fills_per_15s=2,
        trading__order_group_contracts_per_15s="100",
    ) as simulated:
        demo = Attribution(owner=OrderOwner.STRATEGY, strategy=StrategyName("demo"))

        async def place(side: str, price: str, **more: object) -> Outcome:
            what = order_terms(side, "2", price, **more)
            return await simulated.send(PlaceOrder(terms=what, attribution=demo))

        for _ in range(3):
            await place("bid", simulated.touch()[1])
            await trio.sleep(2.5)
        assert "executions:demo" in simulated.view.conditions.halts
        assert held(simulated) == 6
        assert "denied by rule executions" in (await place("ask", "0.9900")).sentence
        # A person's position is not its own to close, however much the caller says that it only reduces.
        await simulated.send(Flatten(strategy=demo.strategy))
        assert held(simulated) == 0
        await hold(simulated, "2")
        immediate = {
            "time_in_force": TimeInForce.IMMEDIATE_OR_CANCEL,
            "reduce_only": True,
        }
        denied = await place("ask", simulated.touch()[0], **immediate)
        assert "denied by rule executions" in denied.sentence
        assert held(simulated) == 2


async def test_the_kill_switch_lets_no_closing_order_leave(tmp_path, autojump_clock):
    async with simulated_daemon(tmp_path) as simulated:
        await hold(simulated, "5")
        assert (await simulated.send(Kill(reason="test"))).ok
        outcome = await simulated.send(Flatten())
        assert outcome.answer is Answer.DENIED
        assert ours(simulated, Side.ASK) == []
        assert (await simulated.send(ClearHalt(halt_id="kill"))).ok
        assert (await simulated.send(Flatten())).ok
        assert held(simulated) == 0


async def test_nothing_is_sent_when_an_order_cannot_be_cancelled_surely(tmp_path, autojump_clock):
    async with simulated_daemon(tmp_path) as simulated:
        await hold(simulated, "5")
        await simulated.place("bid", "1", "0.0100")
        simulated.exchange.faults.refuse_requests("/portfolio/events/orders", 503)
        outcome = await simulated.send(Flatten())
        simulated.exchange.faults.clear()
        assert outcome.answer is Answer.UNKNOWN
        assert "nothing was sent to close" in outcome.sentence
        assert held(simulated) == 5


@pytest.mark.parametrize(
    "command", [Pause(reason="x"), CancelOrders(), Flatten(), Kill(reason="x")]
)
async def test_a_dry_run_sends_and_changes_nothing(tmp_path, autojump_clock, command):
    async with simulated_daemon(tmp_path) as simulated:
        await hold(simulated, "5")
        await simulated.place("bid", "1", "0.0100")
        await trio.sleep(1.0)
        before = simulated.daemon.shared.journal.position
        outcome = await simulated.send(DryRun(of=command))
        assert outcome.ok
        assert outcome.sentence.startswith("dry run, nothing is done: ")
        assert simulated.daemon.shared.journal.position == before
        assert held(simulated) == 5
        assert [order.status for order in simulated.view.own_live_orders()] == [OrderStatus.RESTING]


async def test_flattening_the_persons_ends_their_orders_and_pauses_them(tmp_path, autojump_clock):
    """`traderd orders` shows `person` as the owner, so it is a name that people use."""
    async with simulated_daemon(tmp_path) as simulated:
        await hold(simulated, "5")
        await simulated.place("bid", "1", "0.0100")
        outcome = await simulated.send(Flatten(strategy=StrategyName("person")))
        assert outcome.ok, outcome.sentence
        assert "1 order ended, verified at the exchange" in outcome.sentence
        assert (held(simulated), simulated.view.own_live_orders()) == (0, ())
        denied = await simulated.place("bid", "1", "0.0100")
        assert "paused: flatten (strategy person)" in denied.sentence
        (closing,) = [o for o in simulated.view.recent_orders(50) if o.side is Side.ASK]
        assert closing.attribution.owner is OrderOwner.PERSON


async def test_a_worst_price_that_was_named_is_not_asked_for_again(tmp_path, autojump_clock):
    async with simulated_daemon(tmp_path) as simulated:
        await hold(simulated, "5")
        bid, ask = simulated.touch()
        outcome = await simulated.send(Flatten(at_worst=parse_price(ask)))
        assert outcome.answer is Answer.UNKNOWN
        assert f"the book has only ${bid} now, worse than the ${ask} that --at-worst" in (
            outcome.sentence
        )
        assert "name --at-worst" not in outcome.sentence


async def test_an_order_of_somebody_else_on_the_other_side_is_named_with_its_cure_and_left_alone(
    tmp_path, autojump_clock
):
    """Control C11: what closes never trades with an order of the account, and what others placed is theirs to end."""
    async with simulated_daemon(tmp_path) as simulated:
        await hold(simulated, "5", B)
        # At the best bid is one that a person placed by hand.
        bid, _ = simulated.touch(B)
        place_foreign(simulated, bid)
        await simulated.send(Calibrate())
        (foreign,) = simulated.view.live_orders(B)
        dry = await simulated.send(DryRun(of=Flatten(ticker=B)))
        cure = f"`traderd cancel {foreign.key}`, then flatten again"
        assert any(cure in item.sentence for item in dry.items)
        stuck = await simulated.send(Flatten(ticker=B))
        assert stuck.answer is Answer.UNKNOWN
        assert f"order {foreign.key} (bid 1 @ " in stuck.sentence
        assert "which this daemon did not place) would trade with what closes" in stuck.sentence
        assert cure in stuck.sentence
        assert held(simulated, B) == 5
        assert foreign.status is OrderStatus.RESTING
        assert (await simulated.cancel(foreign.key)).ok
        assert (await simulated.send(Flatten(ticker=B))).ok
        assert held(simulated, B) == 0


async def test_what_can_be_closed_before_such_an_order_is_closed(tmp_path, autojump_clock):
    async with simulated_daemon(tmp_path) as simulated:
        await hold(simulated, "5", B)
        bid, _ = simulated.touch(B)
        place_foreign(simulated, f"0.{parse_price(bid) // 100 - 1:02d}00")
        await simulated.send(Calibrate())
        outcome = await simulated.send(Flatten(ticker=B))
        assert outcome.ok, outcome.sentence
        assert held(simulated, B) == 0
        assert "1 order of others still rests" in outcome.sentence


async def test_what_nobody_took_before_such_an_order_names_it(tmp_path, autojump_clock):
    async with simulated_daemon(tmp_path) as simulated:
        await hold(simulated, "5", B)
        bid, _ = simulated.touch(B)
        place_foreign(simulated, f"0.{parse_price(bid) // 100 - 1:02d}00")
        await simulated.send(Calibrate())
        (foreign,) = simulated.view.live_orders(B)
        close = plan_close(simulated.view, B, None, now=Timestamp(simulated.env.wall_ns()))
        assert close.blocked_by is foreign
        assert f"; order {foreign.key} (bid 1 @ " in flatten._beyond(Flatten(ticker=B), close)
        assert "--at-worst" not in flatten._beyond(Flatten(ticker=B), close)


async def test_what_changes_before_the_pause_refuses_a_flatten_that_was_decided_before(
    tmp_path, autojump_clock
):
    async with simulated_daemon(tmp_path) as simulated:
        await hold(simulated, "5")
        changed = denied("it changed")
        answers = iter([None, changed])
        outcome = await simulated.daemon.shared.commands.send(Flatten(), lambda: next(answers))
        assert outcome is changed
        assert dict(simulated.view.conditions.pauses) == {}
        assert held(simulated) == 5
