"""Events as journal rows: a kind word and a JSON body, both ways.

Owns: the kind words, which are on people's disks: one may be added, none renamed or used again.
Must not: know about files, positions or commits.
"""

from __future__ import annotations

import typing
from typing import Any, Final

import msgspec

from traderd.errors import InvariantViolation, StoreError
from traderd.model.events import (
    AccountSynced,
    AmendAccepted,
    AmendFailed,
    AmendOutcomeUnknown,
    AmendRequested,
    BalanceAccepted,
    CancelAcknowledged,
    CancelFailed,
    CancelRequested,
    CashMoved,
    DifferenceIgnored,
    Event,
    FeesPublished,
    HaltCleared,
    HaltRaised,
    LimitsConfirmed,
    LimitsSet,
    LossBaselineMoved,
    MarketSettled,
    OrderAccepted,
    OrderFilled,
    OrderGroupEnded,
    OrderGroupOpened,
    OrderGroupReset,
    OrderGroupTriggered,
    OrderIntended,
    OrderNotPlaced,
    OrderOutcomeUnknown,
    OrderRejected,
    OrderReported,
    OrderSent,
    OrderVanished,
    PluginChanged,
    PositionAccepted,
    RequestAnswered,
    RequestTaken,
    StateChanged,
    StrategyParameterSet,
    StrategyReleased,
    StrategyReplaced,
    TradingPaused,
    TradingResumed,
    UnreadableRowsChanged,
)
from traderd.model.states import Metadata, State
from traderd.model.units import Timestamp

KINDS: Final[dict[str, type[Any]]] = {
    "order_intended": OrderIntended,
    "order_sent": OrderSent,
    "order_accepted": OrderAccepted,
    "order_rejected": OrderRejected,
    "order_outcome_unknown": OrderOutcomeUnknown,
    "order_not_placed": OrderNotPlaced,
    "order_vanished": OrderVanished,
    "order_reported": OrderReported,
    "order_filled": OrderFilled,
    "cancel_requested": CancelRequested,
    "cancel_acknowledged": CancelAcknowledged,
    "cancel_failed": CancelFailed,
    "amend_requested": AmendRequested,
    "amend_accepted": AmendAccepted,
    "amend_failed": AmendFailed,
    "amend_outcome_unknown": AmendOutcomeUnknown,
    "order_group_opened": OrderGroupOpened,
    "order_group_triggered": OrderGroupTriggered,
    "order_group_reset": OrderGroupReset,
    "order_group_ended": OrderGroupEnded,
    "market_settled": MarketSettled,
    "cash_moved": CashMoved,
    "balance_accepted": BalanceAccepted,
    "position_accepted": PositionAccepted,
    "difference_ignored": DifferenceIgnored,
    "unreadable_rows_changed": UnreadableRowsChanged,
    "fees_published": FeesPublished,
    "account_synced": AccountSynced,
    "halt_raised": HaltRaised,
    "halt_cleared": HaltCleared,
    "trading_paused": TradingPaused,
    "trading_resumed": TradingResumed,
    "limits_set": LimitsSet,
    "limits_confirmed": LimitsConfirmed,
    "loss_baseline_moved": LossBaselineMoved,
    "strategy_parameter_set": StrategyParameterSet,
    "strategy_released": StrategyReleased,
    "strategy_replaced": StrategyReplaced,
    "plugin_changed": PluginChanged,
    "request_taken": RequestTaken,
    "request_answered": RequestAnswered,
    "state_changed": StateChanged,
}
"""The word on disk for each event class of `events.JOURNALED` (a test compares the two)."""


class _StateChangedRow(msgspec.Struct, frozen=True, kw_only=True):
    # The metadata classes share no tag that a decoder could tell them apart by, so the row names the class.
    at: Timestamp
    from_state: State
    to_state: State
    context: str
    metadata_class: str
    metadata: msgspec.Raw


_KIND_OF: Final = {event_class: kind for kind, event_class in KINDS.items()}
_DECODERS: Final[dict[str, msgspec.json.Decoder[Any]]] = {
    kind: msgspec.json.Decoder(event_class)
    for kind, event_class in KINDS.items()
    if event_class is not StateChanged
}
_METADATA_DECODERS: Final[dict[str, msgspec.json.Decoder[Any]]] = {
    one.__name__: msgspec.json.Decoder(one) for one in typing.get_args(Metadata)
}
_STATE_ROW_DECODER: Final = msgspec.json.Decoder(_StateChangedRow)
_ENCODER: Final = msgspec.json.Encoder()


def encode(event: Event) -> tuple[str, bytes]:
    """Return the kind word and the JSON body of a journaled event.

    Half of a surrogate pair, which no Unicode text may hold, is spelled out: a fact with a strange word in
    it must still be kept.

    Raises:
        InvariantViolation: this event class is not journaled.
    """
    kind = _KIND_OF.get(type(event))
    if kind is None:
        raise InvariantViolation(f"{type(event).__name__} is not an event that the journal keeps")
    row = _state_changed_row(event) if isinstance(event, StateChanged) else event
    try:
        return kind, _ENCODER.encode(row)
    except UnicodeEncodeError:
        return kind, _ENCODER.encode(_spelled_out(msgspec.to_builtins(row)))


def _state_changed_row(event: StateChanged) -> dict[str, object]:
    return {
        "at": event.at,
        "from_state": event.from_state,
        "to_state": event.to_state,
        "context": event.context,
        "metadata_class": type(event.metadata).__name__,
        "metadata": event.metadata,
    }


def _spelled_out(value: object) -> object:
    if isinstance(value, str):
        return value.encode("utf-8", "backslashreplace").decode()
    if isinstance(value, dict):
        return {key: _spelled_out(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_spelled_out(item) for item in value]
    return value


def decode(kind: str, body: bytes, *, position: int, written_by: str = "") -> Event:
    """Return the event of one journal row; `position` and who wrote the file are only for the message.

    Raises:
        StoreError: unknown kind or undecodable body, naming the row.
    """
    try:
        if kind == "state_changed":
            return _decode_state_changed(body)
        event: Event = _DECODERS[kind].decode(body)
    except KeyError as exc:
        who = f" (the journal was last opened by {written_by})" if written_by else ""
        raise StoreError(
            f"journal row {position} is of the unknown kind {exc.args[0]!r}: it was written by another "
            f"version of traderd{who}; start that version, or move the journal away to begin a new one"
        ) from exc
    except (msgspec.DecodeError, UnicodeDecodeError) as exc:
        raise StoreError(
            f"journal row {position} ({kind}) cannot be read: {exc}; restore the journal from a copy, "
            "or move it away: the next start rebuilds the account from the exchange"
        ) from exc
    return event


def _decode_state_changed(body: bytes) -> StateChanged:
    row = _STATE_ROW_DECODER.decode(body)
    return StateChanged(
        at=row.at,
        from_state=row.from_state,
        to_state=row.to_state,
        context=row.context,
        metadata=_METADATA_DECODERS[row.metadata_class].decode(row.metadata),
    )
