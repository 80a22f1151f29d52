"""A daemon that the console can look at: the shapes of `ConsoleSource` with believable content.

Tests change its lists and records directly and then publish, as the services do.
"""

from __future__ import annotations

from typing import Any

import attrs

from traderd.web.source import Answer, EarlierRequest

ALPHA = "KXDEMO-26DEC31-A"
BRAVO = "KXHIGHNY-26NOV21-B45.5"


def transition(from_state: str, to_state: str, second: int, **metadata: Any) -> dict[str, Any]:
    return {
        "from_state": from_state,
        "to_state": to_state,
        "context": f"{to_state.replace('_', ' ')} began",
        "timestamp": f"2026-11-20T10:28:{second:02d}.120Z",
        "duration_ms": 412 + second,
        "metadata": metadata,
    }


def order(key: str, **changes: Any) -> dict[str, Any]:
    record = {
        "key": key,
        "order_id": f"7a5e0c1b-{key}",
        "ticker": ALPHA,
        "side": "bid",
        "price_dollars": "0.4500",
        "count": "5",
        "filled": "0",
        "remaining": "5",
        "status": "resting",
        "owner": "market_maker",
        "age_s": 12.4,
    }
    return {**record, **changes}


def fill(number: int, **changes: Any) -> dict[str, Any]:
    record = {
        "trade_id": f"d0c3{number:04d}",
        "ticker": ALPHA if number % 2 else BRAVO,
        "side": "bid" if number % 3 else "ask",
        "price_dollars": f"0.{4600 + number * 10}",
        "count": "2.50" if number % 4 == 0 else "3",
        "fee_dollars": "0.0175",
        "is_taker": number % 2 == 0,
        "executed_at": f"2026-11-20T10:29:{number % 60:02d}.250Z",
        "order_key": f"k{number}",
    }
    return {**record, **changes}


def log_line(number: int, level: str = "info", event: str = "orders.accepted") -> dict[str, Any]:
    return {
        "at": f"2026-11-20T10:{28 + number // 60:02d}:{number % 60:02d}.{number % 10}00Z",
        "level": level,
        "event": event,
        "fields": {"service": "orders", "ticker": ALPHA, "client_order_id": f"td-7-{number}"},
    }


def believable_log() -> list[dict[str, Any]]:
    lines = [log_line(number) for number in range(60)]
    lines[7] = log_line(7, "warning", "market_data.gap")
    lines[21] = log_line(21, "error", "sync.failed")
    lines[33] = log_line(33, "debug", "book.snapshot")
    return lines


def service(status: str = "running", detail: str = "", restarts: int = 0) -> dict[str, Any]:
    inbox = {"depth": 0, "peak": 14, "dropped": 0}
    return {"status": status, "detail": detail, "restarts": restarts, "inbox": inbox}


def believable_status() -> dict[str, Any]:
    return {
        "environment": "sim",
        "state": "ready",
        "state_since_s": 123.4,
        "uptime_s": 4063.2,
        "version": "0.1.0",
        "health": "degraded",
        "problems": ["market_data: one book is resynchronizing after a gap"],
        "metrics": {
            "markets_connected": 15,
            "snapshots_received": 15,
            "deltas_received": 48211,
            "connection_uptime": 4051.0,
            "ws_connection_status": "connected",
            "private_feed": "connected",
            "last_message_time": "2026-11-20T10:30:14.950Z",
        },
        "market_data": believable_feed(),
        "account": {
            "balance_dollars": "998.7725",
            "portfolio_value_dollars": "14.2000",
            "positions": 2,
            "open_orders": 3,
            "fills": 8,
            "realized_pnl_dollars": "1.2300",
            "unrealized_pnl_dollars": "-0.4000",
            "fees_dollars": "0.1925",
        },
        "services": {
            "market_data": service("running", "resynchronizing 1 of 15 books", 1),
            "orders": service(),
            "positions": service(),
            "risk": service(),
            "recorder": service("quarantined", "disk almost full", 5),
            "web": service(),
        },
        "halts": [
            {
                "id": "h-3",
                "author": "risk",
                "reason": "five errors in a row from the exchange",
                "ticker": BRAVO,
            }
        ],
        "paused": False,
        "degraded": {"recorder": "disk almost full"},
        "transitions": [],
        "why_no_trade": {"minimum_book_grade": 41, "max_open_orders": 7, "price_collar": 2},
    }


