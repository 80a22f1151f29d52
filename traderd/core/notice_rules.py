"""Which facts a person is told, in which words, and how urgently.

Owns: the table from events to notices. Bursts of refusals and states that come back are counted here, because a single one is
no news.
Must not: decide who gets a notice or when; keep secrets out of reach: no event holds one.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping
from typing import Any, Final

import attrs

from traderd.core.conditions import KILL_HALT, scope_words
from traderd.core.risk import RiskLimits
from traderd.model import events as ev
from traderd.model.notices import Notice, NoticeClass, Urgency
from traderd.model.orders import Side
from traderd.model.state_events import NOT_READY
from traderd.model.states import WORKING, ErrorMetadata, ShutdownMetadata, State
from traderd.model.units import NS_PER_S, Timestamp, show_count, show_money, show_price

BURST_DENIALS: Final = 10
BURST_WINDOW_S: Final = 60
"""Ten refusals of one rule within a minute are a strategy that does not understand no; fewer are daily life."""
ATTEMPTS_CRITICAL: Final = 3
"""From this attempt on an error is critical: two tries, a second or so apart, mend most of them."""
CRITICAL_SERVICES: Final = ("orders", "risk", "risk_watch", "kill", "positions")
"""Without these orders cannot be trusted."""

C, U = NoticeClass, Urgency


@attrs.define(eq=False)
class NoticeRules:
    """From events to notices; remembers what it has to count."""

    limits: Callable[[], RiskLimits]
    """The limits of now: a reload may change them."""
    limits_before: Mapping[str, str]
    """Names and texts of the run before."""
    _denials: dict[tuple[str, str], deque[int]] = attrs.Factory(dict)
    _error_since: Timestamp | None = None
    _was_ready: bool = False
    _healthy: bool = True

    def notices(self, event: Any) -> list[Notice]:
        """Return what a person is told about an event, most often nothing."""
        rule = _RULES.get(type(event))
        return [] if rule is None else rule(self, event)

    # --- risk ------------------------------------------------------------------------------------

    def halt_raised(self, event: ev.HaltRaised) -> list[Notice]:
        """Tell a halt; one that a person raised is known to a person."""
        by_person = event.author is ev.Author.PERSON
        is_kill = event.halt_id == KILL_HALT
        scope = scope_words(event.ticker, event.strategy)
        who = event.by or event.author.value
        return [
            Notice(
                at=event.at,
                kind=C.RISK,
                urgency=U.CRITICAL if is_kill or not by_person else U.NORMAL,
                key=f"halt:{event.halt_id}",
                title="KILL SWITCH" if is_kill else f"halt {event.halt_id}",
                text=f"{scope} is halted by {who}: {event.reason}; `traderd clear-halt {event.halt_id}` ends it",
            )
        ]

    def _halt_cleared(self, event: ev.HaltCleared) -> list[Notice]:
        who = event.by or event.author.value
        return [
            _notice(
                event, C.RISK, U.NORMAL, f"halt:{event.halt_id}", f"halt {event.halt_id} cleared",
                f"by {who}", ends=True,
            )
        ]  # fmt: skip

    def _paused(self, event: ev.TradingPaused) -> list[Notice]:
        scope = scope_words(event.ticker, event.strategy)
        text = f"{scope}, by {event.by or 'a person'}: {event.reason}"
        return [_notice(event, C.RISK, U.NORMAL, f"pause:{scope}", "paused", text)]

    def _resumed(self, event: ev.TradingResumed) -> list[Notice]:
        scope = scope_words(event.ticker, event.strategy)
        text = f"{scope}, by {event.by or 'a person'}"
        return [_notice(event, C.RISK, U.NORMAL, f"pause:{scope}", "resumed", text, ends=True)]

    def _denied(self, event: ev.OrderDenied) -> list[Notice]:
        owner = event.attribution.strategy or event.attribution.owner.value
        key = (owner, event.rule)
        seen = self._denials.setdefault(key, deque(maxlen=BURST_DENIALS))
        seen.append(event.at)
        if len(seen) < BURST_DENIALS or event.at - seen[0] > BURST_WINDOW_S * NS_PER_S:
            return []
        seen.clear()
        text = (
            f"{BURST_DENIALS} orders of {owner} were denied by rule {event.rule} within {BURST_WINDOW_S} s, "
            f"the last: {event.sentence}"
        )
        return [
            _notice(
                event, C.RISK, U.NORMAL, f"denials:{owner}:{event.rule}", f"{owner} is denied often", text
            )
        ]  # fmt: skip

    def _limits_set(self, event: ev.LimitsSet) -> list[Notice]:
        before, self.limits_before = self.limits_before, dict(event.limits)
        raised = self.limits().raised_since(before)
        if not raised:
            return []
        text = f"since the last run: {'; '.join(raised)}"
        return [_notice(event, C.RISK, U.CRITICAL, "limits", "risk limits were raised", text)]

    # --- trade -----------------------------------------------------------------------------------

    def _filled(self, event: ev.OrderFilled) -> list[Notice]:
        fill = event.fill
        verb = "bought" if fill.side is Side.BID else "sold"
        text = (
            f"{verb} {show_count(fill.count)} YES of {fill.ticker} @ {show_price(fill.price)}, "
            f"fee {show_money(fill.fee)}"
        )
        key = f"fill:{fill.trade_id}:{fill.order_id}"
        return [_notice(event, C.TRADE, U.LOW, key, "fill", text)]

    def _unknown(self, event: ev.OrderOutcomeUnknown) -> list[Notice]:
        text = f"order {event.client_order_id}: {event.sentence}; the daemon is finding out"
        key = f"unknown:{event.client_order_id}"
        return [_notice(event, C.TRADE, U.NORMAL, key, "order of unknown outcome", text)]

    # --- money -----------------------------------------------------------------------------------

    def _account(self, event: ev.TradingStateUpdated) -> list[Notice]:
        found = []
        for one in event.differences:
            words = f"ours {one.ours}, the exchange's {one.theirs}"
            if one.kind == "balance":
                text = f"{words}; `traderd reconcile` shows what may explain it"
                found.append(
                    _notice(
                        event, C.MONEY, U.CRITICAL, "balance", "the balance is not explained", text
                    )
                )
            elif one.kind == "balance_explained":
                found.append(
                    _notice(
                        event,
                        C.MONEY,
                        U.NORMAL,
                        "balance",
                        "the balance is explained",
                        words,
                        ends=True,
                    )
                )
            elif one.kind in {"fill_missed", "position", "position_gone"}:
                key, title = f"drift:{one.kind}:{one.subject}", f"drift: {one.kind}"
                found.append(
                    _notice(event, C.MONEY, U.NORMAL, key, title, f"{one.subject}: {words}")
                )
        return found  # fmt: skip

    def _accepted(self, event: ev.BalanceAccepted) -> list[Notice]:
        text = f"a person took over {show_money(event.amount, signed=True)} that nothing explains"
        return [_notice(event, C.MONEY, U.NORMAL, "balance", "balance accepted", text, ends=True)]

    def _settled(self, event: ev.MarketSettled) -> list[Notice]:
        one = event.settlement
        text = f"{one.ticker} settled {one.result}: {show_money(one.revenue)} paid for {show_count(one.count, signed=True)}"
        return [_notice(event, C.MONEY, U.NORMAL, f"settled:{one.ticker}", "settlement", text)]

    def _cash_moved(self, event: ev.CashMoved) -> list[Notice]:
        move = event.move
        text = f"{move.kind.value} of {show_money(move.amount, signed=True)}"
        return [_notice(event, C.MONEY, U.NORMAL, f"cash:{move.move_id}", "cash moved", text)]

    def _fee_differed(self, event: ev.FeeDiffered) -> list[Notice]:
        text = f"{event.ticker}: charged {show_money(event.charged)}, expected {show_money(event.expected)}"
        return [_notice(event, C.MONEY, U.NORMAL, f"fee:{event.ticker}", "a fee differs", text)]

    # --- state and health ------------------------------------------------------------------------

    def _state(self, event: ev.StateChanged) -> list[Notice]:
        match event.metadata:
            case ErrorMetadata(failed_stage=stage, error=error, attempt=attempt, retry_in_s=wait):
                self._error_since = event.at if self._error_since is None else self._error_since
                urgency = U.CRITICAL if attempt >= ATTEMPTS_CRITICAL else U.NORMAL
                text = f"{stage} failed: {error}; attempt {attempt}, next in {wait:.0f} s"
                return [_notice(event, C.HEALTH, urgency, "error", "error", text)]
            case ShutdownMetadata(reason=reason):
                return [_notice(event, C.STATE, U.NORMAL, "stop", "stopping", reason)]
            case _:
                return self._on_the_way(event)

    def _on_the_way(self, event: ev.StateChanged) -> list[Notice]:
        if event.to_state not in WORKING or event.from_state in WORKING:
            return []
        return self._arrived(event)

    def _arrived(self, event: ev.StateChanged) -> list[Notice]:
        since, self._error_since = self._error_since, None
        was_ready, self._was_ready = self._was_ready, True
        if since is not None:
            text = f"{State.READY.value} again after {max(0, event.at - since) / NS_PER_S:.0f} s"
            return [_notice(event, C.HEALTH, U.NORMAL, "error", "recovered", text, ends=True)]
        return [] if was_ready else [_notice(event, C.STATE, U.NORMAL, "ready", "ready", "")]

    def _venue_paused(self, event: ev.VenuePaused) -> list[Notice]:
        what = event.ticker or "the exchange"
        urgency = U.LOW if event.ticker else U.NORMAL
        return [_notice(event, C.STATE, urgency, f"venue:{what}", f"{what} is paused", event.sentence)]  # fmt: skip

    def _venue_resumed(self, event: ev.VenueResumed) -> list[Notice]:
        what = event.ticker or "the exchange"
        urgency = U.LOW if event.ticker else U.NORMAL
        return [_notice(event, C.STATE, urgency, f"venue:{what}", f"{what} trades again", "", ends=True)]  # fmt: skip

    def _disconnected(self, event: ev.FeedDisconnected) -> list[Notice]:
        if event.of is not None:
            return []
        name = event.feed.value
        return [_notice(event, C.HEALTH, U.NORMAL, f"feed:{name}", f"{name} connection lost", event.reason)]  # fmt: skip

    def _service(self, event: ev.ServiceChanged) -> list[Notice]:
        if event.status != "quarantined":
            return []
        urgency = U.CRITICAL if event.name in CRITICAL_SERVICES else U.NORMAL
        title = f"service {event.name} is quarantined"
        return [_notice(event, C.HEALTH, urgency, f"service:{event.name}", title, event.detail)]

    def _degraded(self, event: ev.DegradedRaised) -> list[Notice]:
        return [_notice(event, C.HEALTH, U.NORMAL, f"part:{event.part}", f"{event.part} is degraded", event.reason)]  # fmt: skip

    def _mended(self, event: ev.DegradedCleared) -> list[Notice]:
        return [_notice(event, C.HEALTH, U.LOW, f"part:{event.part}", f"{event.part} is well again", "", ends=True)]  # fmt: skip

    def _health(self, event: ev.HealthChecked) -> list[Notice]:
        # Errors of the way up are told as states; being on the way up is no news.
        problems = [
            one
            for one in event.problems
            if not one.endswith(NOT_READY) and not one.startswith("state: ")
        ]
        healthy = event.healthy or not problems
        if healthy == self._healthy:
            return []
        self._healthy = healthy
        if healthy:
            return [_notice(event, C.HEALTH, U.NORMAL, "health", "healthy again", "", ends=True)]
        return [_notice(event, C.HEALTH, U.CRITICAL, "health", "unhealthy", "; ".join(problems))]


def _notice(
    event: Any,
    kind: NoticeClass,
    urgency: Urgency,
    key: str,
    title: str,
    text: str,
    *,
    ends: bool = False,
) -> Notice:
    return Notice(
        at=event.at, kind=kind, urgency=urgency, key=key, title=title, text=text, ends=ends
    )


_RULES: Final[dict[type, Callable[[NoticeRules, Any], list[Notice]]]] = {
    ev.HaltRaised: NoticeRules.halt_raised,
    ev.HaltCleared: NoticeRules._halt_cleared,
    ev.TradingPaused: NoticeRules._paused,
    ev.TradingResumed: NoticeRules._resumed,
    ev.OrderDenied: NoticeRules._denied,
    ev.LimitsSet: NoticeRules._limits_set,
    ev.OrderFilled: NoticeRules._filled,
    ev.OrderOutcomeUnknown: NoticeRules._unknown,
    ev.TradingStateUpdated: NoticeRules._account,
    ev.BalanceAccepted: NoticeRules._accepted,
    ev.MarketSettled: NoticeRules._settled,
    ev.CashMoved: NoticeRules._cash_moved,
    ev.FeeDiffered: NoticeRules._fee_differed,
    ev.StateChanged: NoticeRules._state,
    ev.VenuePaused: NoticeRules._venue_paused,
    ev.VenueResumed: NoticeRules._venue_resumed,
    ev.FeedDisconnected: NoticeRules._disconnected,
    ev.ServiceChanged: NoticeRules._service,
    ev.DegradedRaised: NoticeRules._degraded,
    ev.DegradedCleared: NoticeRules._mended,
    ev.HealthChecked: NoticeRules._health,
}
TOLD_ABOUT: Final = tuple(_RULES)
"""The events that a notifier reads."""
