"""The daemon's states, the table of legal steps, and one metadata class per state.

Owns: which state may follow which. A transition is asked for with metadata, and the metadata's class *is*
the target state, so data of one state cannot leak into another.
Must not: decide when to step.
"""

from __future__ import annotations

import enum
from typing import Final, TypeAlias

import attrs

from traderd.errors import IllegalTransition
from traderd.model.units import Money

TICKERS_SHOWN = 2
"""Bounds the tickers a metadata line names before "...and N more"."""


class State(enum.Enum):
    """Where the daemon is on its way up, or in its work."""

    STARTUP = "startup"
    INITIALIZING = "initializing"
    ORDERBOOK_CONNECT = "orderbook_connect"
    TRADING_CLIENT_CONNECT = "trading_client_connect"
    KALSHI_DATA_SYNC = "kalshi_data_sync"
    READY = "ready"
    ACTING = "acting"
    ERROR = "error"
    SHUTDOWN = "shutdown"


@attrs.frozen(kw_only=True)
class InitializingMetadata:
    """What was decided before anything was connected."""

    environment: str
    host: str
    log_level: str
    mode: str


@attrs.frozen(kw_only=True)
class OrderbookConnectMetadata:
    """Where market data comes from."""

    ws_url: str
    markets: str
    market_count: int
    environment: str


@attrs.frozen(kw_only=True)
class TradingClientConnectMetadata:
    """Where orders go."""

    mode: str
    environment: str
    api_url: str


@attrs.frozen(kw_only=True)
class KalshiDataSyncMetadata:
    """Which calibration runs: `initial` on the way up, `update` later."""

    mode: str
    sync_type: str


@attrs.frozen(kw_only=True)
class TradingClientSummary:
    """The account at the moment of becoming ready; the changes are set on an update only."""

    connected: bool
    mode: str
    balance: Money
    portfolio_value: Money
    positions: int
    orders: int
    balance_change: Money | None = None
    positions_change: int | None = None
    orders_change: int | None = None


@attrs.frozen(kw_only=True)
class ReadyMetadata:
    """What stands; `trading_client` is None when trading is off."""

    markets_connected: int
    snapshots_received: int
    deltas_received: int
    connection_established: bool
    first_snapshot_received: bool
    environment: str
    trading_client: TradingClientSummary | None


@attrs.frozen(kw_only=True)
class ActingMetadata:
    """How many commands are in flight."""

    orders_in_flight: int


@attrs.frozen(kw_only=True)
class ErrorMetadata:
    """Which stage failed, why, and when it is tried again."""

    failed_stage: str
    error: str
    attempt: int
    retry_in_s: float


@attrs.frozen(kw_only=True)
class ShutdownMetadata:
    """Why the daemon stops."""

    reason: str


Metadata: TypeAlias = (
    InitializingMetadata
    | OrderbookConnectMetadata
    | TradingClientConnectMetadata
    | KalshiDataSyncMetadata
    | ReadyMetadata
    | ActingMetadata
    | ErrorMetadata
    | ShutdownMetadata
)

STATE_OF: Final[dict[type, State]] = {
    InitializingMetadata: State.INITIALIZING,
    OrderbookConnectMetadata: State.ORDERBOOK_CONNECT,
    TradingClientConnectMetadata: State.TRADING_CLIENT_CONNECT,
    KalshiDataSyncMetadata: State.KALSHI_DATA_SYNC,
    ReadyMetadata: State.READY,
    ActingMetadata: State.ACTING,
    ErrorMetadata: State.ERROR,
    ShutdownMetadata: State.SHUTDOWN,
}
"""The target state of each metadata class; STARTUP is only ever left, so it has none."""

_ANYWHERE = (State.ERROR, State.SHUTDOWN)

TRANSITIONS: Final[dict[State, tuple[State, ...]]] = {
    State.STARTUP: (State.INITIALIZING, *_ANYWHERE),
    State.INITIALIZING: (State.ORDERBOOK_CONNECT, *_ANYWHERE),
    # With trading off the way up ends here; after a failure, stages that still stand are passed over.
    State.ORDERBOOK_CONNECT: (
        State.TRADING_CLIENT_CONNECT,
        State.KALSHI_DATA_SYNC,
        State.READY,
        *_ANYWHERE,
    ),
    State.TRADING_CLIENT_CONNECT: (State.KALSHI_DATA_SYNC, *_ANYWHERE),
    State.KALSHI_DATA_SYNC: (State.READY, *_ANYWHERE),
    State.READY: (State.ACTING, *_ANYWHERE),
    State.ACTING: (State.READY, *_ANYWHERE),
    # Recovery climbs again from the stage that failed, whichever it was.  A second failure while
    # waiting is a new error with its own attempt number.
    State.ERROR: (
        State.INITIALIZING,
        State.ORDERBOOK_CONNECT,
        State.TRADING_CLIENT_CONNECT,
        State.KALSHI_DATA_SYNC,
        *_ANYWHERE,
    ),
    State.SHUTDOWN: (),
}

WORKING: Final = (State.READY, State.ACTING)
"""The states in which strategies may act."""


def next_state(current: State, metadata: Metadata) -> State:
    """Return the state that `metadata` leads to.

    Raises:
        IllegalTransition: the table has no such step; nothing was changed.
    """
    target = STATE_OF[type(metadata)]
    if target not in TRANSITIONS[current]:
        raise IllegalTransition(f"{current.value} -> {target.value} is not in the table of states")
    return target


def name_tickers(tickers: tuple[str, ...]) -> str:
    """Return tickers for a metadata line: the first two, then `...and N more`."""
    shown = ", ".join(tickers[:TICKERS_SHOWN])
    rest = len(tickers) - TICKERS_SHOWN
    return f"{shown} ...and {rest} more" if rest > 0 else shown