def believable_feed() -> dict[str, Any]:
    return {
        "markets_connected": 14,
        "markets_wanted": 15,
        "markets_shed": 0,
        "connections": 1,
        "connections_wanted": 1,
        "connection_losses_total": 2,
        "line_silence_seconds": 0.4,
        "message_age_seconds": 1.2,
        "deltas_total": 48211,
        "snapshots_total": 15,
        "trades_total": 902,
        "lag_seconds": {"0.5": 0.0412, "0.99": 0.6321},
        "gaps_total": 1,
        "resyncs_total": 1,
        "dropped_deltas_total": 12,
        "frames_refused_total": 0,
        "book_grade_markets": {"A": 13, "B": 1, "C": 0, "D": 0, "E": 0, "F": 1},
        "book_audits_total": {"agreed": 120, "differed": 1, "wrong": 0},
        "per_second": {"deltas": 12.4, "snapshots": 0.0, "trades": 0.3, "bytes": 4_812.0},
        "deltas_per_second": [10.0 + (second * 7) % 9 for second in range(60)],
        "lines": [],
    }


def believable_transitions() -> list[dict[str, Any]]:
    return [
        transition(
            "startup", "initializing", 1, environment="sim", host="127.0.0.1", mode="trading"
        ),
        transition(
            "initializing",
            "orderbook_connect",
            2,
            ws_url="ws://127.0.0.1:40111/trade-api/ws/v2",
            markets=f"{ALPHA}, {BRAVO} ...and 13 more",
            market_count=15,
        ),
        transition(
            "orderbook_connect",
            "trading_client_connect",
            3,
            mode="sim",
            api_url="http://127.0.0.1:40111",
        ),
        transition(
            "trading_client_connect", "kalshi_data_sync", 4, mode="sim", sync_type="initial"
        ),
        transition(
            "kalshi_data_sync",
            "ready",
            5,
            markets_connected=15,
            trading_client={"connected": True, "balance": "1000.0000", "positions": 0, "orders": 0},
        ),
        transition("ready", "acting", 31, orders_in_flight=2),
        transition("acting", "ready", 32, markets_connected=15),
    ]


def believable_book(ticker: str) -> dict[str, Any]:
    bids = [[f"0.{4600 - step * 100}", f"{120 + step * 35}"] for step in range(10)]
    asks = [[f"0.{4800 + step * 100}", f"{80 + step * 50}"] for step in range(10)]
    return {
        "ticker": ticker,
        "usable": True,
        "reason": "",
        "bids": bids,
        "asks": asks,
        "best_bid": "0.4600",
        "best_ask": "0.4800",
        "spread": "0.0200",
        "mid": "0.470000",
        "microprice": "0.472000",
        "imbalance": "0.2000",
        "bid_depth": "2775",
        "ask_depth": "3050",
        "last_trade": "0.4600",
        "age_s": 0.4,
        "quality": {"grade": "A", "causes": [], "line_silent_s": 0.4, "lag_ms": 41.2},
        "own_orders": [order("k1")],
    }


class LiveLookingNotes:
    """`RequestNotes` that forget nothing."""

    def __init__(self) -> None:
        self.kept: dict[str, EarlierRequest] = {}

    def earlier(self, key: str) -> EarlierRequest | None:
        return self.kept.get(key)

    async def take(self, key: str, asked: tuple[str, str]) -> None:
        self.kept[key] = EarlierRequest(asked=asked, taken_at="2026-11-20T10:30:15Z", answer=None)

    async def answer(self, key: str, answer: Answer) -> None:
        self.kept[key] = attrs.evolve(self.kept[key], answer=answer)


