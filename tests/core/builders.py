"""Short ways to say facts, and an engine that is ready to trade: core tests read as transcripts."""

from typing import Any

from traderd.core.engine import Engine
from traderd.core.risk import RiskLimits
from traderd.model import events as ev
from traderd.model import states as st
from traderd.model.fees import FeeTerms, PublishedFees
from traderd.model.ids import ClientOrderId, EventTicker, MarketTicker, OrderId, TradeId
from traderd.model.market import LINEAR_CENT, Market, MarketStatus, PriceGrid
from traderd.model.orders import (
    AmendKind,
    AmendTerms,
    Attribution,
    BalanceRecord,
    Fill,
    OrderOwner,
    OrderRecord,
    OrderStatus,
    OrderTerms,
    PositionRecord,
    Side,
)
from traderd.model.units import (
    NS_PER_S,
    Count,
    Money,
    Price,
    Timestamp,
    parse_count,
    parse_money,
    parse_price,
)
from traderd.runtime.bus import Bus

TICKER = MarketTicker("KXA-26-Y")
OTHER = MarketTicker("KXB-26-Y")
SUBSCRIPTION = "1:1"
PERSON = Attribution(owner=OrderOwner.PERSON)
S = OrderStatus


def second(number: float) -> Timestamp:
    """Return a moment, in seconds after the start of the story."""
    return Timestamp(1_800_000_000 * NS_PER_S + int(number * NS_PER_S))


def price(text: str) -> Price:
    return parse_price(text)


def contracts(text: str | int) -> Count:
    return parse_count(text)


def dollars(text: str) -> Money:
    return parse_money(text)


# --- market data ----------------------------------------------------------------------------------


def market(
    ticker: MarketTicker = TICKER,
    *,
    status: MarketStatus = MarketStatus.ACTIVE,
    grid: PriceGrid = LINEAR_CENT,
) -> Market:
    return Market(
        ticker=ticker,
        event_ticker=EventTicker("KXA-26"),
        title="Will it?",
        status=status,
        grid=grid,
        close_time=second(86_400),
    )


def fees_published(of: str, multiplier: int) -> ev.FeesPublished:
    """Return that a series or an event is charged by this multiplier, in 1/1000."""
    terms_now = FeeTerms(maker_rate=0, multiplier=multiplier)
    return ev.FeesPublished(at=second(0), fees=PublishedFees(of=of, terms=terms_now))


def followed(*tickers: MarketTicker, at: float = 0) -> ev.UniverseChanged:
    """Return that these markets are followed from now on, TICKER if none is named."""
    added = tuple((ticker, "a test wants it") for ticker in tickers or (TICKER,))
    return ev.UniverseChanged(at=second(at), added=added, dropped=())


def snapshot(
    seq: int,
    bids: dict[str, str | int],
    asks: dict[str, str | int],
    *,
    ticker: MarketTicker = TICKER,
    subscription: str = SUBSCRIPTION,
    at: float = 0,
) -> ev.BookSnapshot:
    return ev.BookSnapshot(
        ticker=ticker,
        bids=tuple((price(p), contracts(c)) for p, c in bids.items()),
        asks=tuple((price(p), contracts(c)) for p, c in asks.items()),
        subscription=subscription,
        seq=seq,
        at=second(at),
    )


def delta(
    seq: int,
    side: Side,
    at_price: str,
    change: str | int,
    *,
    ticker: MarketTicker = TICKER,
    subscription: str = SUBSCRIPTION,
    at: float = 0,
) -> ev.BookDelta:
    return ev.BookDelta(
        ticker=ticker,
        side=side,
        price=price(at_price),
        change=contracts(change),
        subscription=subscription,
        seq=seq,
        at=second(at),
        exchange_at=second(at),
    )


def reply(seq: int, *, subscription: str = SUBSCRIPTION, at: float = 0) -> ev.SequenceAdvanced:
    return ev.SequenceAdvanced(subscription=subscription, seq=seq, at=second(at))


# --- orders ---------------------------------------------------------------------------------------


def terms(
    side: Side = Side.BID,
    at_price: str = "0.50",
    count: str | int = 10,
    *,
    ticker: MarketTicker = TICKER,
) -> OrderTerms:
    return OrderTerms(ticker=ticker, side=side, price=price(at_price), count=contracts(count))


def intended(
    key: str = "c1",
    what: OrderTerms | None = None,
    *,
    attribution: Attribution = PERSON,
    at: float = 1,
) -> ev.OrderIntended:
    return ev.OrderIntended(
        at=second(at),
        client_order_id=ClientOrderId(key),
        terms=what or terms(),
        attribution=attribution,
    )


def sent(key: str = "c1", *, at: float = 1) -> ev.OrderSent:
    return ev.OrderSent(at=second(at), client_order_id=ClientOrderId(key))


