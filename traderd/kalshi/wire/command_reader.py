"""WebSocket commands as the exchange reads and refuses them.

Owns: which command is well formed, and the code that answers one that is not (Kalshi: WebSocket error codes).
Must not: know which subscriptions a session has: code 7, and what one channel can do, are the session's.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import Final

import msgspec

from traderd.kalshi.wire.commands import (
    ACTIONS,
    ADD_INDICES,
    ADD_UNDERLYINGS,
    BOOKS,
    CHANNELS,
    DELETE_INDICES,
    DELETE_UNDERLYINGS,
    LIST_INDICES,
    LIST_UNDERLYINGS,
    CommandRefused,
    FeedCommand,
    ListSubscriptions,
    Subscribe,
    Unsubscribe,
    UpdateSubscription,
)

ID_MAX: Final = 2**63 - 1
"""Bounds a command's id: what a signed 64-bit integer holds, and what can be written back."""
NAME_CHARACTERS_MAX: Final = 128
"""Bounds a ticker or id in a command: the longest tickers seen have 60 characters."""
SHARD_FACTOR_MAX: Final = 100
"""Kalshi: `shard_factor` of `communications`."""
USER_FILTERS: Final = ("", "self")
"""Kalshi: `user_filter` of `communications`."""


class _Params(msgspec.Struct, frozen=True):
    channels: list[str] | None = None
    market_ticker: str | None = None
    market_tickers: list[str] | None = None
    market_id: str | None = None
    market_ids: list[str] | None = None
    use_yes_price: bool | None = None
    skip_ticker_ack: bool | None = None
    send_initial_snapshot: bool | None = None
    user_filter: str | None = None
    shard_factor: int | None = None
    shard_key: int | None = None
    index_ids: list[str] | None = None
    underlying_tickers: list[str] | None = None
    sid: int | None = None
    sids: list[int] | None = None
    action: str | None = None


def decode_command(raw: bytes | str, channels: Collection[str] = CHANNELS) -> FeedCommand:
    """Return a client's command; `channels` are the ones that the server has.

    Raises:
        CommandRefused: with the code that Kalshi answers.
    """
    try:
        parsed = msgspec.json.decode(raw)
    except (msgspec.DecodeError, UnicodeError, RecursionError) as exc:
        raise CommandRefused(1) from exc
    if not isinstance(parsed, dict):
        raise CommandRefused(1)
    command_id = parsed.get("id")
    if command_id is None:
        command_id = 0
    if type(command_id) is not int or not 0 <= command_id <= ID_MAX:
        raise CommandRefused(1)
    try:
        return _read(command_id, parsed, channels)
    except _Wrong as exc:
        raise CommandRefused(exc.code, command_id=command_id) from exc


class _Wrong(Exception):
    def __init__(self, code: int) -> None:
        super().__init__(code)
        self.code = code


def _read(command_id: int, parsed: dict[str, object], channels: Collection[str]) -> FeedCommand:
    name = parsed.get("cmd")
    if not isinstance(name, str):
        raise _Wrong(1)
    if name == "list_subscriptions":
        return ListSubscriptions(id=command_id)
    read = _READERS.get(name)
    if read is None:
        raise _Wrong(5)
    if not isinstance(parsed.get("params"), dict):
        raise _Wrong(2)
    try:
        params = msgspec.convert(parsed["params"], _Params)
    except msgspec.ValidationError as exc:
        raise _Wrong(11) from exc
    return read(command_id, params, channels)


def _read_subscribe(command_id: int, params: _Params, known: Collection[str]) -> Subscribe:
    if not params.channels:
        raise _Wrong(3)
    if any(channel not in known for channel in params.channels):
        raise _Wrong(8)
    tickers, market_ids = _markets(params)
    if BOOKS in params.channels and not tickers:
        # Books cannot be named by id.
        raise _Wrong(14)
    _check_communications(params)
    return Subscribe(
        id=command_id,
        channels=tuple(dict.fromkeys(params.channels)),
        tickers=tickers,
        market_ids=market_ids,
        use_yes_price=bool(params.use_yes_price),
        skip_ticker_ack=bool(params.skip_ticker_ack),
        send_initial_snapshot=bool(params.send_initial_snapshot),
        index_ids=_names(params.index_ids),
        underlying_tickers=_names(params.underlying_tickers),
    )


def _check_communications(params: _Params) -> None:
    if (params.user_filter or "") not in USER_FILTERS:
        raise _Wrong(11)
    factor, key = params.shard_factor, params.shard_key
    if factor is not None and factor <= 0:
        raise _Wrong(19)
    if factor is not None and factor > SHARD_FACTOR_MAX:
        raise _Wrong(22)
    if key is not None and factor is None:
        raise _Wrong(20)
    if key is not None and factor is not None and not 0 <= key < factor:
        raise _Wrong(21)


def _read_update(command_id: int, params: _Params, known: Collection[str]) -> UpdateSubscription:
    sids = ([] if params.sid is None else [params.sid]) + (params.sids or [])
    if len(sids) != 1:
        raise _Wrong(12)
    if not params.action:
        raise _Wrong(15)
    tickers, market_ids = _markets(params)
    if params.action in ACTIONS:
        if not tickers and not market_ids:
            raise _Wrong(14)
    elif params.action in (ADD_INDICES, DELETE_INDICES):
        if not params.index_ids:
            raise _Wrong(24)
    elif params.action in (ADD_UNDERLYINGS, DELETE_UNDERLYINGS):
        if not params.underlying_tickers:
            raise _Wrong(28)
    elif params.action not in (LIST_INDICES, LIST_UNDERLYINGS):
        raise _Wrong(13)
    return UpdateSubscription(
        id=command_id,
        sid=sids[0],
        action=params.action,
        tickers=tickers,
        market_ids=market_ids,
        send_initial_snapshot=bool(params.send_initial_snapshot),
        index_ids=_names(params.index_ids),
        underlying_tickers=_names(params.underlying_tickers),
    )


def _read_unsubscribe(command_id: int, params: _Params, known: Collection[str]) -> Unsubscribe:
    if not params.sids:
        raise _Wrong(4)
    return Unsubscribe(id=command_id, sids=tuple(dict.fromkeys(params.sids)))


def _markets(params: _Params) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return the tickers and the ids; only one of the four ways to name markets may be used."""
    ways = (params.market_ticker, params.market_tickers, params.market_id, params.market_ids)
    if sum(map(bool, ways)) > 1:
        raise _Wrong(11)
    tickers = [params.market_ticker] if params.market_ticker else params.market_tickers
    market_ids = [params.market_id] if params.market_id else params.market_ids
    return _names(tickers), _names(market_ids)


def _names(names: list[str] | None) -> tuple[str, ...]:
    names = names or []
    if any(not 0 < len(name) <= NAME_CHARACTERS_MAX for name in names):
        raise _Wrong(11)
    return tuple(dict.fromkeys(names))


_READERS: Final[dict[str, Callable[[int, _Params, Collection[str]], FeedCommand]]] = {
    "subscribe": _read_subscribe,
    "update_subscription": _read_update,
    "unsubscribe": _read_unsubscribe,
}