class LiveLookingSource:
    """A `ConsoleSource` over plain lists."""

    def __init__(self) -> None:
        self.requests = LiveLookingNotes()
        self.health_word = "degraded"
        self.status_record = believable_status()
        self.order_list = [
            order("k1"),
            order("k2", ticker=BRAVO, side="ask", price_dollars="0.6125", count="12.50"),
            order("k3", status="pending", price_dollars="0.4400", age_s=0.2),
        ]
        self.position_list = [
            {
                "ticker": ALPHA,
                "count": "10",
                "side": "YES",
                "held": "10.00",
                "average_cost_dollars": "0.4700",
                "mark_dollars": "0.4600",
                "held_mark_dollars": "0.4600",
                "realized_pnl_dollars": "1.2300",
                "unrealized_pnl_dollars": "-0.1000",
                "fees_dollars": "0.1400",
            },
            {
                "ticker": BRAVO,
                "count": "-4.50",
                "side": "NO",
                "average_cost_dollars": "0.3875",
                "mark_dollars": "0.3210",
                "realized_pnl_dollars": "0.0000",
                "unrealized_pnl_dollars": "-0.3000",
                "fees_dollars": "0.0525",
            },
        ]
        self.fill_list = [fill(number) for number in range(1, 9)]
        self.transition_list = believable_transitions()
        self.lines = believable_log()
        self.books = {ALPHA: believable_book(ALPHA), BRAVO: believable_book(BRAVO)}
        self.books_rendered = 0
        self.commands: list[tuple[str, dict[str, Any]]] = []

    def health(self) -> dict[str, Any]:
        return {"health": self.health_word, "problems": self.status_record["problems"]}

    def status(self) -> dict[str, Any]:
        return {**self.status_record, "transitions": self.transition_list}

    def positions(self) -> list[dict[str, Any]]:
        return self.position_list

    def reconciliation(self) -> dict[str, Any]:
        return {"version": 1, "readings": []}

    def book(self, ticker: str) -> dict[str, Any] | None:
        self.books_rendered += 1
        return self.books.get(ticker)

    def chart(self, ticker: str | None) -> dict[str, Any]:
        return {"ticker": ticker, "every_s": 5, "points": []}

    def similar_market(self, ticker: str) -> str | None:
        return ticker.upper() if ticker.upper() in self.books else None

    def markets(self, limit: int) -> dict[str, Any]:
        rows = [
            {"ticker": ALPHA, "grade": "A", "best_bid": "0.4600", "best_ask": "0.4800"},
            {"ticker": BRAVO, "grade": "F", "best_bid": None, "best_ask": None},
        ]
        return {"followed": len(rows), "markets": rows[:limit]}

    def plugins(self):
        return {"plugins": []}

    def page(
        self, name: str, limit: int, before: str | None
    ) -> tuple[list[dict[str, Any]], str | None]:
        records = {
            "orders": self.order_list,
            "transitions": self.transition_list,
            "fills": self.fill_list,
            "log": self.lines,
        }[name]
        end = len(records) if before is None else int(before)
        start = max(0, end - limit)
        return records[start:end], str(start) if start else None

    def verbs(self) -> dict[str, dict[str, Any]]:
        return {verb: {"type": "object"} for verb in ("pause", "resume")}

    def state_version(self) -> str:
        return f"v-{self.status_record['paused']}"

    def status_boxes(self) -> list[str]:
        return ["╔═══ a box"]

    async def command(
        self, verb: str, body: dict[str, Any], state_version: str | None = None
    ) -> tuple[int, dict[str, Any]]:
        if state_version not in {None, self.state_version()}:
            cure = f"decide again; it is {self.state_version()} now"
            error = {"code": "state_changed", "sentence": "It has changed.", "cure": cure}
            return 412, {"error": error}
        self.commands.append((verb, body))
        if verb in {"pause", "resume"}:
            self.status_record["paused"] = verb == "pause"
            return 200, {"paused": verb == "pause"}
        error = {"code": "unknown_verb", "sentence": f"There is no verb {verb}.", "cure": "pause"}
        return 404, {"error": error}
