"""WebSocket commands as the trader writes them, and the words that both sides share.

Owns: channels, actions, the shape of the four commands and the error codes (Kalshi: WebSocket error codes).
Must not: read a command (`command_reader`), or know which subscriptions a session has.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final, TypeAlias

import attrs
import msgspec

from traderd.errors import BadInput

BOOKS: Final = "orderbook_delta"
QUOTES: Final = "ticker"
TRADES: Final = "trade"
FILLS: Final = "fill"
USER_ORDERS: Final = "user_orders"
POSITIONS: Final = "market_positions"
GROUPS: Final = "order_group_updates"
LIFECYCLE: Final = "market_lifecycle_v2"
COMBO_LIFECYCLE: Final = "multivariate_market_lifecycle"
COMMUNICATIONS: Final = "communications"
INDICES: Final = "cfbenchmarks_value"
INDICES_5HZ: Final = "cfbenchmarks_value_5hz"
UNDERLYINGS: Final = "pyth_value"
CHANNELS: Final = (
    BOOKS,
    QUOTES,
    TRADES,
    FILLS,
    USER_ORDERS,
    POSITIONS,
    GROUPS,
    LIFECYCLE,
    COMBO_LIFECYCLE,
    COMMUNICATIONS,
    INDICES,
    INDICES_5HZ,
    UNDERLYINGS,
)
"""Every channel there is (Kalshi: AsyncAPI of September 2026)."""

ADD_MARKETS: Final = "add_markets"
DELETE_MARKETS: Final = "delete_markets"
GET_SNAPSHOT: Final = "get_snapshot"
ACTIONS: Final = (ADD_MARKETS, DELETE_MARKETS, GET_SNAPSHOT)
ADD_INDICES: Final = "subscribe_indices"
DELETE_INDICES: Final = "unsubscribe_indices"
LIST_INDICES: Final = "indexlist"
ADD_UNDERLYINGS: Final = "subscribe_underlyings"
DELETE_UNDERLYINGS: Final = "unsubscribe_underlyings"
LIST_UNDERLYINGS: Final = "underlying_list"
"""What only the channels of reference prices know."""

ERROR_TEXT: Final = {
    1: "Unable to process message",
    2: "Params required",
    3: "Channels required",
    4: "Subscription IDs required",
    5: "Unknown command",
    7: "Unknown subscription ID",
    8: "Unknown channel name",
    9: "Authentication required",
    10: "Channel error",
    11: "Invalid parameter",
    12: "Exactly one subscription ID is required",
    13: "Unsupported action",
    14: "Market Ticker required",
    15: "Action required",
    18: "Command timeout",
    19: "shard_factor must be > 0",
    20: "shard_factor is required when shard_key is set",
    21: "shard_key must be >= 0 and < shard_factor",
    22: "shard_factor must be <= 100",
    23: "Match IDs required",
    24: "Index IDs required",
    25: "Subscription buffer overflow",
    26: "Subscription market limit exceeded",
    27: "Too many requests",
    28: "Underlying tickers required",
}
"""The codes in use (Kalshi: section "error codes"; 6, 16 and 17 were retired on 2026-09-10)."""
BUFFER_OVERFLOW: Final = 25
"""We read too slowly for the exchange."""
TERMINAL_CODES: Final = (10, BUFFER_OVERFLOW)
"""The subscription is dead after one of these."""


@attrs.frozen(kw_only=True)
class Subscribe:
    """Ask for channels."""

    id: int
    channels: tuple[str, ...]
    tickers: tuple[str, ...] = ()
    market_ids: tuple[str, ...] = ()
    """The other way to name markets, on `ticker` only."""
    use_yes_price: bool = False
    """How the NO side of a book is quoted."""
    skip_ticker_ack: bool = False
    send_initial_snapshot: bool = False
    index_ids: tuple[str, ...] = ()
    underlying_tickers: tuple[str, ...] = ()
    """What the channels of reference prices are about."""


@attrs.frozen(kw_only=True)
class UpdateSubscription:
    """Change what one subscription covers, or ask for snapshots or lists."""

    id: int
    sid: int
    action: str
    tickers: tuple[str, ...] = ()
    market_ids: tuple[str, ...] = ()
    send_initial_snapshot: bool = False
    index_ids: tuple[str, ...] = ()
    underlying_tickers: tuple[str, ...] = ()


@attrs.frozen(kw_only=True)
class Unsubscribe:
    """End subscriptions."""

    id: int
    sids: tuple[int, ...]


@attrs.frozen(kw_only=True)
class ListSubscriptions:
    """Ask what is subscribed."""

    id: int


FeedCommand: TypeAlias = Subscribe | UpdateSubscription | Unsubscribe | ListSubscriptions


class CommandRefused(BadInput):
    """A command that a server must answer with an error; `code` is Kalshi's, `id` the command's (0: none)."""

    def __init__(self, code: int, *, command_id: int = 0) -> None:
        super().__init__(f"{code} {ERROR_TEXT[code]}")
        self.code = code
        self.command_id = command_id


# --- the trader writes ----------------------------------------------------------------------------


def encode_subscribe(
    command_id: int,
    channels: Sequence[str],
    tickers: Sequence[str] = (),
    *,
    use_yes_price: bool = True,
) -> bytes:
    """Return a subscribe command; the price form is always said, its default will change."""
    params: dict[str, Any] = {"channels": list(channels)}
    if tickers:
        params["market_tickers"] = list(tickers)
    if BOOKS in channels:
        params["use_yes_price"] = use_yes_price
    return _command(command_id, "subscribe", params)


def encode_update(command_id: int, sid: int, action: str, tickers: Sequence[str]) -> bytes:
    """Return an update_subscription command; `action` is one of ACTIONS."""
    params = {"sid": sid, "action": action, "market_tickers": list(tickers)}
    return _command(command_id, "update_subscription", params)


def encode_unsubscribe(command_id: int, sids: Sequence[int]) -> bytes:
    """Return an unsubscribe command."""
    return _command(command_id, "unsubscribe", {"sids": list(sids)})


def encode_list_subscriptions(command_id: int) -> bytes:
    """Return a list_subscriptions command."""
    return msgspec.json.encode({"id": command_id, "cmd": "list_subscriptions"})


def _command(command_id: int, name: str, params: dict[str, Any]) -> bytes:
    return msgspec.json.encode({"id": command_id, "cmd": name, "params": params})
