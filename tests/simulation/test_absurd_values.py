"""Every field of every message, one at a time, with what no exchange would send: nothing breaks, nothing absurd gets in.

The same table goes through each kind of WebSocket frame, up to the books and the documents of the screens, and through each
kind of row that REST brings.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any, Final

import attrs
import msgspec
import pytest

from tests.core.builders import OTHER, TICKER, ready_engine, second, tell
from traderd.core.view import StateView
from traderd.errors import ExchangeProtocolError
from traderd.kalshi.fee_reads import terms_of
from traderd.kalshi.wire import fees, portfolio, rest
from traderd.kalshi.wire.decoder import FrameDecoder
from traderd.kalshi.wire.money import move_from_wire, settlement_from_wire, transfer_from_wire
from traderd.kalshi.wire.translate import (
    balance_from_wire,
    fill_from_wire,
    listing_from_wire,
    order_record_from_wire,
    orderbook_from_wire,
    position_from_wire,
    trade_from_wire,
)
from traderd.model import events as ev
from traderd.model.cash import MoveKind
from traderd.model.events import FeedName
from traderd.services import documents

NOW: Final = second(5)
ENDLESS: Final = 10**400
TEN_MB: Final = "A" * 10_000_000
VALUES: Final[dict[str, Any]] = {
    "negative": -1,
    "negative_text": "-1",
    "zero": 0,
    "zero_text": "0.00",
    "endless": ENDLESS,
    "endless_text": "1" + "0" * 400,
    "below_all": -ENDLESS,
    "fraction": 0.123456789,
    "nan": "NaN",
    "snan": "sNaN",
    "infinite": "-Infinity",
    "exponent": "1E+9999999",
    "empty": "",
    "ten_mb": TEN_MB,
    "list": [],
    "deep": [[[[]]]],
    "object": {},
    "true": True,
    "null": None,
    "old": "0001-01-01T00:00:00Z",
    "late": "9999-12-31T23:59:59Z",
}
TEXT_MAX: Final = 2_000
"""No text of an event is longer: it is kept, journaled and shown."""
NUMBER_MAX: Final = 2**63 - 1
"""No number is larger: it is journaled in SQLite."""
NOW_MS: Final = NOW // 10**6
RANGES: Final = [{"start": "0.0000", "end": "1.0000", "step": "0.0100"}]

DELTA: Final = {
    "market_ticker": TICKER,
    "price_dollars": "0.4400",
    "delta_fp": "5.00",
    "side": "yes",
    "ts_ms": NOW_MS,
}
FILL: Final = {
    "trade_id": "t",
    "order_id": "o",
    "client_order_id": "c",
    "market_ticker": TICKER,
    "is_taker": False,
    "book_side": "bid",
    "outcome_side": "yes",
    "yes_price_dollars": "0.5200",
    "count_fp": "1.00",
    "fee_cost": "0.0175",
    "ts": NOW_MS // 1_000,
    "ts_ms": NOW_MS,
    "subaccount": 0,
}
ORDER: Final = {
    "order_id": "o",
    "client_order_id": "c",
    "ticker": TICKER,
    "status": "resting",
    "book_side": "bid",
    "outcome_side": "yes",
    "yes_price_dollars": "0.4700",
    "initial_count_fp": "10.00",
    "fill_count_fp": "0.00",
    "remaining_count_fp": "10.00",
    "created_time": "2027-01-15T08:00:00Z",
    "created_ts_ms": NOW_MS,
    "last_update_time": "2027-01-15T08:00:00Z",
    "last_updated_ts_ms": NOW_MS,
    "expiration_time": "2027-01-16T08:00:00Z",
    "expiration_ts_ms": NOW_MS,
    "last_update_reason": "Trade",
    "subaccount_number": 0,
}
TRADE: Final = {
    "trade_id": "t",
    "market_ticker": TICKER,
    "yes_price_dollars": "0.5200",
    "count_fp": "1.00",
    "taker_book_side": "ask",
    "taker_outcome_side": "no",
    "is_block_trade": False,
    "ts_ms": NOW_MS,
}
STEP: Final = {
    "market_ticker": TICKER,
    "open_ts": NOW_MS // 1_000,
    "close_ts": NOW_MS // 1_000 + 60,
    "result": "yes",
    "settlement_value": "1.0000",
    "price_ranges": RANGES,
    "additional_metadata": {"event_ticker": "KXA-26"},
}
STEPS: Final = [step.value for step in ev.LifeStep if step is not ev.LifeStep.UNKNOWN]


def frame(kind: str, sid: int, msg: Any, **more: Any) -> dict[str, Any]:
    return {"type": kind, "sid": sid, **more, "msg": msg}


FRAMES: Final[dict[str, tuple[FeedName, dict[str, Any]]]] = {
    "delta": (FeedName.MARKET_DATA, frame("orderbook_delta", 1, DELTA, seq=3)),
    "snapshot": (
        FeedName.MARKET_DATA,
        frame(
            "orderbook_snapshot",
            1,
            {
                "market_ticker": TICKER,
                "yes_dollars_fp": [["0.4500", "1.00"]],
                "no_dollars_fp": [["0.5500", "1.00"]],
            },
            seq=3,
            id=4,
        ),
    ),
    "trade": (FeedName.MARKET_DATA, frame("trade", 2, TRADE, seq=1)),
    **{
        f"step_{step}": (
            FeedName.MARKET_DATA,
            frame("market_lifecycle_v2", 3, STEP | {"event_type": step}, seq=1),
        )
        for step in STEPS
    },
    "event": (FeedName.MARKET_DATA, frame("event_lifecycle", 3, {}, seq=1)),
    "event_fees": (FeedName.MARKET_DATA, frame("event_fee_update", 3, {}, seq=1)),
    "fill": (FeedName.PRIVATE, frame("fill", 5, FILL)),
    "order": (FeedName.PRIVATE, frame("user_order", 5, ORDER)),
    "group": (
        FeedName.PRIVATE,
        frame(
            "order_group_updates",
            5,
            {"event_type": "created", "order_group_id": "g", "contracts_limit_fp": "5.00"},
            seq=1,
        ),
    ),
    "subscribed": (
        FeedName.MARKET_DATA,
        frame("subscribed", 1, {"channel": "trade", "sid": 2}, id=1),
    ),
    "ok": (FeedName.MARKET_DATA, frame("ok", 1, {"market_tickers": [TICKER]}, id=1, seq=3)),
    "unsubscribed": (FeedName.MARKET_DATA, frame("unsubscribed", 1, None, id=1, seq=3)),
    "error": (FeedName.MARKET_DATA, frame("error", 1, {"code": 6, "msg": "x"}, id=1, seq=3)),
}
REPLIES: Final = ("subscribed", "ok", "unsubscribed", "error")
ROWS: Final[dict[str, tuple[Any, type[Any], Callable[[Any], Any]]]] = {
    "market": (
        {
            "ticker": "A",
            "event_ticker": "E",
            "status": "active",
            "title": "t",
            "close_time": "2027-01-16T08:00:00Z",
            "open_time": "2027-01-15T08:00:00Z",
            "price_ranges": RANGES,
            "volume_24h_fp": "1.00",
            "exchange_index": 0,
        },
        rest.Market,
        listing_from_wire,
    ),
    "trade": (
        {**TRADE, "ticker": "A", "created_time": "2027-01-15T08:00:00Z"},
        rest.Trade,
        lambda row: trade_from_wire(row, at=NOW, latest=NOW),
    ),
    "book": (
        {
            "ticker": "A",
            "orderbook_fp": {"yes_dollars": [["0.45", "1"]], "no_dollars": [["0.45", "1"]]},
        },
        rest.TickerBook,
        orderbook_from_wire,
    ),
    "order": (ORDER, portfolio.Order, order_record_from_wire),
    "fill": (
        {**FILL, "ticker": "A", "created_time": "2027-01-15T08:00:00Z"},
        portfolio.Fill,
        lambda row: fill_from_wire(row, at=NOW),
    ),
    "fill_in_seconds": (
        {**FILL, "ticker": "A"},
        portfolio.Fill,
        lambda row: fill_from_wire(row, at=NOW),
    ),
    "position": (
        {
            "ticker": "A",
            "position_fp": "1.00",
            "market_exposure_dollars": "0.45",
            "realized_pnl_dollars": "0",
            "fees_paid_dollars": "0",
        },
        portfolio.MarketPosition,
        position_from_wire,
    ),
    "balance": (
        {
            "balance_dollars": "10.00",
            "portfolio_value": 5,
            "balance_breakdown": [
                {"exchange_index": 0, "balance": "5"},
                {"exchange_index": 1, "balance": "5"},
            ],
        },
        portfolio.Balance,
        balance_from_wire,
    ),
    "settlement": (
        {
            "ticker": "A",
            "market_result": "yes",
            "yes_count_fp": "1.00",
            "no_count_fp": "0.00",
            "yes_total_cost_dollars": "0.5",
            "no_total_cost_dollars": "0",
            "revenue": 100,
            "settled_time": "2027-01-15T08:00:00Z",
            "fee_cost": "0",
            "value": 100,
        },
        portfolio.Settlement,
        settlement_from_wire,
    ),
    "deposit": (
        {
            "id": "d",
            "status": "applied",
            "amount_cents": 100,
            "created_ts": 5,
            "fee_cents": 0,
            "finalized_ts": 9,
        },
        portfolio.CashMovement,
        lambda row: move_from_wire(row, MoveKind.DEPOSIT),
    ),
    "transfer": (
        {
            "transfer_id": "x",
            "from_subaccount": 0,
            "to_subaccount": 1,
            "amount_cents": 100,
            "created_ts": 5,
        },
        portfolio.Transfer,
        lambda row: transfer_from_wire(row, 0),
    ),
    "fees": (
        {"fee_type": "quadratic", "fee_multiplier": 1},
        fees.SeriesFees,
        lambda row: terms_of(row.fee_type, row.fee_multiplier, "series"),
    ),
}


def spoiled(message: Any, value: Any) -> Iterator[tuple[str, Any]]:
    """Yield the message once for each place in it, with the value there."""
    if isinstance(message, dict):
        for name, part in message.items():
            yield name, message | {name: value}
            yield from ((f"{name}.{at}", message | {name: x}) for at, x in spoiled(part, value))
    elif isinstance(message, list):
        for index, part in enumerate(message):
            others = message[:index], message[index + 1 :]
            yield str(index), [*others[0], value, *others[1]]
            for at, x in spoiled(part, value):
                yield f"{index}.{at}", [*others[0], x, *others[1]]


def absurd(thing: Any, where: str = "") -> Iterator[str]:
    """Yield the places of numbers and texts that nobody may keep."""
    if isinstance(thing, str):
        if len(thing) > TEXT_MAX:
            yield f"{where}: {len(thing)} characters"
    elif isinstance(thing, int):
        if abs(thing) > NUMBER_MAX:
            yield f"{where}: a number of {thing.bit_length()} bits"
    elif isinstance(thing, (tuple, list)):
        for index, part in enumerate(thing):
            yield from absurd(part, f"{where}[{index}]")
    elif attrs.has(type(thing)):
        for field in attrs.fields(type(thing)):
            yield from absurd(getattr(thing, field.name), f"{where}.{field.name}")
    elif isinstance(thing, msgspec.Struct):
        for name in thing.__struct_fields__:
            yield from absurd(getattr(thing, name), f"{where}.{name}")


def show_everything(view: StateView) -> None:
    """Make the documents that the frames may have changed."""
    documents.markets_document(view, NOW, 100)
    documents.account_document(view, NOW)
    documents.metrics_document(view, NOW)
    for ticker in (TICKER, OTHER):
        documents.book_document(view, ticker, NOW)
    for fill in view.recent_fills(10):
        documents.fill_document(fill, view)
    for order in view.live_orders():
        documents.order_document(order, NOW)


@pytest.mark.parametrize("value", VALUES)
@pytest.mark.parametrize("kind", FRAMES)
def test_no_value_in_any_frame_breaks_anything_or_gets_in_unbounded(kind, value):
    feed, message = FRAMES[kind]
    wrong = []
    for place, spoilt in spoiled(message, VALUES[value]):
        engine = ready_engine()
        decoder = FrameDecoder(1, feed)
        events = []
        decoder.decode(json.dumps(spoilt).encode(), NOW, events)
        told = tell(engine, *events)
        show_everything(StateView(engine))
        wrong += [f"{place}: {x}" for each in told for x in absurd(each, type(each).__name__)]
        drift = engine.market_data.drift
        if decoder.refused != drift.refused or (drift.refused and not drift.counts):
            wrong.append(f"{place}: not counted")
        # What only says something of one market leaves the others alone.
        is_of_one = place.startswith("msg.") and "ticker" not in place and kind not in REPLIES
        if is_of_one and not engine.market_data.books[OTHER].usable:
            wrong.append(f"{place}: the book of another market is in doubt")
    assert wrong == []


@pytest.mark.parametrize("value", VALUES)
@pytest.mark.parametrize("kind", ROWS)
def test_no_value_in_any_row_raises_anything_else_or_gets_in_unbounded(kind, value):
    message, shape, translate = ROWS[kind]
    wrong = []
    for place, spoilt in spoiled(message, VALUES[value]):
        try:
            read = translate(rest.decode_body(json.dumps(spoilt).encode(), shape, "GET /test"))
        except ExchangeProtocolError as exc:
            wrong += [f"{place}: refused by a sentence: {x}" for x in absurd(str(exc)[:TEXT_MAX])]
        else:
            wrong += [f"{place}: {x}" for x in absurd(read, type(read).__name__)]
    assert wrong == []
