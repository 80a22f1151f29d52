"""A second exchange that is as plain as it can be, to hold the real one against.

Orders are one flat list that is searched at every match; positions, cash and reservations are added up anew whenever
somebody asks. The rules and formulas are written from Kalshi's texts and share nothing with `traderd.paper.venue`:
integers in 1/10 000 $ (price), 1/100 contract (count), 1/1 000 000 $ (money) and ns; sides are +1 (bid) and -1 (ask).
"""

from __future__ import annotations

import math
from fractions import Fraction

import attrs

SECOND = 10**9
DOLLAR = 10_000
STEP = 100
MAKERS, TAKERS = "street:makers", "street:takers"


class Refused(Exception):
    """The naive exchange says no; its text is the code."""


@attrs.frozen
class Rates:
    taker: Fraction
    maker: Fraction
    multiplier: Fraction

    def fee(self, price: int, count: int, *, taker: bool) -> int:
        p = Fraction(price, DOLLAR)
        rate = self.taker if taker else self.maker
        return math.ceil(self.multiplier * rate * Fraction(count, 100) * p * (1 - p) * 10**6)


@attrs.define(eq=False)
class Order:
    number: int
    owner: str
    sub: int
    ticker: str
    side: int
    price: int
    total: int
    left: int
    place: int = 0
    filled: int = 0
    fees: int = 0
    rounding: int = 0
    status: str = "resting"
    reason: str | None = None
    client_id: str | None = None
    tif: str = "good_till_canceled"
    prevention: str = "taker_at_cross"
    post_only: bool = False
    reduce_only: bool = False
    on_pause: bool = False
    group: str | None = None
    expires: int | None = None

    @property
    def key(self) -> tuple[str, int, str]:
        return self.owner, self.sub, self.ticker

    @property
    def acquired(self) -> int:
        return self.price if self.side > 0 else DOLLAR - self.price


@attrs.frozen
class Fill:
    order: Order
    price: int
    count: int
    fee: int
    cash: int


@attrs.define(eq=False)
class Group:
    limit: int
    sub: int
    triggered: bool = False
    matches: list[tuple[int, int]] = attrs.field(factory=list)


@attrs.define(eq=False)
class Market:
    ticker: str
    step: int
    rates: Rates
    close: int
    status: str = "active"
    worth: int | None = None
    scalar: bool = False
    sweep: int | None = None
    settles: int | None = None
    interest_in_the_end: int | None = None


