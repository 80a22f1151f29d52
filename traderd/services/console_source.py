"""The daemon as the console sees it: reads as documents, verbs as commands.

Owns: which verb is which command, and which HTTP status an outcome has.
Must not: know HTTP beyond a status number, or read anything but the view.
"""

from __future__ import annotations

import difflib
import zlib
from typing import Final

import msgspec

from traderd import __version__
from traderd.errors import BadInput
from traderd.model import commands as cm
from traderd.model.events import StateChanged
from traderd.model.states import State
from traderd.model.units import format_count
from traderd.runtime.inbox import InboxStatistics
from traderd.runtime.plugin_record import PluginRecord, PluginState
from traderd.services import documents
from traderd.services.chart_history import ChartHistory
from traderd.services.condition_documents import health_document
from traderd.services.console_verbs import VERBS, refuse_unknown
from traderd.services.context import Context
from traderd.services.documents import Document
from traderd.services.feed_metrics import market_data_document
from traderd.services.ledger_document import reconciliation_document, settlements_document
from traderd.services.metric_table import read_daemon
from traderd.services.order_policies import policies_document
from traderd.services.pages import PAGES
from traderd.services.plugin_desk import plugins_document
from traderd.services.rate_limits_document import rate_limits_document
from traderd.services.request_log import RequestLog
from traderd.services.status_box import STATUS_BOXES
from traderd.services.strategy_documents import tenants_document
from traderd.services.verb_schemas import verb_schemas

SIMILAR: Final = 0.9
"""How alike (0 to 1) two tickers must be for one to be suggested: those of one event differ in few letters."""
SIMILAR_AMONG: Final = 1_000
"""Bounds the tickers that are compared (about 20 ms)."""
STATUS_OF: Final = {
    cm.Answer.DONE: 200,
    cm.Answer.DENIED: 422,
    cm.Answer.REJECTED: 409,
    cm.Answer.UNKNOWN: 202,
    cm.Answer.UNAVAILABLE: 503,
}


STATE_CHANGED: Final = cm.denied(
    "The state, a halt or a pause has changed since this was decided; nothing was done."
)
"""The outcome of a verb that was decided by another state."""


