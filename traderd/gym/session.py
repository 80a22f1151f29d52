"""One market, one strategy, no network: the exchange's pure core and the daemon's pure core, hand in hand.

Owns: the time of an episode, and that everything the venue does is folded by the engine at once, in order. What the daemon
does at set times is done at those times here: a look at the line each second, a reading of the account every 30 seconds and
soon after a fill.
Must not: decide anything, or read a clock: the caller says until when.
"""

from __future__ import annotations

from collections.abc import Iterable
from random import Random
from typing import Final

import msgspec

from traderd.core.engine import Engine
from traderd.core.observation import Observation
from traderd.core.observe import observe
from traderd.core.risk_limits import RiskLimits
from traderd.core.view import StateView
from traderd.errors import BadInput
from traderd.gym.defaults import CASH, DAEMON_LIMITS
from traderd.gym.desk import Desk
from traderd.gym.news import BOOKS, CONNECTION, News, market_of
from traderd.model import events as ev
from traderd.model import states as st
from traderd.model.commands import Command, Outcome, PlaceOrder
from traderd.model.ids import ClientOrderIds, InstanceId, MarketTicker, StrategyName
from traderd.model.orders import BalanceRecord
from traderd.model.units import NS_PER_S, Money, Timestamp
from traderd.paper.flow.agenda import Action
from traderd.paper.flow.order_flow import OrderFlow
from traderd.paper.ids import SeededIds
from traderd.paper.scenario import Scenario, build_venue, street_plans
from traderd.paper.to_wire import position_record

ACCOUNT: Final = "policy"
STRATEGY: Final = StrategyName("rl_policy")
START: Final = Timestamp(1_767_225_600 * NS_PER_S)
"""When episodes begin unless told otherwise: 2026-01-01 00:00 UTC, a day like any other."""
SYNC_NS: Final = 30 * NS_PER_S
"""How often the daemon reads the account."""
SYNC_SOON_NS: Final = 3 * NS_PER_S
"""How long after a fill it reads it."""


def one_market(scenario: Scenario, ticker: str) -> Scenario:
    """Return a scenario cut down to one market; raises BadInput when it has no such market."""
    markets = tuple(market for market in scenario.markets if market.ticker == ticker)
    if not markets:
        known = ", ".join(market.ticker for market in scenario.markets)
        raise BadInput(f"scenario {scenario.name} has no market {ticker}; it has {known}")
    events = tuple(event for event in scenario.events if event.ticker == markets[0].event)
    series = tuple(each for each in scenario.series if each.ticker == events[0].series)
    return msgspec.structs.replace(
        scenario, markets=markets, events=events, series=series, fee_changes=(), generated=None
    )


def _is_place(command: Command) -> bool:
    return isinstance(command, PlaceOrder)


