"""What the operator can make happen: settle, pause, close, deposit, reset and the like.

Owns: each verb's body, and its outcome as a sentence with the facts beside it.
Must not: know who asks, or hold a rule of the venue; a step that is not allowed is refused there.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any, Final, Generic, TypeVar

import attrs
import msgspec

from traderd.errors import BadInput
from traderd.kalshi.wire.commands import CHANNELS
from traderd.model.units import (
    NS_PER_S,
    Timestamp,
    format_money,
    format_time,
    parse_money,
    parse_price,
    show_money,
)
from traderd.paper.admin.status import market_row
from traderd.paper.exchange import PaperExchange
from traderd.paper.venue.listings import Result
from traderd.paper.venue.messages import VenueRefusal

CLOSES_IN_S_MAX: Final = 10 * 366 * 86_400
"""Bounds a reopened market's life: ten years."""
Seconds = Annotated[int, msgspec.Meta(gt=0, le=CLOSES_IN_S_MAX)]

Outcome = dict[str, Any]
B = TypeVar("B", bound="Body")


class Body(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Base of every verb's body; an empty request is an empty body."""


class Nothing(Body, frozen=True, kw_only=True):
    """A verb that takes nothing."""


class OneMarket(Body, frozen=True, kw_only=True):
    """A verb about one market."""

    ticker: str


class Settle(OneMarket, frozen=True, kw_only=True):
    """How a market ended."""

    result: Result
    value: str | None = None
    """Dollars that a YES contract is worth; only for scalar."""
    now: bool = False
    """Pay at once instead of after the market's settlement timer."""


class Pause(Body, frozen=True, kw_only=True):
    """Of one market, else of trading, else of the whole exchange."""

    ticker: str | None = None
    whole_exchange: bool = False


class Resume(Body, frozen=True, kw_only=True):
    """Of one market, else of everything."""

    ticker: str | None = None


class Reopen(OneMarket, frozen=True, kw_only=True):
    """Another close time; a closed market trades again."""

    closes_in_s: Seconds = 3_600


class Deposit(Body, frozen=True, kw_only=True):
    """Money into an account; below 0 out of it."""

    account: str
    dollars: str


class Clock(Body, frozen=True, kw_only=True):
    """How wrong the exchange's clock is from now on."""

    offset_s: float


class Drop(Body, frozen=True, kw_only=True):
    """Which WebSockets break: those of a channel, else all."""

    channel: str | None = None


@attrs.frozen
class Verb(Generic[B]):
    """One verb: the body it takes, and what it does."""

    body: type[B]
    work: Callable[[PaperExchange, B], Outcome]

    def bound_to(self, exchange: PaperExchange) -> Callable[[bytes], Outcome]:
        """Return the verb for one exchange: from a request's body to the outcome.

        It raises BadInput for a wrong body and VenueRefusal for what cannot be now.
        """

        def carried_out(raw: bytes) -> Outcome:
            asked = self._decode(raw)
            _check_ticker(exchange, getattr(asked, "ticker", None))
            return self.work(exchange, asked)

        return carried_out

    def _decode(self, raw: bytes) -> B:
        try:
            return msgspec.json.decode(raw or b"{}", type=self.body)
        except (ValueError, RecursionError) as exc:
            raise BadInput(f"the body cannot be used: {exc}") from exc


def _settle(exchange: PaperExchange, asked: Settle) -> Outcome:
    value = None if asked.value is None else parse_price(asked.value, what="value")
    life, now = exchange.venue.life, exchange.now()
    market = life.determine(asked.ticker, asked.result, value, now)
    if asked.now:
        life.finalize(asked.ticker, now)
    row = market_row(exchange.venue, market)
    worth = f"a YES contract is worth ${row['settlement_value_dollars']}"
    if market.settles_at is None:
        return {
            "sentence": f"{market.ticker} ended {asked.result.value} and is settled: {worth}"
        } | row
    when = f"paid at {format_time(market.settles_at)}"
    return {"sentence": f"{market.ticker} ended {asked.result.value}: {worth}, {when}"} | row


def _dispute(exchange: PaperExchange, asked: OneMarket) -> Outcome:
    exchange.venue.life.dispute(asked.ticker, exchange.now())
    return _about(exchange, asked.ticker, "is disputed until `settle` says again how it ended")


def _close(exchange: PaperExchange, asked: OneMarket) -> Outcome:
    exchange.venue.life.close(asked.ticker, exchange.now())
    return _about(exchange, asked.ticker, "is closed")


def _reopen(exchange: PaperExchange, asked: Reopen) -> Outcome:
    now = exchange.now()
    closes_at = Timestamp(now + asked.closes_in_s * NS_PER_S)
    exchange.venue.life.move_close(asked.ticker, closes_at, now)
    return _about(exchange, asked.ticker, f"closes at {format_time(closes_at)}")


def _pause(exchange: PaperExchange, asked: Pause) -> Outcome:
    if asked.ticker is None:
        exchange.pause(whole_exchange=asked.whole_exchange)
        what = "the whole exchange" if asked.whole_exchange else "trading"
        return {"sentence": f"{what} is paused", "paused": exchange.venue.paused}
    if asked.whole_exchange:
        raise BadInput("a pause is of one market or of the whole exchange, not both")
    exchange.venue.life.pause(asked.ticker, exchange.now())
    return _about(exchange, asked.ticker, "is paused")


def _resume(exchange: PaperExchange, asked: Resume) -> Outcome:
    if asked.ticker is None:
        exchange.resume()
        return {"sentence": "orders are taken", "paused": None}
    exchange.venue.life.resume(asked.ticker, exchange.now())
    return _about(exchange, asked.ticker, "trades again; what rested there was canceled")


def _deposit(exchange: PaperExchange, asked: Deposit) -> Outcome:
    amount = parse_money(asked.dollars, what="dollars")
    venue = exchange.venue
    named = [
        account
        for account in map(venue.account, venue.account_ids())
        if asked.account in (account.name, account.account_id)
    ]
    if not named:
        raise VenueRefusal(404, "not_found", details=f"there is no account {asked.account}")
    (account, *_) = named
    venue.bank.deposit(account, amount, exchange.now())
    cash = venue.balance(account.account_id).cash
    return {
        "sentence": f"{account.name} has {show_money(cash)} in cash",
        "account": account.name,
        "cash_dollars": format_money(cash),
    }


def _reset(exchange: PaperExchange, asked: Nothing) -> Outcome:
    exchange.reset()
    accounts = [exchange.venue.account(each).name for each in exchange.venue.account_ids()]
    counted = "1 account" if len(accounts) == 1 else f"{len(accounts)} accounts"
    return {
        "sentence": f"the exchange is as at its start, with {counted}; every WebSocket was dropped",
        "accounts": accounts,
    }


def _clock(exchange: PaperExchange, asked: Clock) -> Outcome:
    exchange.faults.shift_clock(asked.offset_s)
    offset_s = exchange.faults.clock_offset_ns() / NS_PER_S
    side = "behind" if offset_s < 0 else "ahead"
    words = f"{abs(offset_s):g} s {side}" if offset_s else "right"
    return {"sentence": f"the exchange's clock is {words}", "offset_s": offset_s}


def _drop(exchange: PaperExchange, asked: Drop) -> Outcome:
    if asked.channel is not None and asked.channel not in CHANNELS:
        raise BadInput(f"there is no channel {asked.channel}; there are {', '.join(CHANNELS)}")
    dropped = exchange.faults.drop_websockets(asked.channel)
    were = "WebSocket was" if dropped == 1 else "WebSockets were"
    return {"sentence": f"{dropped} {were} dropped", "dropped": dropped}


def _check_ticker(exchange: PaperExchange, ticker: str | None) -> None:
    # A trader is told no more than that there is none, but the operator has typed it.
    if ticker is None:
        return
    try:
        exchange.venue.market(ticker)
    except VenueRefusal as exc:
        words = f"there is no market {ticker}; `status` lists them"
        raise VenueRefusal(exc.status, exc.code, details=words) from exc


def _about(exchange: PaperExchange, ticker: str, words: str) -> Outcome:
    market = exchange.venue.market(ticker)
    return {"sentence": f"{ticker} {words}"} | market_row(exchange.venue, market)


VERBS: Final[dict[str, Verb[Any]]] = {
    "settle": Verb(Settle, _settle),
    "dispute": Verb(OneMarket, _dispute),
    "close": Verb(OneMarket, _close),
    "reopen": Verb(Reopen, _reopen),
    "pause": Verb(Pause, _pause),
    "resume": Verb(Resume, _resume),
    "deposit": Verb(Deposit, _deposit),
    "reset": Verb(Nothing, _reset),
    "clock": Verb(Clock, _clock),
    "drop-websockets": Verb(Drop, _drop),
}
"""By the name in the path."""
