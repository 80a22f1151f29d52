"""A daemon that is composed but does not run: real bus, engine, journal and lifecycle, moved by hand.

Owns: the short words with which tests of screens and documents say what happened.
Must not: replace any part but the `Env`.
"""

from __future__ import annotations

import io
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Final

import structlog

from traderd.app import open_daemon
from traderd.config import load_config
from traderd.model import events as ev
from traderd.model.ids import EventTicker, MarketTicker, OrderId, TradeId
from traderd.model.market import LINEAR_CENT, Market, MarketStatus
from traderd.model.orders import (
    Attribution,
    BalanceRecord,
    Fill,
    OrderOwner,
    OrderTerms,
    PositionRecord,
    Side,
)
from traderd.model.units import Timestamp, parse_count, parse_money, parse_price
from traderd.plugin_manager import load_plugins
from traderd.runtime.log import configure_log
from traderd.runtime.simulation import SimEnv
from traderd.services.context import Context, Shared
from traderd.services.stages import MARKET_DATA, SYNC, TRADING_CLIENT

MARKET: Final = MarketTicker("KXDEMO-26DEC31-A")
OTHER_MARKET: Final = MarketTicker("KXDEMO-26DEC31-B")
SUBSCRIPTION: Final = "1:1"
PERSON: Final = Attribution(owner=OrderOwner.PERSON)


class StillDaemon:
    """The parts of a composed daemon."""

    def __init__(self, shared: Shared, log_text: io.StringIO) -> None:
        self.shared, self.log_text = shared, log_text
        self._seq = 0
        self._trades = 0

    @property
    def view(self) -> Any:
        return self.shared.view

    def context(self, name: str) -> Context:
        return Context(
            name=name, shared=self.shared, log=structlog.get_logger("traderd").bind(service=name)
        )

    def now(self) -> Timestamp:
        return Timestamp(self.shared.env.wall_ns())

    def publish(self, *events: ev.Event) -> None:
        self.shared.bus.publish(events)

    def climb(self) -> None:
        """Go up to `ready`, as the supervisor does."""
        lifecycle = self.shared.lifecycle
        lifecycle.entering(MARKET_DATA)
        if self.shared.config.trading_enabled:
            lifecycle.entering(TRADING_CLIENT)
            lifecycle.entering(SYNC)
        lifecycle.arrived()

    def connect(self, feed: ev.FeedName) -> None:
        self.publish(ev.FeedConnected(at=self.now(), feed=feed, connection=1, url="ws://sim"))

    def list_market(self, ticker: MarketTicker = MARKET, *, title: str = "Demo") -> None:
        market = Market(
            ticker=ticker,
            event_ticker=EventTicker("KXDEMO-26DEC31"),
            title=title,
            status=MarketStatus.ACTIVE,
            grid=LINEAR_CENT,
            close_time=Timestamp(self.now() + 10**18),
        )
        self.publish(ev.MarketsListed(at=self.now(), markets=(market,)))

    def snapshot(
        self, ticker: MarketTicker = MARKET, *, bids: dict[str, str], asks: dict[str, str]
    ) -> None:
        self._seq += 1
        self.publish(
            ev.BookSnapshot(
                ticker=ticker,
                bids=tuple((parse_price(p), parse_count(c)) for p, c in bids.items()),
                asks=tuple((parse_price(p), parse_count(c)) for p, c in asks.items()),
                subscription=SUBSCRIPTION,
                seq=self._seq,
                at=self.now(),
            )
        )

    def place(
        self,
        side: Side,
        count: str,
        price: str,
        *,
        ticker: MarketTicker = MARKET,
        attribution: Attribution = PERSON,
    ) -> str:
        """Place an order that the exchange accepts and that rests; returns its key."""
        key = self.shared.order_ids.next_id()
        terms = OrderTerms(
            ticker=ticker, side=side, price=parse_price(price), count=parse_count(count)
        )
        at = self.now()
        self.publish(
            ev.OrderIntended(at=at, client_order_id=key, terms=terms, attribution=attribution),
            ev.OrderSent(at=at, client_order_id=key),
            ev.OrderAccepted(
                at=at,
                client_order_id=key,
                order_id=OrderId(f"order-{key}"),
                fill_count=parse_count("0"),
                remaining_count=terms.count,
            ),
        )
        return key

    def fill(self, key: str, count: str, price: str, fee: str) -> None:
        """Fill some of an order, as maker."""
        order = self.view.order(key)
        self._trades += 1
        self.publish(
            ev.OrderFilled(
                at=self.now(),
                fill=Fill(
                    trade_id=TradeId(f"trade-{self._trades}"),
                    order_id=order.order_id,
                    ticker=order.ticker,
                    side=order.side,
                    price=parse_price(price),
                    count=parse_count(count),
                    fee=parse_money(fee),
                    is_taker=False,
                    executed_at=self.now(),
                ),
                source=ev.Source.FEED,
            )
        )

    def sync(
        self,
        balance: str,
        *,
        sync_type: str = "initial",
        positions: tuple[PositionRecord, ...] = (),
    ) -> None:
        """Read the account."""
        self.publish(
            ev.AccountSynced(
                at=self.now(),
                started_at=self.now(),
                sync_type=sync_type,
                positions=positions,
                balance=BalanceRecord(
                    balance=parse_money(balance), portfolio_value=parse_money("0")
                ),
            )
        )


@asynccontextmanager
async def still_daemon(
    directory: Path, *, level: str = "info", plugin_directories: tuple[Path, ...] = (), **flags: Any
) -> AsyncIterator[StillDaemon]:
    """Compose a daemon in a directory; flags are settings with `__` for the dot."""
    env, text = SimEnv(seed=1), io.StringIO()
    config = load_config(
        variables={},
        directory=directory,
        flags={
            "state_dir": str(directory / "state"),
            **{name.replace("__", "."): value for name, value in flags.items()},
        },
    )
    log = configure_log(
        env=env, level=level, stream=text, environment=config.environment, as_json=True
    )
    plugins = load_plugins(plugin_directories)
    async with open_daemon(config, env=env, log=log, plugins=plugins) as daemon:
        yield StillDaemon(daemon.shared, text)
