"""A real daemon, killed with SIGKILL beside an exchange that lives on, and started again.

What is compared is the exchange's own word, read with the account's key, against the daemon's documents and journal.
"""

from __future__ import annotations

import signal
from collections import Counter
from pathlib import Path
from random import Random
from typing import Any

import pytest
import trio

from tests.process_tools import (
    DaemonProcess,
    running_daemon,
    running_exchange,
    select_nothing,
    settings_of,
    wait_for,
)
from traderd.kalshi.auth import load_signer
from traderd.kalshi.rest import open_rest
from traderd.model.orders import BalanceRecord, Fill, OrderRecord, PositionRecord
from traderd.model.units import format_count, format_money
from traderd.runtime.env import RealEnv
from traderd.store.start_record import STARTS_FILE

KILLS = 6
SOAK_KILLS = 50
LIFE_BETWEEN_KILLS_S = (0.3, 2.3)
"""Long enough to climb and quote, short and uneven enough to die in the middle of orders."""
SEED = 1
EVENTS_PER_S = 30.0

pytestmark = pytest.mark.process


class ExchangeWord:
    """What the exchange says of the account."""

    def __init__(
        self,
        orders: tuple[OrderRecord, ...],
        fills: tuple[Fill, ...],
        positions: tuple[PositionRecord, ...],
        balance: BalanceRecord,
    ) -> None:
        self.orders, self.fills, self.positions, self.balance = orders, fills, positions, balance


def ask_exchange(ready: dict[str, Any]) -> ExchangeWord:
    account = ready["accounts"][0]
    signer = load_signer(account["key_id"], Path(account["key_file"]))

    async def read() -> ExchangeWord:
        async with open_rest(env=RealEnv(), base_url=ready["rest_url"], signer=signer) as rest:
            return ExchangeWord(
                (await rest.read_orders()).rows,
                (await rest.read_fills()).rows,
                (await rest.account.positions()).rows,
                await rest.balance(),
            )

    return trio.run(read)


def settings_for(ready: dict[str, Any]) -> dict[str, Any]:
    markets = ",".join((
        "KXWNBAGAME-26AUG07PHXCONN-PHX",
        "KXMLBGAME-26AUG072140LADAZ-LAD",
        "KXMLBGAME-26AUG071910ATHBOS-BOS",
        "KXMLBGAME-26AUG072145TBSEA-TB",
    ))
    return {
        **settings_of(ready),
        "market_data__markets": markets,
        "trading__unknown_quarantine_s": "2",
    }


def kill_often(state_dir: Path, settings: dict[str, Any], kills: int) -> None:
    rng = Random(SEED)
    for _ in range(kills):
        with running_daemon(state_dir, **settings) as daemon:
            daemon.wait_ready()
            # At random, so that the deaths fall on different moments of an order's life.
            select_nothing(rng.uniform(*LIFE_BETWEEN_KILLS_S))
            daemon.process.send_signal(signal.SIGKILL)
            daemon.process.wait()
        # That so many deaths halt new risk has a test of its own; here the daemon goes on after each.
        (state_dir / STARTS_FILE).unlink()


def settled(daemon: DaemonProcess) -> bool:
    """Tell whether nothing is in flight or unknown any more."""
    orders = daemon.client.get("/v3/orders")["orders"]
    return not any(
        order["status"] in {"intent", "sent", "unknown", "cancelling"} for order in orders
    )


@pytest.mark.parametrize("kills", [KILLS, pytest.param(SOAK_KILLS, marks=pytest.mark.soak)])
def test_no_order_is_sent_twice_and_no_fill_is_lost_over_kill_9(tmp_path: Path, kills: int) -> None:
    state_dir = tmp_path / "state"
    with running_exchange(tmp_path / "exchange", events_per_s=EVENTS_PER_S) as ready:
        settings = settings_for(ready)
        kill_often(state_dir, settings, kills)
        with running_daemon(state_dir, **settings) as daemon:
            daemon.wait_ready()
            # On a slow machine the lives between the kills may have been too short for one.
            wait_for(
                lambda: daemon.client.get("/v3/status")["account"]["fills"] > 0,
                within_s=120,
                what="a fill",
            )
            daemon.client.command("pause", {"reason": "the test compares"})
            wait_for(lambda: settled(daemon), within_s=60, what="every order known")
            daemon.client.command("cancel-all", {"ticker": None})
            daemon.client.command("calibrate", {})
            status = daemon.client.get("/v3/status")
            positions = daemon.client.get("/v3/positions")["positions"]
            fills = daemon.client.get("/v3/fills?limit=1000")["fills"]
            word = ask_exchange(ready)
            assert daemon.stop() == 0

    ids = Counter(record.client_order_id for record in word.orders)
    assert word.orders, "nothing was traded, so nothing was tested"
    assert [key for key, times in ids.items() if times > 1] == []
    assert word.fills, "nothing was filled, so nothing was tested"
    assert Counter(fill["trade_id"] for fill in fills) == Counter(
        fill.trade_id for fill in word.fills
    )
    assert status["account"]["fills"] == len(word.fills)
    held = {row["ticker"]: row["count"] for row in positions if row["count"] != "0.00"}
    theirs = {row.ticker: format_count(row.count) for row in word.positions if row.count}
    assert held == theirs
    assert status["account"]["balance_dollars"] == format_money(word.balance.balance)
    fees = sum(fill.fee for fill in word.fills)
    assert status["account"]["fees_dollars"] == format_money(fees)
    assert status["halts"] == []
