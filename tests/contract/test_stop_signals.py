"""SIGTERM to a real daemon: orders are cancelled and verified, the process ends with 0; a second one ends it at once."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest

from tests.contract.test_kill_and_restart import ask_exchange, settings_for
from tests.process_tools import DaemonProcess, running_daemon, running_exchange, wait_for
from traderd.model.orders import OrderStatus

STOP_BUDGET_S = 20.0
"""That a stop takes five seconds at most is tested on the virtual clock; here a process has to end, on a busy machine too, though
an exchange that is silent for ever would let it wait for ever."""
QUOTES_BUDGET_S = 60.0

pytestmark = pytest.mark.process


def test_sigterm_cancels_what_strategies_have_resting_and_leaves_a_persons_order(
    tmp_path: Path,
) -> None:
    with running_exchange(tmp_path / "exchange", events_per_s=0.0) as ready:
        with running_daemon(tmp_path / "state", **settings_for(ready)) as daemon:
            daemon.wait_ready()
            wait_for(
                lambda: daemon.client.get("/v3/status")["account"]["open_orders"] >= 4,
                within_s=QUOTES_BUDGET_S,
                what="quotes of the market maker",
            )
            by_hand = daemon.client.command(
                "place",
                {
                    "ticker": "KXMLBGAME-26AUG072140LADAZ-LAD",
                    "side": "bid",
                    "count": "1",
                    "price_dollars": "0.30",
                },
            )
            assert daemon.stop(signal.SIGTERM, within_s=STOP_BUDGET_S) == 0
            log = daemon.log()
        resting = [
            record.client_order_id
            for record in ask_exchange(ready).orders
            if record.status is OrderStatus.RESTING
        ]
    assert resting == [by_hand["key"]]
    assert "verified at the exchange" in log
    assert log.rstrip().splitlines()[-1].find("stopped") > 0


def resting_orders(daemon: DaemonProcess) -> int:
    orders = daemon.client.get("/v3/orders")["orders"]
    return sum(order["status"] == "resting" for order in orders)


def wait_for_resting(daemon: DaemonProcess) -> None:
    """Wait for orders that have an id to cancel: one without an answer is not waited for."""
    wait_for(
        lambda: resting_orders(daemon) >= 4,
        within_s=QUOTES_BUDGET_S,
        what="quotes of the market maker",
    )


def test_sigterm_ends_the_daemon_in_time_although_the_exchange_is_silent(tmp_path: Path) -> None:
    with running_exchange(tmp_path / "exchange", events_per_s=0.0) as ready:
        with running_daemon(tmp_path / "state", **settings_for(ready)) as daemon:
            daemon.wait_ready()
            wait_for_resting(daemon)
            # Its connections stay open, and nothing on them is answered any more.
            os.kill(ready["pid"], signal.SIGSTOP)
            assert daemon.stop(signal.SIGTERM, within_s=STOP_BUDGET_S) == 0
            log = daemon.log()
        os.kill(ready["pid"], signal.SIGCONT)
        resting = [
            record.client_order_id
            for record in ask_exchange(ready).orders
            if record.status is OrderStatus.RESTING
        ]
    assert "its drain was cut after" in log
    (left,) = [line for line in log.splitlines() if "may be left at the exchange" in line]
    assert [key for key in resting if key not in left] == []


def test_a_second_sigterm_ends_the_daemon_at_once(tmp_path: Path) -> None:
    with (
        running_exchange(tmp_path / "exchange", events_per_s=0.0) as ready,
        running_daemon(tmp_path / "state", **settings_for(ready)) as daemon,
    ):
        daemon.wait_ready()
        wait_for_resting(daemon)
        # An orderly stop waits for this exchange, until its drains are cut.
        os.kill(ready["pid"], signal.SIGSTOP)
        daemon.process.send_signal(signal.SIGTERM)
        # Two that are under way at the same time are one for the kernel.
        wait_for(
            lambda: "SIGTERM: stopping in order" in daemon.log(),
            within_s=STOP_BUDGET_S,
            what="the orderly stop",
        )
        daemon.process.send_signal(signal.SIGTERM)
        daemon.process.wait(timeout=STOP_BUDGET_S)
        log = daemon.log()
    _, hurried, after = log.partition("a second SIGTERM: stopping at once")
    assert hurried
    assert "its drain was cut after" not in after
    assert daemon.process.returncode in {0, 1}
    assert "Traceback" not in log
