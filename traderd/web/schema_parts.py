"""The schemas of plugins, strategies, notices and log lines, and of what a verb answers.

Owns: which fields these documents have, and of what kind.
Must not: make the documents.
"""

from __future__ import annotations

from typing import Final

from traderd.web.schema_status import STRATEGY
from traderd.web.schema_words import (
    ANY,
    FLAG,
    MILLISECONDS,
    MOMENT,
    NUMBER,
    SECONDS,
    TALLY,
    TEXT,
    TICKER,
    WHOLE,
    choice,
    list_of,
    map_of,
    maybe,
    named,
    record,
)

LOG_LINE: Final = record(at=MOMENT, level=TEXT, event=TEXT, fields=map_of(ANY))

PLUGINS: Final = record(
    plugins=list_of(
        record(
            name=TEXT,
            state=TEXT,
            origin=TEXT,
            file=TEXT,
            line=maybe(WHOLE),
            version=TEXT,
            hooks=list_of(TEXT),
            offers=map_of(list_of(TEXT)),
            reason=TEXT,
            cure=TEXT,
            failures=list_of(TEXT),
            services=map_of(record(status=TEXT, detail=TEXT, restarts=TALLY)),
            calls=map_of(
                record(
                    calls=TALLY,
                    failures=TALLY,
                    p50_ms=maybe(MILLISECONDS),
                    p99_ms=maybe(MILLISECONDS),
                    worst_ms=MILLISECONDS,
                )
            ),
        )
    )
)

STRATEGIES: Final = record(strategies=list_of(STRATEGY))

WHY: Final = record(
    strategies=list_of(record(strategy=TEXT, ticks=TALLY, outcomes=map_of(TALLY))),
    rows=list_of(
        record(
            strategy=TEXT,
            ticker=TICKER,
            outcome=TEXT,
            rule=TEXT,
            count=TALLY,
            last_at=MOMENT,
            reason=TEXT,
        )
    ),
    left_out=TALLY,
    followed=list_of(TICKER),
)

NOTICES: Final = record(
    notifiers=list_of(
        record(
            name=TEXT,
            plugin=TEXT,
            classes=list_of(TEXT),
            delivered=TALLY,
            delivered_at=maybe(MOMENT),
            failed=TALLY,
            dropped=TALLY,
            waiting=TALLY,
            collected=TALLY,
            last_error=maybe(TEXT),
        )
    ),
    classes=map_of(record(muted_for_s=SECONDS)),
    quiet_now=FLAG,
    muted_total=TALLY,
    alerts=list_of(
        record(
            number=WHOLE,
            title=TEXT,
            text=TEXT,
            at=MOMENT,
            told=TALLY,
            next_in_s=NUMBER,
            optional={"class": TEXT},
        )
    ),
    recent=list_of(
        record(
            at=MOMENT,
            at_ns=WHOLE,
            urgency=TEXT,
            key=TEXT,
            title=TEXT,
            text=TEXT,
            ends=FLAG,
            alert=maybe(WHOLE),
            optional={"class": TEXT},
        )
    ),
)

PLUGIN_LISTING: Final = record(
    routes=list_of(record(method=choice("GET", "POST"), path=TEXT, plugin=TEXT, meaning=TEXT)),
    faults=list_of(record(plugin=TEXT, what=TEXT, where=TEXT, error=TEXT, count=TALLY)),
)

OUTCOME: Final = record(
    answer=choice("done", "denied", "rejected", "unknown", "unavailable"),
    sentence=TEXT,
    key=maybe(TEXT),
    optional={"items": list_of(named("Outcome"))},
)
"""What became of a verb; `items` tells it of each part."""

OUTCOME_STATUSES: Final = {
    200: "Done, or what a dry run would do.",
    202: "Not known yet; the daemon finds out by itself.",
    409: "The exchange refused it.",
    422: "A rule or a limit of this daemon refused it.",
    503: "Not possible now.",
}
"""The HTTP statuses that carry an outcome."""