class DaemonSource:
    """Implements `web.source.ConsoleSource`."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._environment = context.config.environment
        self._charts = ChartHistory()
        self.requests = RequestLog(context)

    def health(self) -> Document:
        """Return the health document."""
        return health_document(
            self._context.view, environment=self._environment, uptime_s=self._uptime_s()
        )

    def status(self) -> Document:
        """Return the status document."""
        inboxes = self._context.shared.bus.statistics_by_name()
        return (
            documents.status_document(
                self._context.view,
                environment=self._environment,
                trading=self._context.config.trading_enabled,
                uptime_s=self._uptime_s(),
                now=self._context.now(),
                services=self._services(inboxes),
                market_data=market_data_document(
                    read_daemon(self._context, version=__version__), self._context.env.monotonic()
                ),
            )
            | self._order_care()
            | {
                "console": self._context.shared.levers.console_url,
                "rate_limits": rate_limits_document(self._context.venue.rest.throttle),
                "tenants": tenants_document(self._context.view),
                "plugin_troubles": self._plugin_troubles(),
                "settlements": settlements_document(self._context.view),
                "state_version": self.state_version(),
                "other_inboxes": self._other_inboxes(inboxes),
            }
        )

    def order(self, key: str) -> Document | None:
        """Return one order."""
        order = self._context.view.order(key)
        return None if order is None else documents.order_document(order, self._context.now())

    def positions(self) -> list[Document]:
        """Return every position that is open or has made or lost money."""
        view = self._context.view
        return [
            documents.position_document(position, view) for position in view.positions_of_account()
        ]

    def reconciliation(self) -> Document:
        """Return how we stand to the exchange."""
        return reconciliation_document(self._context.view, self._context.now())

    def book(self, ticker: str) -> Document | None:
        """Return one book."""
        return documents.book_document(self._context.view, ticker, self._context.now())

    def chart(self, ticker: str | None) -> Document:
        """Return an hour of one market's prices, or of our profit."""
        charts = self._charts
        return charts.profit_document() if ticker is None else charts.price_document(ticker)

    def sample_charts(self) -> None:
        """Keep how things stand for the charts; as often as you like, it keeps to its own pace."""
        self._charts.sample(self._context.view, self._context.now())

    def similar_market(self, ticker: str) -> str | None:
        """Return the followed market that was probably meant: in capitals, or but for a letter or two."""
        followed = self._context.view.followed[:SIMILAR_AMONG]
        near = difflib.get_close_matches(ticker.upper(), followed, n=1, cutoff=SIMILAR)
        return near[0] if near else None

    def markets(self, limit: int) -> Document:
        """Return how many markets are followed, and a line for each of the first `limit`."""
        return documents.markets_document(self._context.view, self._context.now(), limit)

    def plugins(self) -> Document:
        """Return every plugin."""
        view = self._context.view
        return plugins_document(self._plugin_records(), view.services, view.restarts)

    def _plugin_troubles(self) -> list[Document]:
        return [
            {"name": one.name, "state": one.state.value, "where": one.place, "why": one.sentence}
            for one in self._plugin_records()
            if one.state is not PluginState.RUNNING
        ]

    def _plugin_records(self) -> list[PluginRecord]:
        return self._context.shared.plugin_desk.plugins.listed()

    def transition(self, event: StateChanged) -> Document:
        """Return one state change as it is told live."""
        view = self._context.view
        for kept, left_since in zip(view.transitions, view.left_since, strict=True):
            if kept is event:
                return documents.transition_document(event, left_since)
        return documents.transition_document(event, None)

    def page(self, name: str, limit: int, before: str | None) -> tuple[list[Document], str | None]:
        """Return a page of a list that grows, and the cursor of the next older one."""
        return PAGES[name](self._context, limit, before)

    def verbs(self) -> dict[str, Document]:
        """Return each verb with the schema of its body."""
        return verb_schemas()

    def state_version(self) -> str:
        """Return a word that changes with every start and whenever the state, a halt or a pause does."""
        view = self._context.view
        conditions = view.conditions
        state = State.READY if view.state is State.ACTING else view.state
        facts = [
            self._context.shared.started_at,
            state.value,
            conditions.venue_paused,
            sorted((halt.halt_id, halt.at) for halt in conditions.halts.values()),
            sorted(
                (pause.ticker or "", pause.strategy or "", pause.at)
                for pause in conditions.pauses.values()
            ),
        ]
        return f"{zlib.crc32(msgspec.json.encode(facts)):08x}"

    def status_boxes(self) -> list[str]:
        """Return the kept status boxes, oldest first; none when the status service never ran."""
        boxes = self._context.shared.extras.get(STATUS_BOXES)
        return list(boxes) if boxes is not None else []

    async def command(
        self, verb: str, body: Document, state_version: str | None = None
    ) -> tuple[int, Document]:
        """Carry out a verb, with a `state_version` only if that is the one then; cancelling does not break it off."""
        if verb not in VERBS:
            known = ", ".join(VERBS)
            return 404, _error("unknown_verb", f"there is no verb {verb!r}", f"known are: {known}")
        parse, fields = VERBS[verb]
        try:
            refuse_unknown(body, fields)
            command = parse(body)
        except BadInput as exc:
            return 400, _error("bad_input", str(exc), "correct the value and send it again")

        is_refused = False

        def changed() -> cm.Outcome | None:
            # Asked where the command is carried out: on its way there it waits for others, which may change the state.
            nonlocal is_refused
            is_refused = state_version not in {None, self.state_version()}
            return STATE_CHANGED if is_refused else None

        outcome = await self._context.send(command, unless=changed)
        if is_refused:
            # Who had begun by then has put what was done in the place of our sentence.
            return 412, _error(
                "state_changed",
                outcome.sentence,
                "Look at what changed and decide again; "
                f"state_version of /v3/status is {self.state_version()} now.",
            )
        about = {} if outcome.key is None else {"order": outcome.key}
        # What the risk gate denied is told by the risk watch, with its rule.
        is_told = outcome.sentence.startswith("denied by rule")
        tell = self._context.log.debug if is_told else self._context.log.info
        tell(f"{verb}: {outcome.answer.value}: {outcome.sentence}", verb=verb, **about)
        return STATUS_OF[outcome.answer], _outcome_document(outcome)

    def _order_care(self) -> Document:
        config, groups = self._context.config, self._context.view.order_groups
        if not config.trading_enabled:
            return {}
        return {
            "order_policies": policies_document(config),
            "order_groups": [
                {
                    "strategy": group.strategy,
                    "exchange_index": group.exchange_index,
                    "contracts_per_15s": format_count(group.limit),
                    "contracts_per_15s_told": None
                    if group.limit_told is None
                    else format_count(group.limit_told),
                    "is_triggered": group.triggered_at is not None,
                    "group_id": group.group_id,
                }
                for group in groups.by_id.values()
            ],
            "strategies_stopped": dict(groups.stopped),
        }

    def _uptime_s(self) -> float:
        shared = self._context.shared
        return round(shared.env.monotonic() - shared.started_at, 1)

    def _services(self, inboxes: dict[str, InboxStatistics]) -> dict[str, Document]:
        restarts = self._context.view.restarts
        found: dict[str, Document] = {}
        for name, changed in sorted(self._context.view.services.items()):
            found[name] = {
                "status": changed.status,
                "detail": changed.detail,
                "restarts": restarts.get(name, 0),
            }
            inbox = inboxes.get(name)
            if inbox is not None:
                found[name]["inbox"] = _inbox_document(inbox)
        return found

    def _other_inboxes(self, inboxes: dict[str, InboxStatistics]) -> dict[str, Document]:
        """The inboxes that bear no service's name, such as those of the market's books."""
        services = self._context.view.services
        return {
            name: _inbox_document(inbox)
            for name, inbox in sorted(inboxes.items())
            if name not in services
        }


def _inbox_document(inbox: InboxStatistics) -> Document:
    return {
        "policy": inbox.policy,
        "depth": inbox.depth,
        "depth_max": inbox.depth_max,
        "peak": inbox.peak,
        "dropped": inbox.dropped,
        "conflated": inbox.conflated,
        "handler_p50_ms": inbox.handler_p50_ms,
        "handler_p99_ms": inbox.handler_p99_ms,
        "busy_s": round(inbox.busy_s, 1),
    }


def _outcome_document(outcome: cm.Outcome) -> Document:
    document: Document = {
        "answer": outcome.answer.value,
        "sentence": outcome.sentence,
        "key": outcome.key,
    }
    if outcome.items:
        document["items"] = [_outcome_document(item) for item in outcome.items]
    return document


def _error(code: str, sentence: str, cure: str) -> Document:
    return {"error": {"code": code, "sentence": sentence, "cure": cure}}
