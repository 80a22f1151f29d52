"""Commands that wait for their answers on one WebSocket.

Owns: command ids, and which replies complete which command.
Must not: send, wait with a deadline, or know a book.
"""

from __future__ import annotations

from typing import Final

import attrs
import trio

from traderd.errors import AuthenticationRefused, ExchangeRefused
from traderd.kalshi.wire import feed
from traderd.kalshi.wire.commands import BUFFER_OVERFLOW, ERROR_TEXT, TERMINAL_CODES
from traderd.kalshi.wire.decoder import Reply, SnapshotReply
from traderd.model.ids import MarketTicker

AUTHENTICATION_CODE: Final = 9


@attrs.define(eq=False)
class Call:
    """One command; `done` is set when all its answers are there, when it was refused, or when all is lost."""

    id: int
    missing: int
    done: trio.Event = attrs.field(factory=trio.Event)
    begun: trio.Event = attrs.field(factory=trio.Event)
    """Set with the first answer."""
    sids: dict[str, int] = attrs.field(factory=dict)
    """The subscription id of each channel, in answer to subscribe and list_subscriptions."""
    tickers: dict[MarketTicker, None] = attrs.field(factory=dict)
    """The markets whose snapshots came, in answer to get_snapshot."""
    refusal: feed.FeedError | None = None

    def check(self) -> None:
        """Raise ExchangeRefused (AuthenticationRefused) if the exchange said no."""
        if self.refusal is None:
            return
        code, text = self.refusal.msg.code, self.refusal.msg.msg
        kind = AuthenticationRefused if code == AUTHENTICATION_CODE else ExchangeRefused
        raise kind(
            status=401 if code == AUTHENTICATION_CODE else 400,
            code=f"feed_error_{code}",
            message=text or ERROR_TEXT.get(code, ""),
            details=self.refusal.msg.market_ticker or "",
        )

    def count(self, *, new: bool = True) -> None:
        """Take one answer off what is missing."""
        self.missing -= new
        self.begun.set()
        if self.missing <= 0:
            self.done.set()

    def end(self) -> None:
        """Wait for no answer any more."""
        self.begun.set()
        self.done.set()


@attrs.frozen(kw_only=True)
class Complaint:
    """An error that answers no command."""

    sentence: str
    terminal: bool
    """Its subscription is dead."""
    sid: int = 0
    """The subscription, 0 when the error names none."""
    read_too_slowly: bool = False
    """It is dead because we were too slow a reader."""


class Calls:
    """The open commands of one connection."""

    def __init__(self) -> None:
        self._last_id = 0
        self._open: dict[int, Call] = {}

    def open(self, answers: int) -> Call:
        """Return a new command that is done after this many answers; ids begin at 1, because 0 means none."""
        self._last_id += 1
        call = self._open[self._last_id] = Call(self._last_id, answers)
        return call

    def close(self, command_id: int) -> None:
        """Forget a command; later answers to it are ignored."""
        self._open.pop(command_id, None)

    def give_up(self) -> None:
        """Wake everybody who waits: there will be no answers."""
        for call in self._open.values():
            call.end()

    def answer(self, reply: Reply) -> Complaint | None:
        """Take one reply; return it as a complaint if it is an error that nobody waits for."""
        call = self._open.get(reply.id)
        match reply:
            case feed.FeedError():
                if call is not None:
                    call.refusal = reply
                    call.end()
                elif reply.id == 0 or reply.msg.code in TERMINAL_CODES:
                    return _complaint(reply)
            case feed.Subscribed() if call is not None:
                call.count(new=reply.msg.channel not in call.sids)
                call.sids[reply.msg.channel] = reply.msg.sid
            case SnapshotReply() if call is not None:
                call.count(new=reply.ticker not in call.tickers)
                call.tickers[reply.ticker] = None
            case feed.Ok(msg=list() as listed) if call is not None:
                call.sids.update({each.channel: each.sid for each in listed})
                call.count()
            case feed.Ok() | feed.Unsubscribed() if call is not None:
                call.count()
            case _:
                # The answer to a command that was cancelled.
                return None
        return None


def _complaint(reply: feed.FeedError) -> Complaint:
    text = reply.msg.msg or ERROR_TEXT.get(reply.msg.code, "no text")
    where = f" on subscription {reply.sid}" if reply.sid else ""
    return Complaint(
        sentence=f"error {reply.msg.code}{where}: {text}",
        terminal=reply.msg.code in TERMINAL_CODES,
        sid=reply.sid,
        read_too_slowly=reply.msg.code == BUFFER_OVERFLOW,
    )
