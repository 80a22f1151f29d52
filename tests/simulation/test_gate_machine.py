"""Any interleaving of orders, replies, fills, amends, cancels and lost answers, against an independent naive count.

The machine keeps what really is at the exchange, with numbers of its own. The engine hears of it late, twice or not at
all, and decides alone what is let through. The limits must hold for what is real.
"""

import attrs
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from tests.core.builders import (
    OTHER,
    TICKER,
    accepted,
    amend_accepted,
    amend_failed,
    amend_requested,
    amend_unknown,
    cancel_requested,
    contracts,
    dollars,
    fill,
    intended,
    not_placed,
    ready_engine,
    second,
    sent,
    tell,
    terms,
    unknown,
)
from traderd.core.proposals import judge_amend
from traderd.core.strategy_share import StrategyShare
from traderd.model import events as ev
from traderd.model.ids import EventTicker, OrderId, StrategyName
from traderd.model.orders import (
    Attribution,
    OrderOwner,
    OrderRecord,
    OrderStatus,
    OrderTerms,
    Side,
)
from traderd.model.units import ONE_DOLLAR, Count, Price

MAX_OPEN = 5
MAX_IN_MARKET = 20
MAX_CONTRACTS = 22
MAX_EXPOSURE = 10
EVENT = EventTicker("KXA-26")
PERSON = Attribution(owner=OrderOwner.PERSON)
MAKER, TAKER = StrategyName("maker"), StrategyName("taker")
SHARES = (
    StrategyShare(
        strategy=MAKER, max_open_orders=2, max_position=contracts(9), max_exposure=dollars("4")
    ),
    StrategyShare(
        strategy=TAKER, max_open_orders=3, max_position=contracts(15), max_exposure=dollars("6")
    ),
)
"""Each narrower than the account's, and together wider."""


@attrs.define
class Real:
    """One order as the exchange has it."""

    key: str
    order_id: str
    terms: OrderTerms
    strategy: StrategyName | None = None
    filled: int = 0
    is_live: bool = True
    known_id: bool = False
    changed: int = 1
    """When it last changed by the exchange's clock, in seconds: what is told late says so."""

    @property
    def remaining(self) -> int:
        return self.terms.count - self.filled if self.is_live else 0


