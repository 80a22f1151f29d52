"""The schemas of the status, of health and of the money.

Owns: which fields `/v3/status`, `/v3/health` and `/v3/reconciliation` have, and of what kind.
Must not: make the documents (`services` does; a test holds both against each other).
"""

from __future__ import annotations

from typing import Final

from traderd.web.schema_words import (
    ANY,
    COUNT,
    DOLLARS,
    FLAG,
    MILLISECONDS,
    MOMENT,
    NUMBER,
    SECONDS,
    TALLY,
    TEXT,
    TICKER,
    WHOLE,
    Schema,
    choice,
    list_of,
    map_of,
    maybe,
    named,
    record,
)

HEALTH_WORD: Final = choice("healthy", "degraded", "unhealthy")

HEALTH_PARTS: Final = list_of(
    record(name=TEXT, critical=FLAG, status=TEXT, value=TEXT, limit=TEXT, sentence=TEXT, cure=TEXT)
)
HEALTH_HISTORY: Final = list_of(
    record(checked_at=MOMENT, health=HEALTH_WORD, problems=list_of(TEXT))
)

HEALTH: Final = record(
    environment=TEXT,
    health=HEALTH_WORD,
    problems=list_of(TEXT),
    checked_at=maybe(MOMENT),
    state=TEXT,
    uptime_s=SECONDS,
    parts=HEALTH_PARTS,
    history=HEALTH_HISTORY,
)

TRANSITION: Final = record(
    from_state=TEXT,
    to_state=TEXT,
    context=TEXT,
    timestamp=MOMENT,
    duration_ms=maybe(TALLY),
    metadata=map_of(ANY),
)
"""One change of state; `duration_ms` is how long the state that was left had lasted."""

HALT: Final = record(
    id=TEXT,
    author=TEXT,
    by=TEXT,
    reason=TEXT,
    ticker=maybe(TICKER),
    strategy=maybe(TEXT),
    raised_at=MOMENT,
)

PAUSE: Final = record(
    by=TEXT, reason=TEXT, ticker=maybe(TICKER), strategy=maybe(TEXT), paused_at=MOMENT
)

IN_DOUBT: Final = list_of(record(key=TEXT, ticker=TICKER, sentence=TEXT))

INBOX: Final = record(
    policy=TEXT,
    depth=TALLY,
    depth_max=TALLY,
    peak=TALLY,
    dropped=TALLY,
    conflated=TALLY,
    handler_p50_ms=MILLISECONDS,
    handler_p99_ms=MILLISECONDS,
    busy_s=SECONDS,
)

SERVICE: Final = record(status=TEXT, detail=TEXT, restarts=TALLY, optional={"inbox": INBOX})

DIFFERENCE: Final = record(kind=TEXT, subject=TEXT, ours=TEXT, theirs=TEXT, is_drift=FLAG)

BALANCE: Final = record(
    status=TEXT,
    exchange_dollars=maybe(DOLLARS),
    ours_dollars=maybe(DOLLARS),
    unexplained_dollars=DOLLARS,
    since=maybe(MOMENT),
    unreadable_rows=TALLY,
    unreadable_age_s=maybe(SECONDS),
    read_age_s=maybe(SECONDS),
    proved_at=maybe(MOMENT),
    proved_age_s=maybe(SECONDS),
    candidates=list_of(record(kind=TEXT, amount_dollars=DOLLARS, sentence=TEXT)),
    sentence=TEXT,
    is_ignored=FLAG,
    is_drift=FLAG,
)
"""The proof of the balance: our entries against the exchange's figure."""

RECONCILIATION: Final = record(
    version=TALLY,
    read_at=maybe(MOMENT),
    read_age_s=maybe(SECONDS),
    balance=BALANCE,
    mismatches=list_of(record(ticker=maybe(TICKER), sentence=TEXT)),
    standing=list_of(
        record(item=TEXT, ours=TEXT, theirs=TEXT, sentence=TEXT, may_adopt=FLAG, is_ignored=FLAG)
    ),
    unreadable=list_of(
        record(
            kind=TEXT,
            key=TEXT,
            ticker=maybe(TICKER),
            order_id=maybe(TEXT),
            client_order_id=maybe(TEXT),
            sentence=TEXT,
            raw=ANY,
        )
    ),
    settling=list_of(TICKER),
    orders_in_doubt=IN_DOUBT,
    readings=list_of(record(version=TALLY, at=MOMENT, differences=list_of(DIFFERENCE))),
)

ACCOUNT: Final = record(
    balance_dollars=maybe(DOLLARS),
    portfolio_value_dollars=maybe(DOLLARS),
    balance_by_shard=list_of(record(exchange_index=WHOLE, balance_dollars=DOLLARS)),
    balance_read_at=maybe(MOMENT),
    balance_age_s=maybe(SECONDS),
    reconciled_age_s=maybe(SECONDS),
    positions=TALLY,
    open_orders=TALLY,
    fills=TALLY,
    realized_pnl_dollars=DOLLARS,
    unrealized_pnl_dollars=DOLLARS,
    unrealized_at_bid_dollars=DOLLARS,
    unrealized_at_mid_dollars=DOLLARS,
    fees_dollars=DOLLARS,
    exposure_dollars=DOLLARS,
    ledger=record(
        accounts=map_of(DOLLARS),
        transactions=TALLY,
        settled_markets=TALLY,
        fee_alarms=TALLY,
        published_fees=list_of(
            record(
                of=TEXT,
                multiplier_thousandths=maybe(TALLY),
                maker_rate_per_10000=maybe(TALLY),
                changes_at=list_of(MOMENT),
            )
        ),
    ),
    strategies=list_of(
        record(
            strategy=TEXT,
            fills=TALLY,
            positions=map_of(COUNT),
            realized_pnl_dollars=DOLLARS,
            unrealized_at_bid_dollars=DOLLARS,
            unrealized_at_mid_dollars=DOLLARS,
            fees_dollars=DOLLARS,
        )
    ),
    balance_proof=BALANCE,
)

