"""A served exchange with a state file, killed with SIGKILL in the middle of orders: nothing that it said is lost."""

from __future__ import annotations

import http.client
import random
import signal
import threading
from pathlib import Path
from typing import Any

import pytest

from tests.contract.signed_client import SignedClient
from tests.process_tools import running_exchange, select_nothing, wait_for

KILLS = 4
PLACED_MIN = 20
"""Fewer orders in a life would prove nothing."""
TICKERS = ("KXWNBAGAME-26AUG07PHXCONN-PHX", "KXMLBGAME-26AUG072140LADAZ-LAD")

pytestmark = pytest.mark.process


class Trader(threading.Thread):
    """Places and cancels until the exchange is gone, and remembers only what it was told."""

    def __init__(self, ready: dict[str, Any], life: int) -> None:
        super().__init__(daemon=True)
        self.client = SignedClient(ready)
        self.rng = random.Random(life)
        self.life = life
        self.placed: dict[str, dict[str, Any]] = {}
        self.canceled: set[str] = set()

    def run(self) -> None:
        try:
            for number in range(100_000):
                self._step(number)
        except (http.client.HTTPException, OSError):
            return  # killed, as planned

    def _step(self, number: int) -> None:
        name = f"life-{self.life}-{number}"
        price = f"0.{self.rng.randrange(20, 90)}00"
        status, reply = self.client.place(
            self.rng.choice(TICKERS),
            self.rng.choice(("bid", "ask")),
            f"{self.rng.randrange(1, 4)}.00",
            price,
            client_order_id=name,
        )
        if status == 201:
            self.placed[name] = reply
        if status == 201 and number % 3 == 0:
            path = f"/portfolio/events/orders/{reply['order_id']}"
            status, _ = self.client.request("DELETE", path)
            if status == 200:
                self.canceled.add(reply["order_id"])


def check(ready: dict[str, Any], traders: list[Trader]) -> None:
    client = SignedClient(ready)
    orders = {order["order_id"]: order for order in client.all("/portfolio/orders", "orders")}
    fills: dict[str, float] = {}
    for fill in client.all("/portfolio/fills", "fills"):
        fills[fill["order_id"]] = fills.get(fill["order_id"], 0) + float(fill["count_fp"])
    for trader in traders:
        for name, reply in trader.placed.items():
            order = orders[reply["order_id"]]
            assert order["client_order_id"] == name
            assert float(order["fill_count_fp"]) >= float(reply["fill_count"])
            assert fills.get(order["order_id"], 0) == pytest.approx(float(order["fill_count_fp"]))
        for order_id in trader.canceled:
            assert orders[order_id]["status"] == "canceled"
    spent = next(name for trader in traders for name in trader.placed)
    status, reply = client.place(TICKERS[0], "bid", "1.00", "0.0100", client_order_id=spent)
    assert (status, reply["error"]["code"]) == (409, "order_already_exists")
    client.close()


def test_nothing_that_was_said_is_lost_by_a_kill(tmp_path: Path):
    state = tmp_path / "exchange.sqlite3"
    options = ("--state", str(state), "--tier", "unlimited", "--events-per-s", "50")
    traders: list[Trader] = []
    for life in range(KILLS):
        with running_exchange(
            tmp_path, *options, account="trader:100000", stop_signal=signal.SIGKILL
        ) as ready:
            if traders:
                check(ready, traders)
            trader = Trader(ready, life)
            traders.append(trader)
            trader.start()
            select_nothing(0.6 + 0.37 * life)
            wait_for(
                lambda one=trader: len(one.placed) > PLACED_MIN or not one.is_alive(),
                within_s=60,
                what="orders enough to prove something",
            )
        trader.join(timeout=60)
        assert not trader.is_alive()
        assert len(trader.placed) > PLACED_MIN
    with running_exchange(tmp_path, *options, account="trader:100000") as ready:
        check(ready, traders)
