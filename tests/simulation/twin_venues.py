"""Two exchanges that are asked the same things: the venue and the naive one.

Owns: the random step (`TwinVenues.step`), and the comparison of everything that both have to agree on after it.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable
from fractions import Fraction
from random import Random
from typing import Any

import pytest

from tests.paper.venues import NOW, CheckedVenue, list_market, market
from tests.simulation.naive_venue import SECOND, Group, Market, NaiveVenue, Order, Rates, Refused
from traderd.model.ids import ClientOrderId, MarketTicker
from traderd.model.market import LINEAR_CENT, PriceBand, PriceGrid
from traderd.model.orders import OrderTerms, SelfTradePrevention, Side, TimeInForce
from traderd.model.units import Count, Money, Price, Timestamp
from traderd.paper.venue.fees import FeeSchedule, FeeType
from traderd.paper.venue.listings import Result
from traderd.paper.venue.messages import (
    AmendTerms,
    Broadcast,
    FillHappened,
    LevelChanged,
    OrderUpdated,
    PositionChanged,
    QuoteChanged,
    VenueRefusal,
)
from traderd.paper.venue.records import VenueOrder

FINE = PriceGrid((PriceBand(start=Price(0), end=Price(10_000), step=Price(1)),))
OWNERS = ("ann", "bob", "cat")
CASH = (8_000_000, 4_000_000)
"""Of each account's subaccounts 0 and 1: few orders are enough to spend it."""
OPEN_FOR_S = 400
SIDES = {1: Side.BID, -1: Side.ASK}
# Few prices, so that orders meet; some off the whole cents, which only the fine grid takes.
PRICES = [4700, 4800, 4900, 5000, 5100, 5200] * 4 + [1, 100, 4503, 5050, 5497, 9900]
COUNTS = [1, 7, 50, 100, 150, 200, 300, 500, 1200]
LIVES = [""] * 12 + ["post_only", "expires", "on_pause", "ioc", "fok", "reduce"]
TIMES_IN_FORCE = {
    "ioc": "immediate_or_cancel",
    "reduce": "immediate_or_cancel",
    "fok": "fill_or_kill",
}
MAKER_RATES = {
    FeeType.QUADRATIC: Fraction(0),
    FeeType.QUADRATIC_WITH_MAKER_FEES: Fraction("0.0175"),
    FeeType.QUADRATIC_WITH_COMBO_MAKER_FEES: Fraction("0.035"),
}
STEPS = {
    "create": 120,
    "amend": 50,
    "cancel": 15,
    "decrease": 20,
    "street": 25,
    "time_passes": 30,
    "group": 10,
    "deposit": 5,
    "transfer": 8,
    "change_fees": 5,
    "cancel_all": 3,
    "pause": 2,
    "change_market": 3,
    "determine": 2,
}
"""What may happen, and how often next to the others."""
MEND_SHARE = 0.3
"""How often what stands still is set going again, so that most steps find an open market."""


def rates(fees: FeeSchedule) -> Rates:
    return Rates(Fraction("0.07"), MAKER_RATES[fees.fee_type], Fraction(fees.multiplier, 1000))


def schedule(rng: Random) -> FeeSchedule:
    return FeeSchedule(
        fee_type=rng.choice(list(FeeType)), multiplier=rng.choice([0, 500, 1000, 1000, 10_000])
    )