_POLICY: Final = record(
    on_exit=TEXT, on_disconnect=TEXT, on_restart=TEXT, ttl_s=maybe(NUMBER), dead_man_s=maybe(NUMBER)
)

_BUCKET: Final = record(
    tokens=NUMBER,
    capacity=NUMBER,
    refill_per_s=NUMBER,
    reserve=NUMBER,
    refused=TALLY,
    classes=map_of(
        record(
            sent=TALLY,
            waiting=TALLY,
            unwanted=TALLY,
            gave_up=TALLY,
            waited_p50_s=SECONDS,
            waited_p99_s=SECONDS,
        )
    ),
)

STRATEGY: Final = record(
    strategy=TEXT,
    status=TEXT,
    reason=TEXT,
    ticks=TALLY,
    outcomes=map_of(TALLY),
    callbacks=TALLY,
    callback_p50_ms=MILLISECONDS,
    callback_p99_ms=MILLISECONDS,
    callback_max_ms=MILLISECONDS,
    callback_budget_ms=MILLISECONDS,
    over_budget=TALLY,
    loop_percent=TALLY,
    loop_percent_max=TALLY,
    failures=TALLY,
    commands=TALLY,
    commands_per_s=NUMBER,
    in_flight=TALLY,
    parameters=list_of(record(name=TEXT, value=ANY, tunable=FLAG, doc=TEXT)),
)

MARKET_DATA: Final[Schema] = {
    **map_of(ANY),
    "description": "The metrics of docs/metrics.md without their prefix, rates of the last seconds, and each line.",
}

STATUS: Final = record(
    environment=TEXT,
    mode=choice("trading", "orderbook_only"),
    state=TEXT,
    state_since_s=maybe(SECONDS),
    uptime_s=SECONDS,
    version=TEXT,
    health=HEALTH_WORD,
    problems=list_of(TEXT),
    metrics=record(
        markets_connected=TALLY,
        markets_followed=TALLY,
        snapshots_received=TALLY,
        deltas_received=TALLY,
        connection_uptime=maybe(SECONDS),
        ws_connection_status=choice("connected", "disconnected"),
        private_feed=choice("connected", "disconnected"),
        last_message_time=maybe(MOMENT),
    ),
    market_data=MARKET_DATA,
    universe=record(
        followed=TALLY,
        markets=list_of(record(ticker=TICKER, why=TEXT, status=TEXT, book_given_up=maybe(TEXT))),
        not_listed=WHOLE,
        books_given_up=TALLY,
        changes=list_of(
            record(at=MOMENT, ticker=TICKER, change=choice("added", "dropped"), why=TEXT)
        ),
    ),
    account=named("Account"),
    services=map_of(SERVICE),
    halts=list_of(named("Halt")),
    paused=maybe(TEXT),
    pauses=list_of(PAUSE),
    venue_paused=maybe(TEXT),
    degraded=map_of(TEXT),
    orders_in_doubt=IN_DOUBT,
    health_parts=HEALTH_PARTS,
    health_history=HEALTH_HISTORY,
    why_no_trade=map_of(TALLY),
    denials=list_of(
        record(
            owner=TEXT,
            rule=TEXT,
            control=TEXT,
            count=TALLY,
            number=TEXT,
            limit=TEXT,
            last_sentence=TEXT,
            last_at=MOMENT,
        )
    ),
    risk=record(
        limits=map_of(TEXT),
        day=maybe(TEXT),
        profit_dollars=maybe(DOLLARS),
        day_start_dollars=maybe(DOLLARS),
        peak_dollars=maybe(DOLLARS),
        daily_loss_dollars=DOLLARS,
        drawdown_dollars=DOLLARS,
        errors_of_last_answers=TALLY,
        plugin_rules=list_of(TEXT),
    ),
    transitions=list_of(named("Transition")),
    state_version=TEXT,
    rate_limits=record(read=_BUCKET, write=_BUCKET),
    settlements=list_of(
        record(
            ticker=TICKER,
            result=TEXT,
            count=COUNT,
            cost_dollars=DOLLARS,
            revenue_dollars=DOLLARS,
            profit_dollars=DOLLARS,
            fees_dollars=DOLLARS,
            settled_at=MOMENT,
        )
    ),
    other_inboxes=map_of(INBOX),
    tenants=list_of(STRATEGY),
    plugin_troubles=list_of(record(name=TEXT, state=TEXT, where=TEXT, why=TEXT)),
    console=maybe(TEXT),
    optional={
        "order_policies": record(
            strategy=_POLICY, person=_POLICY, order_group_contracts_per_15s=maybe(COUNT)
        ),
        "order_groups": list_of(
            record(
                strategy=TEXT,
                exchange_index=WHOLE,
                contracts_per_15s=COUNT,
                contracts_per_15s_told=maybe(COUNT),
                is_triggered=FLAG,
                group_id=maybe(TEXT),
            )
        ),
        "strategies_stopped": map_of(TEXT),
    },
)
"""The last three are there only when trading is on."""
