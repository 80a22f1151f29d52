"""Which faults are on, and whom they strike.

Owns: the rules in force (a plan, and the switches of people and tests), their chances and schedules. The doors ask:
`fault_door` about requests, the feed about WebSockets and frames, the clock about its offset. The venue itself never
lies, so what a fault hides can always be found out afterwards.
Must not: change an order, a book or an account.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from random import Random
from typing import Any, Final

import attrs
import msgspec

from traderd.errors import BadInput
from traderd.kalshi.wire.errors import Refusal
from traderd.model.units import NS_PER_S
from traderd.paper.faults.fates import NO_FRAME_FAULT, FrameFate, RequestFate, refusal_with
from traderd.paper.faults.live_rule import LiveRule
from traderd.paper.faults.plan import CANCEL_ALL_WINDOW_S, FRAME_KINDS, FaultKind, FaultRule

ORDERS: Final = "/portfolio/events/orders"
"""Where orders are created and canceled, below the API's prefix."""

_K: Final = FaultKind


@attrs.define(eq=False)
class Faults:
    """The faults of one exchange; paths are below the API's prefix, accounts are names."""

    rng: Random = attrs.field(factory=lambda: Random(0))
    """Draws chances and delays."""
    elapsed_s: Callable[[], float] = lambda: 0.0
    """The clock of the schedules; steps of the wall clock do not matter to it."""
    _switches: dict[str, LiveRule] = attrs.field(factory=dict)
    """Rules that a person or a test turned on, each replaced by the next of its name."""
    _once: list[LiveRule] = attrs.field(factory=list)
    _plan: list[LiveRule] = attrs.field(factory=list)
    _drop: Callable[[str | None], int] | None = None

    # --- the plan ---------------------------------------------------------------------------------

    def set_plan(self, rules: Iterable[FaultRule]) -> None:
        """Put these rules in the place of those of the last plan; their schedules begin now."""
        self._plan = [self._live(rule) for rule in rules]

    def clear(self) -> None:
        """Be a good exchange again: neither plan nor switch is left."""
        self._switches.clear()
        self._once.clear()
        self._plan.clear()

    def report(self) -> list[dict[str, Any]]:
        """Return every rule in force with how often it was concerned (`seen`) and struck, as plain values."""
        return [
            msgspec.to_builtins(live.rule) | {"seen": live.seen, "struck": live.struck}
            for live in self._all()
        ]

    # --- switches ---------------------------------------------------------------------------------

    def refuse_requests(self, prefix: str, status: int) -> None:
        """Answer requests whose path starts with `prefix` with `status`, and do not carry them out."""
        self._switch(f"refuse {prefix}", FaultRule(kind=_K.REFUSED, path=prefix, status=status))

    def refuse_websockets(self, status: int) -> None:
        """Refuse new WebSockets; the open ones stay."""
        self._switch("websockets", FaultRule(kind=_K.REFUSED_WEBSOCKET, status=status))

    def accept_websockets(self) -> None:
        """Undo `refuse_websockets`."""
        self._switches.pop("websockets", None)

    def drop_websockets(self, channel: str | None = None) -> int:
        """End WebSockets without a close frame, all or those subscribed to `channel`; return how many."""
        return 0 if self._drop is None else self._drop(channel)

    def lose_reply_of_next(self, method: str, prefix: str) -> None:
        """Carry out the next such request and end its connection without a reply."""
        self._next(FaultRule(kind=_K.LOST_REPLY, method=method, path=prefix, times=1))

    def lose_next_request(self, method: str, prefix: str) -> None:
        """End the connection of the next such request without carrying it out."""
        self._next(FaultRule(kind=_K.LOST_REQUEST, method=method, path=prefix, times=1))

    def spoil_reply_of_next(self, method: str, prefix: str, status: int) -> None:
        """Carry out the next such request and answer it with `status` all the same."""
        self._next(
            FaultRule(kind=_K.SPOILED_REPLY, method=method, path=prefix, status=status, times=1)
        )

    def delay_requests(self, seconds: float) -> None:
        """Let every request wait before it is carried out; 0 ends it."""
        self._delay(_K.SLOW_REQUEST, seconds)

    def delay_replies(self, seconds: float) -> None:
        """Keep every reply back; 0 ends it."""
        self._delay(_K.SLOW_REPLY, seconds)

    def shift_clock(self, seconds: float) -> None:
        """Let the exchange's clock be wrong by so much, below 0 for behind; 0 ends it."""
        self._switches.pop("clock", None)
        if seconds:
            self._switch("clock", FaultRule(kind=_K.CLOCK_OFFSET, seconds=seconds))

    def connect_sessions(self, drop: Callable[[str | None], int]) -> None:
        """Tell how sessions are dropped; the feed does this once."""
        self._drop = drop

    # --- what the doors ask -----------------------------------------------------------------------

    @property
    def are_on(self) -> bool:
        """Tell whether anything is wrong at all, to be quick when nothing is."""
        return bool(self._plan or self._switches or self._once)

    def request_fate(self, method: str, path: str, account: str | None) -> RequestFate:
        """Decide about one request, once; one-time faults are used up by it.

        Args:
            method: as it came.
            path: below the API's prefix.
            account: the name of who seems to ask, None for nobody.
        """
        if not self.are_on:
            return RequestFate()

        def struck(kind: FaultKind) -> FaultRule | None:
            return self._strike(kind, account, method=method, path=path)

        if struck(_K.LOST_REQUEST) is not None:
            return RequestFate(arrives=False)
        refused, spoiled = struck(_K.REFUSED), struck(_K.SPOILED_REPLY)
        return RequestFate(
            wait_s=self._drawn_s(struck(_K.SLOW_REQUEST)),
            refusal=None if refused is None else refusal_with(refused.status or 0),
            spoiled=None if spoiled is None else refusal_with(spoiled.status or 0),
            reply_wait_s=self._drawn_s(struck(_K.SLOW_REPLY)),
            reply_arrives=struck(_K.LOST_REPLY) is None,
        )

    def handshake_refusal(self, account: str | None) -> Refusal | None:
        """Return how a new WebSocket is refused."""
        rule = self._strike(_K.REFUSED_WEBSOCKET, account) if self.are_on else None
        return None if rule is None else refusal_with(rule.status or 0)

    def frame_fate(self, channel: str, account: str) -> FrameFate:
        """Decide about one frame of data, once; acknowledgements and errors are never struck."""
        if not self.are_on or not any(live.rule.kind in FRAME_KINDS for live in self._all()):
            return NO_FRAME_FAULT

        def struck(kind: FaultKind) -> FaultRule | None:
            return self._strike(kind, account, channel=channel)

        if struck(_K.DROPPED_WEBSOCKET) is not None:
            return FrameFate(copies=0, ends_session=True)
        if struck(_K.LOST_FRAME) is not None:
            return FrameFate(copies=0)
        return FrameFate(
            copies=1 if struck(_K.DOUBLED_FRAME) is None else 2,
            wait_s=self._drawn_s(struck(_K.LATE_FRAME)),
        )

    def position_age_s(self, account: str) -> float:
        """Decide how old the positions are that a read of them answers with."""
        rule = self._strike(_K.STALE_POSITIONS, account) if self.are_on else None
        return 0.0 if rule is None else rule.seconds or 0.0

    @property
    def remembers_positions(self) -> bool:
        """Tell whether a read of positions may have to look back."""
        return self.are_on and any(live.rule.kind is _K.STALE_POSITIONS for live in self._all())

    def cancel_all_window_s(self, account: str) -> float:
        """Decide how long a cancel-all of this account goes on catching orders."""
        rule = self._strike(_K.GREEDY_CANCEL_ALL, account) if self.are_on else None
        if rule is None:
            return 0.0
        return CANCEL_ALL_WINDOW_S if rule.seconds is None else rule.seconds

    def clock_offset_ns(self) -> int:
        """Return how wrong the exchange's clock is now; offsets add up."""
        if not self.are_on:
            return 0
        elapsed_s = self.elapsed_s()
        offsets = [
            live.rule.seconds or 0.0
            for live in self._all()
            if live.rule.kind is _K.CLOCK_OFFSET and live.is_on(elapsed_s)
        ]
        return round(sum(offsets) * NS_PER_S)

    # --- inside -----------------------------------------------------------------------------------

    def _all(self) -> list[LiveRule]:
        return [*self._switches.values(), *self._once, *self._plan]

    def _live(self, rule: FaultRule) -> LiveRule:
        return LiveRule(rule, self.elapsed_s())

    def _switch(self, name: str, rule: FaultRule) -> None:
        self._switches[name] = self._live(rule)

    def _next(self, rule: FaultRule) -> None:
        self._once.append(self._live(rule))

    def _delay(self, kind: FaultKind, seconds: float) -> None:
        if seconds < 0:
            raise BadInput("a delay cannot be negative")
        self._switches.pop(kind.value, None)
        if seconds:
            delay_ms = round(seconds * 1_000)
            self._switch(kind.value, FaultRule(kind=kind, min_ms=delay_ms, max_ms=delay_ms))

    def _drawn_s(self, rule: FaultRule | None) -> float:
        if rule is None or rule.max_ms is None:
            return 0.0
        if rule.min_ms == rule.max_ms:
            return rule.max_ms / 1_000
        return self.rng.uniform(rule.min_ms, rule.max_ms) / 1_000

    def _strike(
        self,
        kind: FaultKind,
        account: str | None,
        *,
        method: str = "",
        path: str = "",
        channel: str = "",
    ) -> FaultRule | None:
        # The rule that says most about where it strikes is asked first, and the first that strikes decides.
        concerned = [
            live
            for live in self._all()
            if live.rule.kind is kind and live.concerns(account, method, path, channel)
        ]
        concerned.sort(key=lambda live: len(live.rule.path or ""), reverse=True)
        elapsed_s = self.elapsed_s()
        for live in concerned:
            if live.strikes(elapsed_s, self.rng):
                self._once = [each for each in self._once if not each.is_spent]
                return live.rule
        return None