class TwinVenues:
    """Two exchanges with equal markets, accounts and cash."""

    def __init__(self, rng: Random) -> None:
        ids, self.numbers = itertools.count(1), itertools.count(1)
        self.now = NOW
        self.real = CheckedVenue(ids=lambda: f"id-{next(ids)}")
        self.model = NaiveVenue({})
        self.tickers: list[MarketTicker] = []
        for grid in (LINEAR_CENT, FINE):
            self.list_market(rng, grid)
        for name in OWNERS:
            account = self.real.open_account(name, Money(sum(CASH)), NOW)
            self.real.bank.open_subaccount(account, NOW)
            self.real.bank.transfer(account, "first", 0, 1, Money(CASH[1]), NOW)
            self.model.paid[name, 0], self.model.paid[name, 1] = CASH
            self.real.groups.create(account, f"{name}'s", Count(1000), NOW)
            self.model.groups[name, f"{name}'s"] = Group(limit=1000, sub=0)
        self.real_ids: dict[int, str] = {}
        self.levels: dict[tuple[str, Side, int], int] = {}
        self.last_told: dict[str, tuple] = {}
        self.held_told: dict[tuple[str, int, str], int] = {}
        self.hears: Callable[[Broadcast], None] = lambda broadcast: None
        """Gets every broadcast of the real one, in order."""
        self.answers: dict[tuple[str, str], int] = {}
        """How often each step was answered with each code, "ok" among them."""
        self.doing = ""
        self.done: set[str] = set()
        self.story: list[str] = []
        """What the last step did, for people."""

    def step(self, rng: Random) -> None:
        """Do one thing to both and compare them."""
        self.story.clear()
        (self.doing,) = rng.choices(list(STEPS), list(STEPS.values()))
        if rng.random() < MEND_SHARE and self.mend(rng):
            self.doing = "mend"
        else:
            getattr(self, self.doing)(rng)
        self.done.add(self.doing)
        self.check()

    def list_market(self, rng: Random, grid: PriceGrid) -> None:
        """List one more market with a fee schedule of its own."""
        listed = market(f"KXTWIN{len(self.tickers)}-26DEC31-A", fees=schedule(rng), grid=grid)
        listed.close_time = Timestamp(self.now + OPEN_FOR_S * SECOND)
        list_market(self.real, listed)
        self.tickers.append(listed.ticker)
        self.model.markets[listed.ticker] = Market(
            listed.ticker, grid.bands[0].step, rates(listed.fees), listed.close_time
        )

    def both(self, real: Callable[[], Any], naive: Callable[[], Any]) -> tuple[Any, Any] | None:
        """Ask both for the same thing; they have to give the same answer or the same refusal."""
        try:
            expected = naive()
        except Refused as exc:
            code = str(exc)
        else:
            self.count("ok")
            return real(), expected
        self.count(code)
        with pytest.raises(VenueRefusal) as caught:
            real()
        assert caught.value.code == code
        return None

    def count(self, answer: str) -> None:
        self.story.append(f"{self.doing}: {answer}")
        key = (self.doing, answer)
        self.answers[key] = self.answers.get(key, 0) + 1

    def trading(self, rng: Random) -> MarketTicker:
        """Return a market, mostly one of those that came last."""
        return rng.choice([*self.tickers[-2:], *self.tickers[-3:]])

    def pick(self, rng: Random) -> Order | None:
        """Return one of the accounts' orders, mostly one that rests."""
        mine = [o for o in self.model.orders if o.number]
        live = [o for o in mine if o.status == "resting"]
        chosen = live if live and rng.random() < 0.9 else mine
        return rng.choice(chosen) if chosen else None

    # --- orders -----------------------------------------------------------------------------------

    def create(self, rng: Random) -> None:
        owner, life = rng.choice(OWNERS), rng.choice(LIVES)
        name = rng.choice([None] * 30 + ["a", "b", "c"])
        count = rng.choice(COUNTS)
        prevention = rng.choice(list(SelfTradePrevention))
        order = Order(
            next(self.numbers),
            owner,
            rng.choice([0] * 12 + [1] * 6 + [2]),
            self.trading(rng),
            rng.choice([1, -1]),
            rng.choice(PRICES),
            count,
            count,
            client_id=name,
            tif=TIMES_IN_FORCE.get(life, "good_till_canceled"),
            prevention=prevention.value,
            post_only=life == "post_only",
            reduce_only=life == "reduce",
            on_pause=life == "on_pause",
            expires=self.now + rng.choice([0, 3, 9]) * SECOND if life == "expires" else None,
            group=rng.choice([f"{owner}'s", None, None, None]),
        )
        self.story.append(repr(order))
        terms = OrderTerms(
            ticker=MarketTicker(order.ticker),
            side=SIDES[order.side],
            price=Price(order.price),
            count=Count(count),
            time_in_force=TimeInForce(order.tif),
            self_trade_prevention=prevention,
            post_only=order.post_only,
            reduce_only=order.reduce_only,
            expires_at=None if order.expires is None else Timestamp(order.expires),
        )
        done = self.both(
            lambda: self.real.create_order(
                owner,
                terms,
                name and ClientOrderId(name),
                self.now,
                cancel_on_pause=order.on_pause,
                subaccount=order.sub,
                group_id=order.group,
            ),
            lambda: self.model.create(order, self.now),
        )
        if done is not None:
            self.real_ids[order.number] = done[0].order_id

    def cancel(self, rng: Random) -> None:
        order = self.pick(rng)
        if order is None:
            return
        real_id = self.real_ids[order.number]
        done = self.both(
            lambda: self.real.cancel_order(order.owner, real_id, self.now),
            lambda: self.model.cancel(order, self.now),
        )
        assert done is None or done[0].reduced_by == done[1]

    def cancel_all(self, rng: Random) -> None:
        owner, sub = rng.choice(OWNERS), rng.choice([None, 0, 1])
        done = self.both(
            lambda: self.real.cancel_all(owner, sub, self.now),
            lambda: self.model.cancel_all(owner, sub, self.now),
        )
        assert done is None or done[0] == done[1]

    def decrease(self, rng: Random) -> None:
        order = self.pick(rng)
        if order is None:
            return
        by = rng.choice([*COUNTS, order.left])
        how = rng.choice([{"reduce_to": Count(order.left - by)}, {"reduce_by": Count(by)}])
        real_id = self.real_ids[order.number]
        self.both(
            lambda: self.real.decrease_order(order.owner, real_id, self.now, **how),
            lambda: self.model.decrease(order, by, self.now),
        )

    def amend(self, rng: Random) -> None:
        order = self.pick(rng)
        if order is None:
            return
        price = rng.choice([order.price, rng.choice(PRICES)])
        grown = order.total + rng.choice([0, 0, -100, -50, 1, 70, 300, 900])
        total = rng.choice([grown] * 9 + [order.filled])
        expiry = rng.choice([None, None, None, 0, 4, -1])
        expires = self.now + expiry * SECOND if expiry else expiry
        name = rng.choice([None] * 10 + ["a", "d", "e", "f", order.client_id])
        self.story.append(f"to {price=} {total=} {expires=} {name=} of {order!r}")
        terms = AmendTerms(
            ticker=MarketTicker(order.ticker),
            side=SIDES[order.side],
            price=Price(price),
            count=Count(total),
            expires_at=Timestamp(expires) if expires else None,
            removes_expiry=expires == 0,
            updated_client_order_id=name and ClientOrderId(name),
        )
        before, real_id = order.filled, self.real_ids[order.number]
        done = self.both(
            lambda: self.real.amend_order(order.owner, real_id, terms, self.now),
            lambda: self.model.amend(order, price, total, self.now, expires, name),
        )
        assert done is None or done[0].filled == order.filled - before

    def street(self, rng: Random) -> None:
        ticker, side = self.trading(rng), rng.choice([1, -1])
        price, count = rng.choice(PRICES), rng.choice(COUNTS)
        takes = rng.random() < 0.3
        act = self.real.street.take if takes else self.real.street.add
        naive = self.model.take if takes else self.model.quote
        self.both(
            lambda: act(MarketTicker(ticker), SIDES[side], Price(price), Count(count), self.now),
            lambda: naive(ticker, side, price, count, self.now),
        )

    # --- groups, money, fees ----------------------------------------------------------------------

    def group(self, rng: Random) -> None:
        owner = rng.choice(OWNERS)
        name, desk = f"{owner}'s", self.real.groups
        if (owner, name) not in self.model.groups:
            self.model.groups[owner, name] = Group(limit=500, sub=0)
            desk.create(self.real.account(owner), name, Count(500), self.now)
            return
        real = desk.find(self.real.account(owner), name)
        match (
            "reset"
            if real.triggered
            else rng.choice(["trigger", "limit", "limit", "limit", "delete"])
        ):
            case "trigger":
                desk.trigger(real, self.now)
                self.model.trigger(owner, name)
            case "reset":
                desk.reset(real, self.now)
                self.model.reset(owner, name)
            case "limit":
                limit = rng.choice([100, 300, 2000])
                desk.set_limit(real, Count(limit), self.now)
                self.model.set_limit(owner, name, limit, self.now)
            case "delete":
                desk.delete(real, self.now)
                self.model.delete(owner, name)

    def deposit(self, rng: Random) -> None:
        owner = rng.choice(OWNERS)
        amount = rng.choice([2_000_000, -1_000_000, -1_000_000, -40_000_000, 0])
        self.both(
            lambda: self.real.bank.deposit(self.real.account(owner), Money(amount), self.now),
            lambda: self.model.deposit(owner, amount),
        )

    def transfer(self, rng: Random) -> None:
        owner, name = rng.choice(OWNERS), rng.choice(["s", "t", "u", "v", "w"])
        way = rng.choice([(0, 1), (0, 1), (1, 0), (1, 0), (0, 0), (0, 2)])
        amount = rng.choice([10_000_000, 1_000_000, 500_000, 0])
        account = self.real.account(owner)
        self.both(
            lambda: self.real.bank.transfer(account, name, *way, Money(amount), self.now),
            lambda: self.model.transfer(owner, name, *way, amount),
        )

    def change_fees(self, rng: Random) -> None:
        listed, fees = self.real.market(self.trading(rng)), schedule(rng)
        if rng.random() < 0.5:
            self.real.life.change_event_fees(listed.event_ticker, fees, self.now)
        else:
            series = self.real.one_series(listed.series_ticker)
            self.real.life.change_event_fees(listed.event_ticker, None, self.now)
            self.real.life.change_series_fees(series, fees, self.now)
        self.model.markets[listed.ticker].rates = rates(fees)

    # --- time and lives ---------------------------------------------------------------------------

    def time_passes(self, rng: Random) -> None:
        due = self.real.next_due()
        if due is None or rng.random() < 0.85:
            due = self.now + round(rng.choice([0.001, 0.5, 1, 2, 5, 8]) * SECOND)
        self.now = Timestamp(max(self.now, due))
        self.real.advance(self.now)
        self.model.advance(self.now)

    def pause(self, rng: Random) -> None:
        code = rng.choice(["trading_is_paused", "exchange_is_paused"])
        self.real.pauses.begin(self.now, whole_exchange=code == "exchange_is_paused")
        self.model.pause(code)

    def change_market(self, rng: Random) -> None:
        model = self.model.markets[self.trading(rng)]
        match rng.choice(["pause", "close"]), model.status:
            case "pause", "active":
                self.real.life.pause(model.ticker, self.now)
                model.status = "inactive"
            case "close", "active" | "inactive":
                self.real.life.close(model.ticker, self.now)
                model.close = min(model.close, self.now)
                model.status, model.sweep = "closed", self.now + SECOND

    def determine(self, rng: Random) -> None:
        every = self.model.markets.values()
        begun = [m for m in every if m.status in ("determined", "disputed", "amended")]
        model = rng.choice(begun) if begun else self.model.markets[self.trading(rng)]
        match model.status:
            case "determined" | "amended" if rng.random() < 0.5:
                self.real.life.dispute(model.ticker, self.now)
                model.status, model.settles = "disputed", None
            case "determined" | "amended":
                self.real.life.finalize(model.ticker, self.now)
                self.model.finalize(model)
            case "active" | "inactive" | "closed" | "disputed":
                result = rng.choice(list(Result))
                value = (
                    Price(rng.choice([0, 1, 2_550, 10_000])) if result is Result.SCALAR else None
                )
                worth = value if value is not None else 10_000 * (result is Result.YES)
                self.real.life.determine(model.ticker, result, value, self.now)
                self.model.determine(model, worth, scalar=value is not None, now=self.now)

    def mend(self, rng: Random) -> bool:
        """Set one thing going again; tell whether anything stood still."""
        if self.model.paused is not None:
            self.real.pauses.end()
            self.model.paused = None
            return True
        for model in self.model.markets.values():
            if model.status == "inactive":
                self.real.life.resume(model.ticker, self.now)
                self.model.resume_market(model)
                return True
            if model.status == "closed":
                close = Timestamp(self.now + OPEN_FOR_S * SECOND)
                self.real.life.move_close(model.ticker, close, self.now)
                self.model.reopen(model, close)
                return True
        if sum(model.worth is None for model in self.model.markets.values()) < 2:
            self.list_market(rng, rng.choice([LINEAR_CENT, FINE]))
            return True
        return False

    # --- what has to agree ------------------------------------------------------------------------

    def check(self) -> None:
        """Compare everything there is."""
        self.no_money_comes_from_nowhere()
        self.markets_and_books_agree()
        self.orders_agree()
        self.money_and_positions_agree()
        self.broadcasts_add_up_to_what_is_there()

    def no_money_comes_from_nowhere(self) -> None:
        self.real.check_money()
        keys = {fill.order.key for fill in self.model.fills}
        pairs = sum(max(0, self.model.position(key)) for key in keys) * 10_000
        wallets = {*self.model.paid, *(key[:2] for key in keys)}
        cash = sum(self.model.cash(*wallet) for wallet in wallets)
        fees = sum(fill.fee for fill in self.model.fills)
        assert cash + fees + self.model.dust + pairs == self.real.floor.paid_in
        assert (fees, self.model.dust) == (self.real.floor.fees_collected, self.real.floor.dust)

    def markets_and_books_agree(self) -> None:
        for ticker, model in self.model.markets.items():
            real = self.real.market(ticker)
            assert real.status.value == model.status
            assert real.open_interest == self.model.interest(ticker)
            for sign, levels in zip((1, -1), self.real.book(ticker), strict=True):
                assert dict(levels) == self.model.book(ticker, sign)
                queue = [o for o in self.real.book_of(ticker).orders() if o.side is SIDES[sign]]
                queue.sort(key=lambda o: o.priority)
                assert [(o.account_id, o.price, o.remaining_count) for o in queue] == [
                    (o.owner, o.price, o.left) for o in self.model.resting(ticker=ticker, side=sign)
                ]

    def orders_agree(self) -> None:
        for order in self.model.orders:
            if order.number not in self.real_ids:
                continue
            real = self.real.account(order.owner).orders[self.real_ids[order.number]]
            assert (real.status.value, real.reason) == (order.status, order.reason)
            assert (real.price, real.initial_count) == (order.price, order.total)
            assert (real.fill_count, real.remaining_count) == (order.filled, order.left)
            assert (real.fees, real.client_order_id) == (order.fees, order.client_id)
            assert real.expires_at == order.expires
        assert len(self.real_ids) == sum(len(self.real.orders(name)) for name in OWNERS)

    def money_and_positions_agree(self) -> None:
        for (owner, sub), _ in list(self.model.paid.items()):
            balance = self.real.balance(owner, sub)
            assert balance.cash == self.model.cash(owner, sub)
            if owner.startswith("street"):
                continue
            assert balance.reserved == self.model.reserved(owner, sub)
            for ticker in self.tickers:
                key = (owner, sub, ticker)
                held = self.real.account(owner).wallet(sub).positions.get(ticker)
                assert (held.count if held else 0) == self.model.position(key)
                if held and not held.settled:
                    assert (held.exposure, held.realized_pnl) == self.model.basis(key)
                    assert held.fees_paid == sum(fill.fee for fill in self.model.of(key))

    def broadcasts_add_up_to_what_is_there(self) -> None:
        quotes: list[str] = []
        for each in self.real.take_outbox():
            self.hears(each)
            match each:
                case LevelChanged():
                    level = (each.ticker, each.side, each.price)
                    self.levels[level] = self.levels.get(level, 0) + each.change
                    assert self.levels[level] >= 0
                case OrderUpdated(order=order):
                    self.last_told[order.order_id] = shape(order)
                case FillHappened(fill=fill):
                    key = (fill.account_id, fill.subaccount, fill.ticker)
                    self.held_told[key] = each.post_position
                case PositionChanged(position=position):
                    key = (position.account_id, position.subaccount, position.ticker)
                    self.held_told[key] = position.count
                case QuoteChanged():
                    quotes.append(each.ticker)
        assert len(quotes) == len(set(quotes))
        for ticker in self.tickers:
            for side, levels in zip(Side, self.real.book(ticker), strict=True):
                told = {p: n for (t, s, p), n in self.levels.items() if (t, s) == (ticker, side)}
                assert dict(levels) == {price: size for price, size in told.items() if size}
        for name in OWNERS:
            for order in self.real.orders(name):
                assert self.last_told[order.order_id] == shape(order)
            for held in self.real.positions(name, None):
                assert self.held_told[name, held.subaccount, held.ticker] == held.count


def shape(order: VenueOrder) -> tuple:
    """Return what an `OrderUpdated` has to tell of an order."""
    return (
        order.status,
        order.reason,
        order.price,
        order.initial_count,
        order.fill_count,
        order.remaining_count,
        order.fees,
        order.client_order_id,
        order.expires_at,
        order.updated_at,
    )