class MarketSession:
    """An episode's world."""

    def __init__(
        self,
        scenario: Scenario,
        *,
        seed: int,
        rate: float,
        ticker: str | None = None,
        cash: Money = CASH,
        limits: RiskLimits = DAEMON_LIMITS,
        start: Timestamp = START,
        strategy: StrategyName = STRATEGY,
    ) -> None:
        """Open the exchange and bring the engine to `ready`.

        Args:
            scenario: with all its markets, or cut to one by `one_market`.
            seed: of the street.
            rate: quotes and takes a second over all markets of the scenario.
            ticker: the market to trade; None: the scenario's first.
            cash: of the account.
            limits: of the risk gate.
            start: the moment at which the exchange opens.
            strategy: whose orders they are.
        """
        self.ticker = MarketTicker(ticker or scenario.markets[0].ticker)
        self.now = start
        self.venue = build_venue(scenario, ids=SeededIds(seed), now=start)
        self.venue.open_account(ACCOUNT, cash, start, name=ACCOUNT)
        self.venue.take_outbox()
        self.engine = Engine(limits=limits)
        self.engine.begin_run()
        self.view = StateView(self.engine)
        self.strategy = strategy
        self.news_folded = 0
        """Events that the exchange told so far."""
        self._news = News(self.ticker, ACCOUNT)
        self._flow = OrderFlow(self.venue, Random(seed), rate, street_plans(scenario))
        self._pending: tuple[Timestamp, Action] | None = None
        self._start = self._sync_at = start
        self.desk = Desk(
            view=self.view,
            venue=self.venue,
            account_id=ACCOUNT,
            strategy=strategy,
            fold=self._fold,
            settle=self._take_news,
            ids=ClientOrderIds(InstanceId("00000000"), generation=1),
        )
        self._climb()

    # --- what happens -----------------------------------------------------------------------------

    def advance(self, until: Timestamp) -> None:
        """Let the exchange and the daemon's own routine run up to `until`, that moment included."""
        # The street's actions put nothing on the venue's own agenda that falls due within an interval.
        venue_due = self.venue.next_due()
        while True:
            flow_due = self._next_flow_due()
            due = flow_due if venue_due is None else min(flow_due, venue_due)
            if due > until:
                break
            self.now = Timestamp(max(due, self.now))
            self._read_account(Timestamp(self.now - 1))
            if venue_due is not None and venue_due <= self.now:
                self.venue.advance(self.now)
                venue_due = self.venue.next_due()
            if flow_due <= self.now and self._pending is not None:
                action, self._pending = self._pending[1], None
                self._flow.apply(action, self.now)
            self._take_news(self.now)
        self.now = until
        self._read_account(until)
        self._look_at_line()
        # Once for all that happened: between two decisions nobody looks.
        self.engine.settle()

    def send(self, commands: Iterable[Command]) -> list[Outcome]:
        """Carry commands out now: those that change and cancel first, as the actor does."""
        ordered = sorted(commands, key=_is_place)
        outcomes = [self.desk.send(command, self.now) for command in ordered]
        self.engine.settle()
        return outcomes

    def observe(self) -> Observation:
        """Return what the strategy sees now, by the daemon's own function."""
        seen = observe(self.view, self.ticker, self.strategy, self.now)
        assert seen is not None, "the market was listed and its book came with the start"
        return seen

    @property
    def is_open(self) -> bool:
        """Tell whether the market still trades."""
        market = self.venue.market(self.ticker)
        return market.is_active and self.now < market.close_time

    # --- money ------------------------------------------------------------------------------------

    def profit_at_mid(self) -> Money:
        """Return what the strategy gained, fees taken off, the open position valued at the middle of the book."""
        position = self.view.position(self.ticker)
        if position is None:
            return Money(0)
        open_profit = self.view.unrealized_at_mid(position)
        if open_profit is None:
            return self.profit_at_close()
        return Money(position.realized_pnl + open_profit - position.fees_paid)

    def profit_at_close(self) -> Money:
        """Return the same with the open position valued at the price at which it could be closed, before that fee."""
        position = self.view.position(self.ticker)
        if position is None:
            return Money(0)
        mark = self.view.last_known_mark(position)
        open_profit = position.unrealized_pnl(mark)
        return Money(position.realized_pnl + (open_profit or 0) - position.fees_paid)

    # --- folding ----------------------------------------------------------------------------------

    def _fold(self, event: ev.Event) -> None:
        for follow in self.engine.apply(event) or ():
            self._fold(follow)

    def _take_news(self, at: Timestamp) -> None:
        """Fold what the venue tells; readings of the account come sooner after a fill."""
        outbox = self.venue.take_outbox()
        if not outbox:
            return
        for event in self._news.events(outbox, at):
            self.news_folded += 1
            self._fold(event)
            if type(event) is ev.OrderFilled:
                self._sync_at = min(self._sync_at, Timestamp(at + SYNC_SOON_NS))

    def _next_flow_due(self) -> Timestamp:
        if self._pending is None:
            delay_s, action = self._flow.next_action(self.now)
            self._pending = Timestamp(self.now + round(delay_s * NS_PER_S)), action
        return self._pending[0]

    # --- the daemon's routine ---------------------------------------------------------------------

    def _read_account(self, until: Timestamp) -> None:
        while self._sync_at <= until:
            at, self._sync_at = self._sync_at, Timestamp(self._sync_at + SYNC_NS)
            self._sync(at, "update")

    def _look_at_line(self) -> None:
        # Of the looks since the last decision only the newest counts for a grade, and the line was never silent.
        at = Timestamp(self.now - (self.now - self._start) % NS_PER_S)
        self._fold(ev.LineObserved(at=at, connection=CONNECTION, heard_at=at, clock_offset_ms=0))

    def _climb(self) -> None:
        """Go the daemon's way from start-up to `ready`."""
        at, ticker, market = self.now, self.ticker, market_of(self.venue.market(self.ticker))
        self._step(st.InitializingMetadata(environment="sim", host="", log_level="", mode="gym"))
        self._fold(ev.MarketsListed(at=at, markets=(market,)))
        self._fold(ev.UniverseChanged(at=at, added=((ticker, "it is traded"),), dropped=()))
        self._step(
            st.OrderbookConnectMetadata(
                ws_url="", markets=ticker, market_count=1, environment="sim"
            )
        )
        for name in ev.FeedName:
            self._fold(ev.FeedConnected(at=at, feed=name, connection=CONNECTION, url=""))
        bids, asks = self.venue.book(ticker)
        self._fold(
            ev.BookSnapshot(
                ticker=ticker,
                bids=bids,
                asks=asks,
                subscription=BOOKS,
                seq=self._news.next_seq(),
                at=at,
            )
        )
        self._step(st.TradingClientConnectMetadata(mode="gym", environment="sim", api_url=""))
        self._step(st.KalshiDataSyncMetadata(mode="gym", sync_type="initial"))
        self._sync(at, "initial")
        self._step(
            st.ReadyMetadata(
                markets_connected=1,
                snapshots_received=1,
                deltas_received=0,
                connection_established=True,
                first_snapshot_received=True,
                environment="sim",
                trading_client=None,
            )
        )
        self.engine.settle()
        self._sync_at = Timestamp(at + SYNC_NS)

    def _step(self, metadata: st.Metadata) -> None:
        state = self.engine.state
        self._fold(
            ev.StateChanged(
                at=self.now,
                from_state=state,
                to_state=st.next_state(state, metadata),
                context="an episode begins",
                metadata=metadata,
            )
        )

    def _sync(self, at: Timestamp, sync_type: str) -> None:
        balance = self.venue.balance(ACCOUNT)
        held = [each for each in self.venue.positions(ACCOUNT) if each.count]
        self._fold(
            ev.AccountSynced(
                at=at,
                started_at=at,
                exchange_started_at=at,
                sync_type=sync_type,
                positions=tuple(position_record(each) for each in held),
                balance=BalanceRecord(
                    balance=balance.available, portfolio_value=balance.portfolio_value
                ),
                proves_balance=True,
            )
        )