def accepted(
    key: str = "c1",
    order_id: str = "x1",
    *,
    filled: str | int = 0,
    remaining: str | int = 10,
    at: float = 2,
) -> ev.OrderAccepted:
    return ev.OrderAccepted(
        at=second(at),
        client_order_id=ClientOrderId(key),
        order_id=OrderId(order_id),
        fill_count=contracts(filled),
        remaining_count=contracts(remaining),
    )


def rejected(key: str = "c1", code: str = "insufficient_balance") -> ev.OrderRejected:
    return ev.OrderRejected(
        at=second(2), client_order_id=ClientOrderId(key), code=code, sentence=f"no: {code}"
    )


def unknown(key: str = "c1", *, at: float = 2) -> ev.OrderOutcomeUnknown:
    return ev.OrderOutcomeUnknown(
        at=second(at), client_order_id=ClientOrderId(key), sentence="no answer in 5 s"
    )


def not_placed(key: str = "c1") -> ev.OrderNotPlaced:
    return ev.OrderNotPlaced(
        at=second(9), client_order_id=ClientOrderId(key), sentence="not among the orders"
    )


def record(
    status: OrderStatus = S.RESTING,
    filled: str | int = 0,
    *,
    order_id: str = "x1",
    key: str | None = "c1",
    what: OrderTerms | None = None,
    reason: str | None = None,
) -> OrderRecord:
    asked = what or terms()
    fill_count = contracts(filled)
    left = asked.count - fill_count if status is S.RESTING else 0
    return OrderRecord(
        order_id=OrderId(order_id),
        client_order_id=None if key is None else ClientOrderId(key),
        ticker=asked.ticker,
        side=asked.side,
        price=asked.price,
        status=status,
        initial_count=asked.count,
        fill_count=fill_count,
        remaining_count=Count(left),
        reason=reason,
    )


def vanished(key: str = "c1", *, at: float = 8) -> ev.OrderVanished:
    return ev.OrderVanished(at=second(at), key=key, sentence="nobody knows it any more")


def reported(
    status: OrderStatus = S.RESTING, filled: str | int = 0, *, at: float = 3, **which: Any
) -> ev.OrderReported:
    return ev.OrderReported(
        at=second(at), record=record(status, filled, **which), source=ev.Source.FEED
    )


def fill(
    trade_id: str = "t1",
    count: str | int = 10,
    *,
    side: Side = Side.BID,
    at_price: str = "0.50",
    fee: str = "0",
    order_id: str = "x1",
    key: str | None = "c1",
    ticker: MarketTicker = TICKER,
    at: float = 3,
) -> Fill:
    return Fill(
        trade_id=TradeId(trade_id),
        order_id=OrderId(order_id),
        ticker=ticker,
        side=side,
        price=price(at_price),
        count=contracts(count),
        fee=dollars(fee),
        is_taker=True,
        executed_at=second(at),
        client_order_id=None if key is None else ClientOrderId(key),
    )


def filled(trade_id: str = "t1", count: str | int = 10, **which: Any) -> ev.OrderFilled:
    one = fill(trade_id, count, **which)
    return ev.OrderFilled(at=one.executed_at, fill=one, source=ev.Source.FEED)


def cancel_requested(order_id: str = "x1", *, at: float = 4) -> ev.CancelRequested:
    return ev.CancelRequested(at=second(at), order_id=OrderId(order_id))


def cancel_acknowledged(order_id: str = "x1", reduced: str | int = 10) -> ev.CancelAcknowledged:
    return ev.CancelAcknowledged(
        at=second(5), order_id=OrderId(order_id), reduced_by=contracts(reduced)
    )


def cancel_failed(order_id: str = "x1", code: str = "unconfirmed") -> ev.CancelFailed:
    return ev.CancelFailed(
        at=second(5), order_id=OrderId(order_id), code=code, sentence=f"not cancelled: {code}"
    )


def amend_requested(
    at_price: str = "0.50",
    count: str | int = 10,
    *,
    kind: AmendKind = AmendKind.AMEND,
    new_id: str | None = "c1b",
    order_id: str = "x1",
    at: float = 4,
) -> ev.AmendRequested:
    return ev.AmendRequested(
        at=second(at),
        order_id=OrderId(order_id),
        terms=AmendTerms(
            kind=kind,
            price=price(at_price),
            count=contracts(count),
            client_order_id=None if new_id is None else ClientOrderId(new_id),
        ),
    )


def amend_accepted(
    at_price: str = "0.50",
    count: str | int | None = 10,
    *,
    new_id: str | None = "c1b",
    order_id: str = "x1",
    exchange_at: float | None = None,
) -> ev.AmendAccepted:
    return ev.AmendAccepted(
        at=second(5),
        order_id=OrderId(order_id),
        price=price(at_price),
        count=None if count is None else contracts(count),
        client_order_id=None if new_id is None else ClientOrderId(new_id),
        exchange_at=None if exchange_at is None else second(exchange_at),
    )


