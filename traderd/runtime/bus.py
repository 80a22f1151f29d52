"""Publish = fold, then record, then fan out.

Owns: the one total order of events. `publish` is synchronous: each event is folded into the state together
with what follows from it, the whole is handed to the recorder, and then every subscriber's inbox gets its
share as one batch. So nobody hears news about a state that is not there yet. What the recorder or a full
inbox has to publish meanwhile comes right after, so that everybody hears all news in the same order.
Must not: know what the events mean; the fold and the recorder come in from outside.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Hashable, Iterable
from typing import Final, Generic, TypeVar

import attrs

from traderd.errors import InvariantViolation
from traderd.runtime.inbox import DEFAULT_DEPTH, Inbox, InboxStatistics, Incident, Policy

E = TypeVar("E")

CONSEQUENCES_MAX: Final = 100_000
"""Bounds what may follow from one publish (a lost feed invalidates 10,000 books); more is a loop."""


@attrs.frozen
class _Subscription(Generic[E]):
    inbox: Inbox[E]
    types: frozenset[type]


class Bus(Generic[E]):
    """The only door by which the state changes and news spreads."""

    def __init__(
        self,
        *,
        fold: Callable[[E], list[E] | None],
        record: Callable[[list[E]], None],
        on_incident: Callable[[Incident], None],
        settle: Callable[[], list[E]] = list,
    ) -> None:
        """Take the parts from outside.

        Args:
            fold: changes the state by one event and returns what follows from it; None: it is no news, and goes no further.
            record: keeps a batch, before anybody hears of it.
            on_incident: hears what goes wrong between an inbox and its reader.
            settle: returns the news that follow from a batch as a whole; they are told, not folded.
        """
        self._fold, self._record, self._on_incident = fold, record, on_incident
        self._settle = settle
        self._subscriptions: list[_Subscription[E]] = []
        # By name: counts must not shrink when a reader is restarted. The names are those of the services.
        self._ended: dict[str, InboxStatistics] = {}
        self._folding = self._delivering = False
        self._deferred: deque[list[E]] = deque()
        self.published = 0

    def publish(self, events: Iterable[E]) -> None:
        """Fold, record and fan out; returns when everybody's inbox has it.

        Called by the recorder or from `on_incident`, it returns at once and its events follow when the
        present batch has reached everybody.

        Raises:
            InvariantViolation: an event cannot follow on the present state, or a fold published. What
                was folded before it in this call is still recorded and fanned out.
        """
        if self._folding:
            raise InvariantViolation("publish was called from inside a fold")
        if self._delivering:
            self._deferred.append(list(events))
            return
        self._folding = True
        folded: list[E] = []
        try:
            fold, append = self._fold, folded.append
            for event in events:
                follow = fold(event)
                if follow is None:
                    continue
                append(event)
                if follow:
                    # Seldom: most events are frames that change one level.
                    self._fold_consequences(follow, folded)
            folded += self._settle()
        finally:
            self._folding = False
            self._deliver(folded)

    def subscribe(
        self,
        *types: type,
        name: str,
        policy: Policy = Policy.DROP_OLDEST,
        depth: int = DEFAULT_DEPTH,
        key: Callable[[E], Hashable] | None = None,
    ) -> Inbox[E]:
        """Return an inbox for these event types; use it as a context manager, it ends the subscription."""
        inbox: Inbox[E] = Inbox(
            name=name,
            policy=policy,
            depth=depth,
            key=key,
            on_incident=self._on_incident,
            on_close=self._unsubscribe,
        )
        self._subscriptions.append(_Subscription(inbox, frozenset(types)))
        return inbox

    def statistics(self) -> tuple[InboxStatistics, ...]:
        """Return how every inbox is doing."""
        return tuple(subscription.inbox.statistics() for subscription in self._subscriptions)

    def statistics_by_name(self) -> dict[str, InboxStatistics]:
        """Return how the inboxes of each name are doing together, those that have ended included."""
        joined = dict(self._ended)
        for one in self.statistics():
            joined[one.name] = joined[one.name].joined(one) if one.name in joined else one
        return joined

    def _fold_consequences(self, follow: list[E], folded: list[E]) -> None:
        waiting = deque(follow)
        while waiting:
            current = waiting.popleft()
            further = self._fold(current)
            if further is None:
                continue
            waiting.extend(further)
            folded.append(current)
            if len(folded) > CONSEQUENCES_MAX:
                raise InvariantViolation(f"more than {CONSEQUENCES_MAX} events followed at once")

    def _deliver(self, folded: list[E]) -> None:
        if not folded:
            return
        self.published += len(folded)
        self._delivering = True
        try:
            try:
                self._record(folded)
            finally:
                # The state has changed whatever the recorder met, so the news spreads.
                self._fan_out(folded)
        finally:
            self._delivering = False
            self._publish_deferred()

    def _fan_out(self, folded: list[E]) -> None:
        kinds = set(map(type, folded))
        chosen: dict[frozenset[type], list[E]] = {}
        for subscription in tuple(self._subscriptions):
            types = subscription.types
            # Most readers want nothing of most batches, which are market data: that must cost next to nothing.
            if types.isdisjoint(kinds):
                continue
            batch = chosen.get(types)
            if batch is None:
                batch = chosen[types] = [event for event in folded if type(event) in types]
            subscription.inbox.offer(batch)

    def _publish_deferred(self) -> None:
        if not self._deferred:
            return
        try:
            self.publish(self._deferred.popleft())
        finally:
            self._publish_deferred()

    def _unsubscribe(self, inbox: Inbox[E]) -> None:
        left = [s for s in self._subscriptions if s.inbox is not inbox]
        if len(left) == len(self._subscriptions):
            return  # a reader that was cut off closes once more when it leaves
        self._subscriptions = left
        # Of the past only the counts and the peak say anything about now.
        ended = attrs.evolve(
            inbox.statistics(),
            depth=0,
            depth_max=0,
            handler_p50_ms=0.0,
            handler_p99_ms=0.0,
            busy_s=0.0,
        )
        before = self._ended.get(inbox.name)
        self._ended[inbox.name] = ended if before is None else before.joined(ended)