@attrs.define(eq=False)
class NaiveVenue:
    markets: dict[str, Market]
    orders: list[Order] = attrs.field(factory=list)
    fills: list[Fill] = attrs.field(factory=list)
    paid: dict[tuple[str, int], int] = attrs.field(factory=dict)
    """What came into each subaccount other than by trading, less what left."""
    groups: dict[tuple[str, str], Group] = attrs.field(factory=dict)
    burned: set[tuple[str, str]] = attrs.field(factory=set)
    transfers: set[tuple[str, str]] = attrs.field(factory=set)
    paused: str | None = None
    dust: int = 0
    places: int = 0

    # --- sums -------------------------------------------------------------------------------------

    def of(self, key: tuple[str, int, str]) -> list[Fill]:
        return [fill for fill in self.fills if fill.order.key == key]

    def position(self, key: tuple[str, int, str]) -> int:
        if self.markets[key[2]].status == "finalized":
            return 0
        return sum(fill.order.side * fill.count for fill in self.of(key))

    def cash(self, owner: str, sub: int) -> int:
        traded = sum(f.cash for f in self.fills if (f.order.owner, f.order.sub) == (owner, sub))
        return self.paid.get((owner, sub), 0) + traded

    def basis(self, key: tuple[str, int, str]) -> tuple[int, int]:
        """Return (cost of what is open, profit of what was closed by trading) at average cost."""
        held = cost = profit = 0
        for fill in self.of(key):
            side = fill.order.side
            each = fill.price if side > 0 else DOLLAR - fill.price
            closed = min(fill.count, max(0, -side * held))
            if closed:
                out = cost * closed // abs(held)
                profit += (DOLLAR - each) * closed - out
                cost -= out
            cost += each * (fill.count - closed)
            held += side * fill.count
        return cost, profit

    def interest(self, ticker: str) -> int:
        final = self.markets[ticker].interest_in_the_end
        if final is not None:
            return final
        keys = {fill.order.key for fill in self.fills if fill.order.ticker == ticker}
        return sum(max(0, self.position(key)) for key in sorted(keys))

    def resting(self, **wanted: object) -> list[Order]:
        there = [o for o in self.orders if o.status == "resting"]
        there = [o for o in there if all(getattr(o, name) == v for name, v in wanted.items())]
        return sorted(there, key=lambda o: o.place)

    def ties_up(self, key: tuple[str, int, str], side: int, without: Order | None = None) -> int:
        orders = [o for o in self.resting(key=key, side=side) if o is not without]
        free, total = max(0, -side * self.position(key)), 0
        for order in orders:
            covered = min(free, order.left)
            free -= covered
            total += self.cost(order, order.price, order.left - covered, taker=False)
        return total

    def cost(self, order: Order, price: int, count: int, *, taker: bool) -> int:
        if not count:
            return 0
        each = price if order.side > 0 else DOLLAR - price
        fee = self.markets[order.ticker].rates.fee(price, count, taker=taker)
        return -(-(each * count + fee) // STEP) * STEP

    def reserved(self, owner: str, sub: int) -> int:
        return sum(self.ties_up((owner, sub, t), side) for t in self.markets for side in (1, -1))

    def available(self, owner: str, sub: int) -> int:
        return self.cash(owner, sub) - self.reserved(owner, sub)

    def book(self, ticker: str, side: int) -> dict[int, int]:
        sizes: dict[int, int] = {}
        for order in self.resting(ticker=ticker, side=side):
            sizes[order.price] = sizes.get(order.price, 0) + order.left
        return sizes

    # --- matching ---------------------------------------------------------------------------------

    def crossing(self, ticker: str, side: int, limit: int) -> list[Order]:
        there = [
            o for o in self.resting(ticker=ticker, side=-side) if side * (limit - o.price) >= 0
        ]
        return sorted(there, key=lambda o: (side * o.price, o.place))

    def run(self, order: Order, now: int) -> None:
        """Match an order that is not on the book, and rest or end what is left."""
        left, stopped = order.left, None
        order.left, order.status = 0, "running"
        while left and stopped is None:
            there = self.crossing(order.ticker, order.side, order.price)
            if not there:
                break
            other = there[0]
            if other.owner == order.owner:
                if order.prevention == "taker_at_cross":
                    stopped = "SelfTradeCancel"
                else:
                    self.end(other, "canceled", "SelfTradeCancel")
                continue
            count = min(left, other.left)
            left -= count
            other.left -= count
            for one, taker in ((other, False), (order, True)):
                self.book_fill(one, other.price, count, taker=taker)
            if not other.left:
                other.status = "executed"
            for one in (other, order):
                if one.group and self.exceeds(one, count, now) and one is order:
                    stopped = "group"
        if order.tif == "good_till_canceled" and left and stopped is None:
            order.status, order.left = "resting", left
            self.places += 1
            order.place = self.places
        elif order.filled == order.total:
            order.status = "executed"
        else:
            order.status = "canceled"
            if stopped == "SelfTradeCancel":
                order.reason = stopped
            elif stopped == "group":
                order.reason = None
            elif order.reduce_only and not left:
                order.reason = "ReduceOnlyCancel"

    def book_fill(self, order: Order, price: int, count: int, *, taker: bool) -> None:
        before = self.position(order.key)
        closed = min(count, max(0, -order.side * before))
        each = price if order.side > 0 else DOLLAR - price
        revenue = DOLLAR * closed - each * count
        if order.owner in (MAKERS, TAKERS):
            self.fills.append(Fill(order, price, count, 0, revenue))
            return
        fee = self.markets[order.ticker].rates.fee(price, count, taker=taker)
        rounding = (revenue - fee) % STEP
        order.rounding += rounding
        back = 0
        if order.rounding > STEP:
            back = min(order.rounding, fee + rounding) // STEP * STEP
        order.rounding -= back
        net = fee + rounding - back
        order.filled += count
        order.fees += net
        order.reason = "Trade"
        self.fills.append(Fill(order, price, count, net, revenue - net))

    def end(self, order: Order, status: str, reason: str | None) -> None:
        order.status, order.reason, order.left = status, reason, 0

    # --- orders -----------------------------------------------------------------------------------

    def create(self, order: Order, now: int) -> None:
        market = self.markets[order.ticker]
        if (order.owner, order.sub) not in self.paid:
            raise Refused("invalid_parameters")
        if (order.owner, order.client_id) in self.burned:
            raise Refused("order_already_exists")
        self.check_trading(market, now)
        if not 0 < order.price < DOLLAR or order.price % market.step:
            raise Refused("invalid_price")
        if order.expires is not None and order.expires <= now:
            raise Refused("invalid_order")
        there = self.crossing(order.ticker, order.side, order.price)
        if order.post_only and there:
            raise Refused("invalid_order")
        if order.prevention == "maker":
            there = [other for other in there if other.owner != order.owner]
        if order.tif == "fill_or_kill" and sum(o.left for o in there) < order.total:
            raise Refused("fill_or_kill_insufficient_resting_volume")
        if order.group is not None:
            group = self.groups.get((order.owner, order.group))
            if group is None or group.sub != order.sub:
                raise Refused("order_group_not_found")
            if group.triggered:
                raise Refused("exceeded_order_group_risk_limit")
        closes = max(0, -order.side * self.position(order.key))
        if order.reduce_only:
            order.left = min(order.left, closes)
        older = sum(o.left for o in self.resting(key=order.key, side=order.side))
        opens = max(0, order.left - max(0, closes - older))
        self.check_money(order, self.cost(order, order.price, opens, taker=not order.post_only))
        if order.client_id is not None:
            self.burned.add((order.owner, order.client_id))
        self.orders.append(order)
        self.run(order, now)

    def check_trading(self, market: Market, now: int) -> None:
        if self.paused:
            raise Refused(self.paused)
        if now >= market.close or market.status not in ("active", "inactive"):
            raise Refused("market_inactive")
        if market.status == "inactive":
            raise Refused("trading_is_paused")

    def check_money(self, order: Order, needed: int) -> None:
        if needed > 0 and needed > self.available(order.owner, order.sub):
            raise Refused("insufficient_balance")

    def check_cancels(self) -> None:
        if self.paused == "exchange_is_paused":
            raise Refused(self.paused)

    def check_live(self, order: Order, now: int) -> None:
        market = self.markets[order.ticker]
        if order.status != "resting":
            raise Refused("not_found")
        if now >= market.close or market.status not in ("active", "inactive"):
            raise Refused("market_inactive")

    def cancel(self, order: Order, now: int) -> int:
        self.check_cancels()
        self.check_live(order, now)
        taken = order.left
        self.end(order, "canceled", None)
        return taken

    def cancel_all(self, owner: str, sub: int | None, now: int) -> int:
        self.check_cancels()
        there = [o for o in self.resting(owner=owner) if sub in (None, o.sub)]
        there = [o for o in there if now < self.markets[o.ticker].close]
        for order in there:
            self.end(order, "canceled", None)
        return len(there)

    def decrease(self, order: Order, by: int, now: int) -> None:
        self.check_cancels()
        self.check_live(order, now)
        if not 0 < by <= order.left:
            raise Refused("invalid_order_size")
        if by == order.left:
            self.end(order, "canceled", None)
        else:
            order.left -= by
            order.reason = "Decrease"

    def amend(
        self, order: Order, price: int, total: int, now: int, expires: int | None, name: str | None
    ) -> None:
        """Change an order; `expires` None keeps what is and 0 takes it away."""
        market = self.markets[order.ticker]
        if self.paused:
            raise Refused(self.paused)
        self.check_live(order, now)
        self.check_trading(market, now)
        if name not in (None, order.client_id) and (order.owner, name) in self.burned:
            raise Refused("order_already_exists")
        if not 0 < price < DOLLAR or price % market.step:
            raise Refused("invalid_price")
        if total <= 0 or total < order.filled:
            raise Refused("invalid_order_size")
        if expires and expires <= now:
            raise Refused("invalid_order")
        left = total - order.filled
        stays = price == order.price and left <= order.left
        if not stays:
            others = self.ties_up(order.key, order.side, without=order)
            closes = max(0, -order.side * self.position(order.key))
            ahead = sum(o.left for o in self.resting(key=order.key, side=order.side))
            opens = max(0, left - max(0, closes - (ahead - order.left)))
            new = others + self.cost(order, price, opens, taker=not order.post_only)
            self.check_money(order, new - self.ties_up(order.key, order.side))
        if name is not None:
            order.client_id = name
            self.burned.add((order.owner, name))
        order.price, order.total, order.reason = price, total, "Amend"
        if expires is not None:
            order.expires = expires or None
        if stays:
            order.left = left
            if not left:
                order.status = "executed"
            return
        order.left, order.status = left, "running"
        if order.post_only and left and self.crossing(order.ticker, order.side, price):
            self.end(order, "canceled", "PostOnlyCrossCancel")
        else:
            self.run(order, now)

    # --- the street -------------------------------------------------------------------------------

    def quote(self, ticker: str, side: int, price: int, count: int, now: int) -> int:
        market = self.markets[ticker]
        self.check_trading(market, now)
        if price % market.step:
            raise Refused("invalid_price")
        if self.crossing(ticker, side, price):
            return 0
        level = self.resting(ticker=ticker, side=side, price=price)
        if level and level[-1].owner == MAKERS:
            level[-1].left += count
        else:
            self.places += 1
            self.orders.append(
                Order(0, MAKERS, 0, ticker, side, price, count, count, place=self.places)
            )
        return count

    def take(self, ticker: str, side: int, limit: int, count: int, now: int) -> None:
        self.check_trading(self.markets[ticker], now)
        taker = Order(0, TAKERS, 0, ticker, side, limit, count, count, tif="immediate_or_cancel")
        self.run(taker, now)

    # --- groups -----------------------------------------------------------------------------------

    def exceeds(self, order: Order, count: int, now: int) -> bool:
        group = self.groups.get((order.owner, order.group or ""))
        if group is None or group.triggered:
            return False
        group.matches.append((now, count))
        if self.recent(group, now) <= group.limit:
            return False
        self.trigger(order.owner, order.group or "")
        return True

    def recent(self, group: Group, now: int) -> int:
        return sum(count for at, count in group.matches if now - at < 15 * SECOND)

    def trigger(self, owner: str, name: str) -> None:
        self.groups[owner, name].triggered = True
        for order in self.resting(owner=owner, group=name):
            self.end(order, "canceled", None)

    def set_limit(self, owner: str, name: str, limit: int, now: int) -> None:
        group = self.groups[owner, name]
        group.limit = limit
        if not group.triggered and self.recent(group, now) > limit:
            self.trigger(owner, name)

    def reset(self, owner: str, name: str) -> None:
        group = self.groups[owner, name]
        group.triggered, group.matches = False, []

    def delete(self, owner: str, name: str) -> None:
        self.trigger(owner, name)
        del self.groups[owner, name]

    # --- money ------------------------------------------------------------------------------------

    def deposit(self, owner: str, amount: int) -> None:
        if amount == 0:
            raise Refused("invalid_parameters")
        if amount < 0 and self.available(owner, 0) < -amount:
            raise Refused("available_balance_too_low")
        self.paid[owner, 0] += amount

    def transfer(self, owner: str, name: str, source: int, target: int, amount: int) -> None:
        if (owner, name) in self.transfers:
            raise Refused("transfer_already_exists")
        known = (owner, source) in self.paid and (owner, target) in self.paid
        if not known or source == target or amount <= 0:
            raise Refused("invalid_parameters")
        if self.available(owner, source) < amount:
            raise Refused("available_balance_too_low")
        self.transfers.add((owner, name))
        self.paid[owner, source] -= amount
        self.paid[owner, target] += amount

    # --- time and lives ---------------------------------------------------------------------------

    def pause(self, code: str) -> None:
        if self.paused is None:
            for order in self.resting(on_pause=True):
                self.end(order, "canceled", "HaltCancel")
        self.paused = code

    def advance(self, now: int) -> None:
        for order in self.resting():
            if order.expires is not None and order.expires <= now:
                self.end(order, "canceled", "ExpiryCancel")
        for market in self.markets.values():
            if market.close <= now and market.status in ("active", "inactive"):
                market.status, market.sweep = "closed", now + SECOND
            if market.sweep is not None and market.sweep <= now:
                self.sweep(market, "CloseCancel")
            if market.settles is not None and market.settles <= now:
                self.finalize(market)

    def sweep(self, market: Market, reason: str | None) -> None:
        market.sweep = None
        for order in self.resting(ticker=market.ticker):
            self.end(order, "canceled", reason)

    def resume_market(self, market: Market) -> None:
        self.sweep(market, None)
        market.status = "active"

    def reopen(self, market: Market, close: int) -> None:
        if market.status == "closed":
            self.sweep(market, "CloseCancel")
            market.status = "active"
        market.close = close

    def determine(self, market: Market, worth: int, *, scalar: bool, now: int) -> None:
        market.close = min(market.close, now)
        self.sweep(market, "CloseCancel")
        market.status = "amended" if market.status == "disputed" else "determined"
        market.worth, market.scalar, market.settles = worth, scalar, now + 60 * SECOND

    def finalize(self, market: Market) -> None:
        assert market.worth is not None
        market.interest_in_the_end = self.interest(market.ticker)
        keys = {fill.order.key for fill in self.fills if fill.order.ticker == market.ticker}
        pool = 0
        for key in sorted(keys):
            held = self.position(key)
            each = market.worth if held > 0 else DOLLAR - market.worth
            amount = abs(held) * each
            if market.scalar:
                amount = amount // DOLLAR * DOLLAR
            pool += max(0, held) * DOLLAR - amount
            self.paid[key[:2]] = self.paid.get(key[:2], 0) + amount
        self.dust += pool
        market.status, market.settles = "finalized", None
