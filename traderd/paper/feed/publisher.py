"""Every broadcast of the venue to whoever subscribed to it.

Owns: which channel tells of what, and encoding each message once for all who get the same bytes.
Must not: wait, answer commands, or know how frames travel.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from traderd.kalshi.wire import frames
from traderd.kalshi.wire.commands import (
    BOOKS,
    COMBO_LIFECYCLE,
    FILLS,
    GROUPS,
    LIFECYCLE,
    POSITIONS,
    QUOTES,
    TRADES,
    USER_ORDERS,
)
from traderd.kalshi.wire.frames import Message, data_message
from traderd.model.ids import MarketTicker
from traderd.paper.feed import bodies, lifecycle_bodies
from traderd.paper.feed.audience import Audience, Listeners
from traderd.paper.venue.messages import (
    Broadcast,
    EventCreated,
    EventFeesChanged,
    FillHappened,
    GroupChanged,
    LevelChanged,
    Lifecycle,
    MarketChanged,
    OrderUpdated,
    PositionChanged,
    QuoteChanged,
    TradeHappened,
)
from traderd.paper.venue.venue import Venue

COMBO_PREFIX: Final = "KXMVE"
"""Kalshi: combos have a lifecycle channel of their own."""
NOT_OF_COMBOS: Final = (Lifecycle.GRID_UPDATED, Lifecycle.METADATA_UPDATED)
"""Steps that the combos' channel does not know (Kalshi: AsyncAPI)."""


class Publisher:
    """The way from the venue's outbox to the subscriptions."""

    def __init__(self, venue: Venue, audience: Audience) -> None:
        self._venue = venue
        self._audience = audience
        self._sent_ms = 0
        self._ways: dict[type[Broadcast], Callable[[Any], None]] = {
            LevelChanged: self._level,
            TradeHappened: self._trade,
            OrderUpdated: self._order,
            FillHappened: self._fill,
            PositionChanged: self._position,
            QuoteChanged: self._quote,
            MarketChanged: self._market,
            EventCreated: self._event,
            EventFeesChanged: self._fees,
            GroupChanged: self._group,
        }

    @property
    def kinds(self) -> frozenset[type[Broadcast]]:
        """The broadcasts that are told."""
        return frozenset(self._ways)

    def publish(self, news: Broadcast, sent_ms: int) -> None:
        """Tell one broadcast; `sent_ms` is the moment, for every frame of it."""
        self._sent_ms = sent_ms
        self._ways[type(news)](news)

    # --- market data ------------------------------------------------------------------------------

    def _level(self, news: LevelChanged) -> None:
        listeners = self._audience.of_market(BOOKS, news.ticker)
        if not listeners:
            return
        forms: list[Message | None] = [None, None]
        for each in listeners:
            form = each.use_yes_price
            if news.account is not None and news.account == each.account_id:
                # The copy of whoever caused it is the only one that differs.
                each.tell(self._delta(news, use_yes_price=form, is_own=True))
                continue
            message = forms[form]
            if message is None:
                message = forms[form] = self._delta(news, use_yes_price=form, is_own=False)
            each.tell(message)

    def _delta(self, news: LevelChanged, *, use_yes_price: bool, is_own: bool) -> Message:
        market_id = self._venue.market(news.ticker).market_id
        body = bodies.delta(news, market_id, use_yes_price=use_yes_price, is_own=is_own)
        return data_message("orderbook_delta", body, self._sent_ms)

    def _trade(self, news: TradeHappened) -> None:
        listeners = self._audience.of_market(TRADES, news.trade.ticker)
        if listeners:
            self._tell(listeners, "trade", bodies.trade(news.trade))

    def _quote(self, news: QuoteChanged) -> None:
        market_id = self._venue.market(news.ticker).market_id
        listeners = self._audience.of_market(QUOTES, news.ticker)
        listeners += self._audience.of_market_id(news.ticker, market_id)
        if listeners:
            self._tell(listeners, "ticker", bodies.ticker(news, market_id))

    # --- private ----------------------------------------------------------------------------------

    def _order(self, news: OrderUpdated) -> None:
        listeners = self._audience.of_account(USER_ORDERS, news.account, news.order.ticker)
        if listeners:
            self._tell(listeners, "user_order", bodies.user_order(news.order))

    def _fill(self, news: FillHappened) -> None:
        listeners = self._audience.of_account(FILLS, news.account, news.fill.ticker)
        if listeners:
            self._tell(listeners, "fill", bodies.fill(news))

    def _position(self, news: PositionChanged) -> None:
        listeners = self._audience.of_account(POSITIONS, news.account, news.position.ticker)
        if listeners:
            self._tell(listeners, "market_position", bodies.market_position(news))

    def _group(self, news: GroupChanged) -> None:
        listeners = self._audience.of_account(GROUPS, news.account)
        if listeners:
            self._tell(listeners, "order_group_updates", bodies.order_group(news))

    # --- lifecycle --------------------------------------------------------------------------------

    def _market(self, news: MarketChanged) -> None:
        if news.kind is Lifecycle.CREATED:
            self._open_books(news.market.ticker, news.market.market_id)
        is_combo = news.market.ticker.startswith(COMBO_PREFIX)
        if is_combo and news.kind in NOT_OF_COMBOS:
            return
        channel = COMBO_LIFECYCLE if is_combo else LIFECYCLE
        self._tell_channel(channel, channel, lifecycle_bodies.market_lifecycle(news))

    def _open_books(self, ticker: MarketTicker, market_id: str) -> None:
        # Who subscribed before there was a market gets its empty book before the first change of it.
        for each in self._audience.of_market(BOOKS, ticker):
            body = frames.snapshot_body(
                ticker=ticker,
                market_id=market_id,
                bids=(),
                asks=(),
                use_yes_price=each.use_yes_price,
            )
            each.tell(data_message("orderbook_snapshot", body, self._sent_ms))

    def _event(self, news: EventCreated) -> None:
        is_combo = news.event.ticker.startswith(COMBO_PREFIX)
        channel = COMBO_LIFECYCLE if is_combo else LIFECYCLE
        self._tell_channel(channel, "event_lifecycle", lifecycle_bodies.event_lifecycle(news.event))

    def _fees(self, news: EventFeesChanged) -> None:
        self._tell_channel(LIFECYCLE, "event_fee_update", lifecycle_bodies.event_fees(news))

    def _tell_channel(self, channel: str, kind: str, body: Any) -> None:
        self._tell(self._audience.of_channel(channel), kind, body)

    def _tell(self, listeners: Listeners, kind: str, body: Any) -> None:
        if not listeners:
            return
        message = data_message(kind, body, self._sent_ms)
        for each in listeners:
            each.tell(message)