def amend_failed(code: str = "not_applied", *, order_id: str = "x1") -> ev.AmendFailed:
    return ev.AmendFailed(
        at=second(6), order_id=OrderId(order_id), code=code, sentence=f"not changed: {code}"
    )


def amend_unknown(*, order_id: str = "x1") -> ev.AmendOutcomeUnknown:
    return ev.AmendOutcomeUnknown(
        at=second(5), order_id=OrderId(order_id), sentence="no answer in 5 s"
    )


# --- account --------------------------------------------------------------------------------------


def position_record(
    count: str | int, *, ticker: MarketTicker = TICKER, exposure: str = "5"
) -> PositionRecord:
    return PositionRecord(
        ticker=ticker,
        count=contracts(count),
        exposure=dollars(exposure),
        realized_pnl=Money(0),
        fees_paid=Money(0),
    )


def synced(
    *positions: PositionRecord,
    sync_type: str = "update",
    started: float = 100,
    balance: str = "1000",
    differences: tuple[ev.Difference, ...] = (),
) -> ev.AccountSynced:
    return ev.AccountSynced(
        at=second(started + 1),
        started_at=second(started),
        sync_type=sync_type,
        positions=positions,
        balance=BalanceRecord(balance=dollars(balance), portfolio_value=Money(0)),
        differences=differences,
    )


# --- conditions and states ------------------------------------------------------------------------


def halt(
    halt_id: str = "h1",
    author: ev.Author = ev.Author.PERSON,
    *,
    ticker: MarketTicker | None = None,
    reason: str = "told so",
) -> ev.HaltRaised:
    return ev.HaltRaised(at=second(6), halt_id=halt_id, author=author, reason=reason, ticker=ticker)


def cleared(halt_id: str = "h1", author: ev.Author = ev.Author.PERSON) -> ev.HaltCleared:
    return ev.HaltCleared(at=second(7), halt_id=halt_id, author=author)


INITIALIZING = st.InitializingMetadata(environment="sim", host="here", log_level="info", mode="x")
BOOKS = st.OrderbookConnectMetadata(
    ws_url="ws://here", markets="A", market_count=1, environment="sim"
)
CLIENT = st.TradingClientConnectMetadata(mode="trading", environment="sim", api_url="http://here")
SYNC = st.KalshiDataSyncMetadata(mode="trading", sync_type="initial")
READY = st.ReadyMetadata(
    markets_connected=1,
    snapshots_received=1,
    deltas_received=0,
    connection_established=True,
    first_snapshot_received=True,
    environment="sim",
    trading_client=None,
)
ACTING = st.ActingMetadata(orders_in_flight=1)
FAILED = st.ErrorMetadata(failed_stage="sync", error="503", attempt=1, retry_in_s=1.0)
SHUTDOWN = st.ShutdownMetadata(reason="asked to")


def step(engine: Engine, metadata: st.Metadata, *, at: float = 0) -> ev.StateChanged:
    """Return the step from where the engine is to where the metadata belongs."""
    return ev.StateChanged(
        at=second(at),
        from_state=engine.state,
        to_state=st.STATE_OF[type(metadata)],
        context="test",
        metadata=metadata,
    )


def climb(engine: Engine) -> list[ev.Event]:
    """Walk from STARTUP to READY and return what was told."""
    told: list[ev.Event] = []
    for metadata in (INITIALIZING, BOOKS, CLIENT, SYNC, READY):
        told += tell(engine, step(engine, metadata))
    return told


def limits(**changes: Any) -> RiskLimits:
    numbers: dict[str, Any] = {
        "max_order_count": contracts(100),
        "max_open_orders": 10,
        "max_exposure": dollars("1000"),
        "breaker_errors": 5,
        "price_collar": price("0.15"),
        "min_book_grade": ev.BookGrade.C,
    }
    return RiskLimits(**numbers | changes)


def ready_engine(**changes: Any) -> Engine:
    """Return an engine that follows two markets, knows their books, and is ready."""
    engine = Engine(limits=limits(**changes))
    engine.begin_run()
    book = {"0.45": 100}, {"0.55": 100}
    tell(
        engine,
        ev.MarketsListed(at=second(0), markets=(market(), market(OTHER))),
        followed(TICKER, OTHER),
        snapshot(1, *book),
        snapshot(2, *book, ticker=OTHER),
    )
    climb(engine)
    return engine


def tell(engine: Engine, *events: ev.Event) -> list[ev.Event]:
    """Publish events on a real bus; returns them with everything that followed, in order."""
    told: list[ev.Event] = []
    incidents: list[str] = []
    Bus(fold=engine.apply, record=told.extend, on_incident=incidents.append).publish(events)
    assert incidents == []
    return told


def kinds(events: list[ev.Event]) -> list[str]:
    """Return the names of events, for reading."""
    return [type(event).__name__ for event in events]