class GateMachine(RuleBasedStateMachine):
    """Places what the gate lets through; everything else is chance."""

    def __init__(self) -> None:
        super().__init__()
        self.engine = ready_engine(
            max_open_orders=MAX_OPEN,
            max_exposure=dollars(str(MAX_EXPOSURE)),
            max_market_position=contracts(MAX_IN_MARKET),
            max_account_position=contracts(MAX_CONTRACTS),
            breaker_errors=10_000,
            shares=SHARES,
        )
        tell(self.engine, ev.EventsDescribed(at=second(0), exclusive=((EVENT, True),)))
        self.real: dict[str, Real] = {}
        self.news: list[ev.Event] = []
        self.spent = {TICKER: 0, OTHER: 0}
        self.held = {TICKER: 0, OTHER: 0}
        self.traded: dict[StrategyName, list[tuple[str, Side, int, int]]] = {MAKER: [], TAKER: []}
        """Each strategy's own fills: market, side, price, count."""
        self.number = 0
        self.clock = 1
        """The exchange's."""

    def next(self) -> str:
        self.number += 1
        return str(self.number)

    def tell(self, *events: ev.Event) -> None:
        tell(self.engine, *events)

    def live(self) -> list[Real]:
        return [one for one in self.real.values() if one.is_live]

    # --- what we do ---

    @rule(
        data=st.data(),
        side=st.sampled_from(Side),
        depth=st.integers(1, 9),
        count=st.integers(1, 20),
        ticker=st.sampled_from([TICKER, OTHER]),
        strategy=st.sampled_from([None, MAKER, TAKER]),
        fate=st.sampled_from(["reply"] * 6 + ["late", "lost", "never"]),
    )
    def place(self, data, side, depth, count, ticker, strategy, fate):
        # Mostly bids lie below asks, so that few are refused for meeting our own.
        wanted = terms(side, f"0.{51 - side.sign * depth}", count, ticker=ticker)
        whose = PERSON
        if strategy is not None:
            whose = Attribution(owner=OrderOwner.STRATEGY, strategy=strategy)
        if self.engine.judge(wanted, attribution=whose) is not None:
            return
        key, order_id = f"c{self.next()}", f"x{self.next()}"
        self.tell(intended(key, wanted, attribution=whose), sent(key))
        if fate == "never":
            # The request was lost; a search will prove it.
            self.tell(unknown(key))
            self.news.append(not_placed(key))
            return
        one = Real(key, order_id, wanted, strategy)
        self.real[order_id] = one
        if data.draw(st.booleans()):
            self.trade(one, data.draw(st.integers(1, one.remaining)))
        if fate == "lost":
            self.tell(unknown(key))
            self.report(one)
            return
        reply = accepted(key, order_id)
        reply = attrs.evolve(
            reply, fill_count=Count(one.filled), remaining_count=Count(one.remaining)
        )
        one.known_id = True
        if fate == "reply":
            self.tell(reply)
        else:
            self.news.append(reply)

    @precondition(lambda self: self.live())
    @rule(
        data=st.data(),
        cents=st.integers(41, 59),
        count=st.integers(1, 20),
        fate=st.sampled_from([
            "done",
            "refused",
            "lost with effect",
            "lost with effect",
            "lost without",
        ]),
    )
    def amend(self, data, cents, count, fate):
        one = data.draw(st.sampled_from(self.live()))
        order = self.engine.orders.get(one.order_id)
        if order is None or order.status is not OrderStatus.RESTING or order.pending is not None:
            return
        new = attrs.evolve(one.terms, price=Price(cents * 100), count=contracts(count))
        if new.count <= max(one.filled, order.filled) or judge_amend(self.engine, order, new):
            return
        new_id = f"c{self.next()}"
        text = f"0.{cents}"
        self.tell(amend_requested(text, count, new_id=new_id, order_id=one.order_id))
        if fate in {"done", "lost with effect"}:
            one.terms = new
            self.changed(one)
        if fate == "refused":
            self.tell(amend_failed(order_id=one.order_id))
        elif fate == "done":
            self.tell(self.amended(one, text, count, new_id))
        else:
            self.tell(amend_unknown(order_id=one.order_id))
            if fate == "lost without":
                self.news.append(amend_failed(order_id=one.order_id))
            else:
                self.news.append(self.amended(one, text, count, new_id))

    @precondition(lambda self: self.live())
    @rule(data=st.data(), arrives=st.booleans())
    def cancel(self, data, arrives):
        one = data.draw(st.sampled_from(self.live()))
        order = self.engine.orders.get(one.order_id)
        if order is None or order.status is not OrderStatus.RESTING:
            return
        self.tell(cancel_requested(one.order_id))
        if arrives:
            one.is_live = False
            self.changed(one)
        self.report(one)

    # --- what the exchange does ---

    def changed(self, one: Real) -> None:
        self.clock += 1
        one.changed = self.clock

    def amended(self, one: Real, text: str, count: int, new_id: str) -> ev.AmendAccepted:
        at = one.changed
        return amend_accepted(text, count, new_id=new_id, order_id=one.order_id, exchange_at=at)

    def trade(self, one: Real, count: int) -> None:
        at_price, side, ticker = one.terms.price, one.terms.side, one.terms.ticker
        one.filled += count
        self.changed(one)
        if one.filled == one.terms.count:
            one.is_live = False
        self.held[ticker] += side.sign * count
        paid = at_price if side is Side.BID else ONE_DOLLAR - at_price
        self.spent[ticker] += paid * count
        if one.strategy is not None:
            self.traded[one.strategy].append((ticker, side, at_price, count))
        told = fill(
            f"t{self.next()}", 1, side=side, order_id=one.order_id, key=one.key, ticker=ticker
        )
        told = attrs.evolve(told, count=Count(count), price=at_price)
        self.news.append(ev.OrderFilled(at=second(5), fill=told, source=ev.Source.FEED))

    def report(self, one: Real) -> None:
        status = OrderStatus.RESTING if one.is_live else OrderStatus.CANCELED
        if one.filled == one.terms.count:
            status = OrderStatus.EXECUTED
        record = OrderRecord(
            order_id=OrderId(one.order_id),
            client_order_id=None
            if one.known_id
            else self.engine.orders.get(one.key).client_order_id,
            ticker=one.terms.ticker,
            side=one.terms.side,
            price=one.terms.price,
            status=status,
            initial_count=one.terms.count,
            fill_count=Count(one.filled),
            remaining_count=Count(one.remaining),
            updated_at=second(one.changed),
        )
        self.news.append(ev.OrderReported(at=second(6), record=record, source=ev.Source.FEED))

    @precondition(lambda self: self.live())
    @rule(data=st.data())
    def trades(self, data):
        one = data.draw(st.sampled_from(self.live()))
        self.trade(one, data.draw(st.integers(1, one.remaining)))

    @precondition(lambda self: self.news)
    @rule(data=st.data(), again=st.booleans())
    def hear(self, data, again):
        which = data.draw(st.integers(0, len(self.news) - 1))
        event = self.news[which]
        # A reply is told once; the feed may say the same again.
        if not (again and isinstance(event, ev.OrderFilled)):
            del self.news[which]
        if self.is_too_early(event):
            self.news.append(event)
            return
        self.tell(event)

    def is_too_early(self, event: ev.Event) -> bool:
        # Only replies and records that name their order by its id alone need the id to be known.
        return (
            isinstance(event, ev.OrderReported)
            and event.record.client_order_id is None
            and self.engine.orders.get(event.record.order_id) is None
        )

    # --- the naive count ---

    @invariant()
    def open_orders_are_bounded(self):
        assert len(self.live()) <= MAX_OPEN
        assert len(self.engine.orders.live()) <= MAX_OPEN

    @invariant()
    def contracts_are_bounded(self):
        total = 0
        for ticker in (TICKER, OTHER):
            bids = sum(self.left(ticker, Side.BID))
            asks = sum(self.left(ticker, Side.ASK))
            worst = max(abs(self.held[ticker] + bids), abs(self.held[ticker] - asks))
            assert worst <= contracts(MAX_IN_MARKET)
            total += worst
        assert total <= contracts(MAX_CONTRACTS)

    @invariant()
    def what_can_be_lost_is_bounded(self):
        for winner in (TICKER, OTHER, None):
            loss = 0
            for ticker in (TICKER, OTHER):
                held, pays = self.held[ticker], ONE_DOLLAR if ticker == winner else 0
                # What was bought of both sides is in `spent`, and each closed pair has paid $1 already.
                bought_no = self.bought_no(ticker)
                loss += (
                    self.spent[ticker] - (held + bought_no) * pays - bought_no * (ONE_DOLLAR - pays)
                )
                for one in self.live():
                    if one.terms.ticker == ticker:
                        loss += max(
                            0, (one.terms.price - pays) * one.terms.side.sign * one.remaining
                        )
            assert loss <= dollars(str(MAX_EXPOSURE)) + self.realized()

    @invariant()
    def each_strategy_keeps_to_its_share(self):
        for share in SHARES:
            mine = [one for one in self.live() if one.strategy == share.strategy]
            assert len(mine) <= share.max_open_orders
            traded, total = self.traded[share.strategy], 0
            for ticker in (TICKER, OTHER):
                held = sum(side.sign * count for at, side, _, count in traded if at == ticker)
                bids, asks = (
                    sum(
                        one.remaining
                        for one in mine
                        if (one.terms.ticker, one.terms.side) == (ticker, side)
                    )
                    for side in (Side.BID, Side.ASK)
                )
                total += max(abs(held + bids), abs(held - asks))
            assert total <= share.max_position
            book = self.engine.ledger.strategies.books.get(share.strategy)
            gone = (
                0 if book is None else sum(max(0, -p.realized_pnl) for p in book.positions.values())
            )
            for winner in (TICKER, OTHER, None):
                deals = [
                    *traded,
                    # What may fill does, where that is worse.
                    *(
                        (one.terms.ticker, one.terms.side, one.terms.price, one.remaining)
                        for one in mine
                        if (one.terms.price - self.pays(one.terms.ticker, winner))
                        * one.terms.side.sign
                        > 0
                    ),
                ]
                loss = sum(
                    (at_price - self.pays(at, winner)) * side.sign * count
                    for at, side, at_price, count in deals
                )
                assert loss <= share.max_exposure + gone

    def pays(self, ticker, winner) -> int:
        return ONE_DOLLAR if ticker == winner else 0

    def bought_no(self, ticker) -> int:
        return sum(
            one.filled
            for one in self.real.values()
            if one.terms.ticker == ticker and one.terms.side is Side.ASK
        )

    def realized(self) -> int:
        # Exposure is of what is held now: what was lost for good before has left it.
        return sum(
            max(0, -position.realized_pnl) for position in self.engine.ledger.positions.values()
        )

    def left(self, ticker, side):
        return [
            one.remaining
            for one in self.live()
            if (one.terms.ticker, one.terms.side) == (ticker, side)
        ]


TestTheGate = GateMachine.TestCase
TestTheGate.settings = settings(deadline=None, max_examples=100, stateful_step_count=50)
