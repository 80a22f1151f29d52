"""WebSocket commands: written by the trader, read and refused by the exchange.

Owns: the shape of the four commands and the error codes (Kalshi: WebSocket error codes).
Must not: know which subscriptions a session has.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from typing import Any, Final, TypeAlias

import attrs
import msgspec

from traderd.errors import BadInput

BOOKS: Final = "orderbook_delta"
TRADES: Final = "trade"
FILLS: Final = "fill"
USER_ORDERS: Final = "user_orders"
CHANNELS: Final = (BOOKS, TRADES, FILLS, USER_ORDERS)

ADD_MARKETS: Final = "add_markets"
DELETE_MARKETS: Final = "delete_markets"
GET_SNAPSHOT: Final = "get_snapshot"
ACTIONS: Final = (ADD_MARKETS, DELETE_MARKETS, GET_SNAPSHOT)

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
    25: "Subscription buffer overflow",
    26: "Subscription market limit exceeded",
    27: "Too many requests",
}
"""The codes in use (Kalshi: section "error codes"; 6, 16 and 17 were retired on 2026-09-10)."""
TERMINAL_CODES: Final = (10, 25)
"""The subscription is dead after one of these."""


@attrs.frozen(kw_only=True)
class Subscribe:
    """Ask for channels; `use_yes_price` decides how the NO side of a book is quoted."""

    id: int
    channels: tuple[str, ...]
    tickers: tuple[str, ...] = ()
    use_yes_price: bool = False
    skip_ticker_ack: bool = False


@attrs.frozen(kw_only=True)
class UpdateSubscription:
    """Change the markets of one subscription, or ask for their snapshots."""

    id: int
    sid: int
    action: str
    tickers: tuple[str, ...]


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


# --- the exchange reads ---------------------------------------------------------------------------


class _Params(msgspec.Struct, frozen=True):
    channels: list[str] | None = None
    market_ticker: str | None = None
    market_tickers: list[str] | None = None
    use_yes_price: bool | None = None
    skip_ticker_ack: bool | None = None
    sid: int | None = None
    sids: list[int] | None = None
    action: str | None = None


def decode_command(raw: bytes | str, channels: Collection[str] = CHANNELS) -> FeedCommand:
    """Return a client's command; `channels` are the ones that the server has.

    Raises:
        CommandRefused: with the code that Kalshi answers; code 7 needs the session and is the server's.
    """
    try:
        parsed = msgspec.json.decode(raw)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as exc:
        raise CommandRefused(1) from exc
    if not isinstance(parsed, dict):
        raise CommandRefused(1)
    command_id = parsed.get("id", 0)
    if not isinstance(command_id, int) or isinstance(command_id, bool) or command_id < 0:
        raise CommandRefused(1)
    name = parsed.get("cmd")
    if name == "list_subscriptions":
        return ListSubscriptions(id=command_id)
    read = _READERS.get(name) if isinstance(name, str) else None
    if read is None:
        raise CommandRefused(5 if isinstance(name, str) else 1, command_id=command_id)
    if not isinstance(parsed.get("params"), dict):
        raise CommandRefused(2, command_id=command_id)
    try:
        params = msgspec.convert(parsed["params"], _Params)
    except msgspec.ValidationError as exc:
        raise CommandRefused(11, command_id=command_id) from exc
    return read(command_id, params, channels)


def _read_subscribe(command_id: int, params: _Params, known: Collection[str]) -> Subscribe:
    if not params.channels:
        raise CommandRefused(3, command_id=command_id)
    if any(channel not in known for channel in params.channels):
        raise CommandRefused(8, command_id=command_id)
    tickers = _tickers(command_id, params)
    if BOOKS in params.channels and not tickers:
        raise CommandRefused(14, command_id=command_id)
    return Subscribe(
        id=command_id,
        channels=tuple(dict.fromkeys(params.channels)),
        tickers=tickers,
        use_yes_price=bool(params.use_yes_price),
        skip_ticker_ack=bool(params.skip_ticker_ack),
    )


def _read_update(command_id: int, params: _Params, known: Collection[str]) -> UpdateSubscription:
    sids = ([] if params.sid is None else [params.sid]) + (params.sids or [])
    if len(sids) != 1:
        raise CommandRefused(12, command_id=command_id)
    if not params.action:
        raise CommandRefused(15, command_id=command_id)
    if params.action not in ACTIONS:
        raise CommandRefused(13, command_id=command_id)
    tickers = _tickers(command_id, params)
    if not tickers:
        raise CommandRefused(14, command_id=command_id)
    return UpdateSubscription(id=command_id, sid=sids[0], action=params.action, tickers=tickers)


def _read_unsubscribe(command_id: int, params: _Params, known: Collection[str]) -> Unsubscribe:
    if not params.sids:
        raise CommandRefused(4, command_id=command_id)
    return Unsubscribe(id=command_id, sids=tuple(dict.fromkeys(params.sids)))


def _tickers(command_id: int, params: _Params) -> tuple[str, ...]:
    if params.market_ticker and params.market_tickers:
        raise CommandRefused(11, command_id=command_id)
    if params.market_ticker:
        return (params.market_ticker,)
    return tuple(dict.fromkeys(params.market_tickers or ()))


_READERS: Final[dict[str, Callable[[int, _Params, Collection[str]], FeedCommand]]] = {
    "subscribe": _read_subscribe,
    "update_subscription": _read_update,
    "unsubscribe": _read_unsubscribe,
}
