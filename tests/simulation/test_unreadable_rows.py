"""One row of the account that nobody can read: the daemon goes on with the others, and calls nothing absent."""

from contextlib import contextmanager

import attrs
import pytest
import trio

from tests.simulation.harness import (
    TICKERS,
    fresh,
    order_terms,
    simulated_daemon,
    simulated_exchange,
)
from traderd.core.balance_proof import Proof
from traderd.errors import ExchangeProtocolError
from traderd.kalshi import account_reads, order_reads
from traderd.kalshi.rows import RowReading
from traderd.model.commands import Answer, Calibrate, Reconcile
from traderd.model.orders import OrderStatus
from traderd.model.rows import RowKind, UnreadableRow
from traderd.model.states import State
from traderd.paper.faults.faults import ORDERS

FIRST, SECOND = TICKERS[:2]


@contextmanager
def odd_orders(monkeypatch, which):
    """Let the rows of these orders have a status that we do not know."""
    real = order_reads.order_record_from_wire

    def strange(row):
        if which(row):
            raise ExchangeProtocolError(f"order {row.order_id}: status 'dormant' is unknown")
        return real(row)

    with monkeypatch.context() as patch:
        patch.setattr(order_reads, "ORDERS", attrs.evolve(order_reads.ORDERS, translate=strange))
        yield


@contextmanager
def odd_fills(monkeypatch, which):
    real = account_reads.fill_from_wire

    def strange(row, *, at):
        if which(row):
            raise ExchangeProtocolError(f"fill {row.trade_id}: count_fp is strange")
        return real(row, at=at)

    with monkeypatch.context() as patch:
        patch.setattr(account_reads, "fill_from_wire", strange)
        yield


def foreign(simulated, ticker, price="0.0100"):
    """Let somebody else place an order on the account."""
    return simulated.exchange.venue.create_order(
        simulated.account_id,
        order_terms("bid", "2", price, ticker=ticker),
        None,
        simulated.exchange.now(),
    )


def deposit(simulated, amount):
    exchange = simulated.exchange
    account = exchange.venue.account(simulated.account_id)
    exchange.venue.bank.deposit(account, amount, exchange.now())


async def test_an_order_that_cannot_be_read_halts_its_market_and_the_others_count(
    tmp_path, autojump_clock, monkeypatch
):
    """R19, of orders."""
    async with simulated_daemon(tmp_path) as simulated:
        simulated.hush_feeds()
        odd, good = foreign(simulated, FIRST), foreign(simulated, SECOND)
        with odd_orders(monkeypatch, lambda row: row.order_id == odd.order_id):
            assert (await simulated.send(Calibrate())).answer is Answer.DONE
            view = simulated.view
            assert [order.order_id for order in view.live_orders()] == [good.order_id]
            assert {h.ticker for h in view.conditions.halts.values()} == {FIRST}
            assert (await simulated.place("bid", "1", "0.0200", ticker=FIRST)).answer is (
                Answer.DENIED
            )
            assert (await simulated.place("bid", "1", "0.0200", ticker=SECOND)).ok
            (row,) = view.account.unreadable
            assert "status 'dormant'" in row.words
            assert odd.order_id in row.raw
            await trio.sleep(100.0)
            # It is told once, and the daemon stays well.
            assert simulated.count("a row cannot be read") == 1
            assert view.account.differences["unreadable_order"] == 1
            assert simulated.state is State.READY
        await simulated.send(Calibrate())
        assert dict(view.conditions.halts) == {}
        assert view.order(odd.order_id).status is OrderStatus.RESTING
        assert simulated.said("every row of the account can be read again")


async def test_the_first_reading_passes_although_a_row_cannot_be_read(
    tmp_path, autojump_clock, monkeypatch
):
    async with simulated_exchange(tmp_path) as at:
        venue = at.exchange.venue
        odd = venue.create_order(
            at.credentials.account_id, order_terms("bid", "2", "0.0100"), None, at.exchange.now()
        )
        with odd_orders(monkeypatch, lambda row: row.order_id == odd.order_id):
            async with simulated_daemon(fresh(tmp_path / "state"), at=at) as simulated:
                assert simulated.state is State.READY
                halts = simulated.view.conditions.halts
                assert {halt.ticker for halt in halts.values()} == {FIRST}
                # What it ties up is not known, so the accounts are not opened on a guess.
                assert "inconclusive: the accounts are not opened, and 1 row of the account" in (
                    simulated.view.account.proof.sentence
                )
                simulated.kill()
        async with simulated_daemon(fresh(tmp_path / "state"), at=at) as simulated:
            await trio.sleep(31.0)
            assert dict(simulated.view.conditions.halts) == {}
            assert simulated.view.account.proof.unexplained == 0


async def test_while_a_row_stays_unreadable_the_balance_says_so_until_a_person_decides(
    tmp_path, autojump_clock, monkeypatch
):
    async with simulated_exchange(tmp_path) as at:
        venue, account = at.exchange.venue, at.credentials.account_id
        odd = venue.create_order(
            account, order_terms("bid", "2", "0.0100"), None, at.exchange.now()
        )
        with odd_orders(monkeypatch, lambda row: row.order_id == odd.order_id):
            async with simulated_daemon(fresh(tmp_path / "state"), at=at) as simulated:
                view = simulated.view
                degraded = view.conditions.degraded
                await trio.sleep(560.0)
                assert "balance" not in degraded
                await trio.sleep(70.0)
                assert degraded["balance"].startswith("inconclusive: the accounts are not opened")
                # With the age in it the reason is the same from reading to reading: it is told once.
                assert view.account.proof.status is Proof.NOT_YET
                outcome = await simulated.send(Reconcile(ignore=("all",), by="ann"))
                assert outcome.ok, outcome.sentence
                await simulated.send(Calibrate())
                assert "balance" not in degraded
                assert view.account.proof.status is Proof.PROVED
                # A deposit explains itself although the row still cannot be read.
                await trio.sleep(1.0)
                deposit(simulated, 5_000_000)
                await trio.sleep(100.0)
                assert view.account.proof.status is Proof.PROVED
                assert view.account.differences["cash_moved"] == 1
                assert len(view.account.unreadable) == 1


async def test_a_deposit_is_found_while_a_row_cannot_be_read(tmp_path, autojump_clock, monkeypatch):
    async with simulated_daemon(tmp_path) as simulated:
        await trio.sleep(40.0)
        proof = simulated.view.account.proof
        assert proof.status is Proof.PROVED
        with odd_fills(monkeypatch, lambda row: True):
            simulated.hush_feeds()
            bought = await simulated.place("bid", "5", simulated.touch()[1])
            assert bought.ok
            await trio.sleep(100.0)
            assert proof.status is Proof.INCONCLUSIVE
            left_over = proof.unexplained
            assert left_over < 0
            deposit(simulated, 5_000_000)
            await trio.sleep(100.0)
            # The deposit is booked, and what the row hides is the same amount as before.
            assert simulated.view.account.differences["cash_moved"] == 1
            assert (proof.status, proof.unexplained) == (Proof.INCONCLUSIVE, left_over)
        await trio.sleep(100.0)
        assert (proof.status, proof.unexplained) == (Proof.PROVED, 0)


async def test_an_order_of_ours_that_cannot_be_read_is_never_declared_dead(
    tmp_path, autojump_clock, monkeypatch
):
    async with simulated_daemon(tmp_path) as simulated:
        placed = await simulated.place("bid", "1", "0.0100")
        order = simulated.view.order(placed.key)
        await trio.sleep(1.0)
        with odd_orders(monkeypatch, lambda row: True):
            await trio.sleep(300.0)
            assert order.status is OrderStatus.RESTING
            assert simulated.count("vanished") == 0
        await simulated.send(Calibrate())
        assert order.status is OrderStatus.RESTING
        assert dict(simulated.view.conditions.halts) == {}


@pytest.mark.parametrize("named", [True, False])
async def test_an_order_that_is_not_known_is_not_absent_while_a_row_may_be_it(
    tmp_path, autojump_clock, monkeypatch, named
):
    async with simulated_exchange(tmp_path) as at, simulated_daemon(tmp_path, at=at) as simulated:
        await trio.sleep(1.0)
        real = order_reads.read_rows

        async def nameless(*args):
            reading = await real(*args)
            rows = tuple(attrs.evolve(r, client_order_id=None) for r in reading.unreadable)
            return attrs.evolve(reading, unreadable=rows)

        with odd_orders(monkeypatch, lambda row: True):
            if not named:
                monkeypatch.setattr(order_reads, "read_rows", nameless)
            simulated.hush_feeds()
            simulated.exchange.faults.lose_reply_of_next("POST", ORDERS)
            outcome = await simulated.place("bid", "3", "0.0100")
            order = simulated.view.order(outcome.key)
            await trio.sleep(600.0)
            assert order.status is OrderStatus.UNKNOWN
            assert simulated.count("it may be in a row that cannot be read") == 1
        await simulated.wait_until(lambda: order.status is OrderStatus.RESTING, within_s=60.0)


async def test_a_row_of_another_order_keeps_nobody_from_saying_that_ours_was_not_placed(
    tmp_path, autojump_clock, monkeypatch
):
    async with simulated_daemon(tmp_path) as simulated:
        simulated.hush_feeds()
        odd = foreign(simulated, FIRST)
        simulated.exchange.faults.lose_next_request("POST", ORDERS)
        outcome = await simulated.place("bid", "3", "0.0100")
        order = simulated.view.order(outcome.key)
        with odd_orders(monkeypatch, lambda row: row.order_id == odd.order_id):
            await simulated.wait_until(
                lambda: order.status is OrderStatus.NOT_PLACED, within_s=120.0
            )
            assert not simulated.said("it may be in a row that cannot be read")


async def test_a_found_order_whose_fill_cannot_be_read_leaves_its_market_halted(
    tmp_path, autojump_clock, monkeypatch
):
    async with simulated_daemon(tmp_path, trading__sync_interval_s=3_000) as simulated:
        _, ask = simulated.touch()
        with odd_fills(monkeypatch, lambda row: True):
            simulated.hush_feeds()
            simulated.exchange.faults.lose_reply_of_next("POST", ORDERS)
            outcome = await simulated.place("bid", "3", ask)
            order = simulated.view.order(outcome.key)
            await simulated.wait_until(lambda: order.status is OrderStatus.EXECUTED, within_s=5.0)
            assert list(simulated.view.conditions.halts) == [f"unreadable_row:{FIRST}"]
            denied = await simulated.place("bid", "1", "0.0100")
            assert denied.answer is Answer.DENIED
        await simulated.send(Calibrate())
        assert dict(simulated.view.conditions.halts) == {}
        assert simulated.view.position(FIRST).count == 300


async def test_a_fill_whose_market_cannot_be_read_halts_the_account_and_not_the_daemon(
    tmp_path, autojump_clock, monkeypatch
):
    async with simulated_daemon(tmp_path) as simulated:
        simulated.hush_feeds()
        await simulated.place("bid", "5", simulated.touch()[1])
        real = account_reads.read_rows

        async def nameless(*args):
            reading = await real(*args)
            rows = tuple(attrs.evolve(r, ticker=None) for r in reading.unreadable)
            return attrs.evolve(reading, unreadable=rows)

        with odd_fills(monkeypatch, lambda row: True), monkeypatch.context() as patch:
            patch.setattr(account_reads, "read_rows", nameless)
            assert (await simulated.send(Calibrate())).answer is Answer.DONE
            assert list(simulated.view.conditions.halts) == ["unreadable_row"]
            denied = await simulated.place("bid", "1", "0.0100", ticker=SECOND)
            assert denied.answer is Answer.DENIED
            await trio.sleep(100.0)
        await simulated.send(Calibrate())
        assert dict(simulated.view.conditions.halts) == {}
        assert simulated.view.position(FIRST).count == 500


async def test_a_position_whose_row_cannot_be_read_is_not_gone(
    tmp_path, autojump_clock, monkeypatch
):
    async with simulated_daemon(tmp_path) as simulated:
        await simulated.place("bid", "5", simulated.touch()[1])
        await trio.sleep(40.0)

        def strange(row):
            raise ExchangeProtocolError(f"position {row.ticker}: position_fp is strange")

        with monkeypatch.context() as patch:
            shape = attrs.evolve(account_reads._POSITIONS, translate=strange)
            patch.setattr(account_reads, "_POSITIONS", shape)
            assert (await simulated.send(Calibrate())).answer is Answer.DONE
            assert list(simulated.view.conditions.halts) == [f"unreadable_row:{FIRST}"]
            await trio.sleep(4_000.0)
            assert simulated.view.position(FIRST).count == 500
            assert simulated.view.account.settling_since == {}
        await simulated.send(Calibrate())
        assert dict(simulated.view.conditions.halts) == {}
        assert simulated.view.position(FIRST).count == 500


async def test_an_order_is_not_called_absent_while_a_row_without_ids_may_be_it(
    tmp_path, autojump_clock, monkeypatch
):
    async with simulated_daemon(tmp_path) as simulated:
        placed = await simulated.place("bid", "1", "0.0100")
        order, rest = simulated.view.order(placed.key), simulated.daemon.shared.venue.rest
        nameless = UnreadableRow(kind=RowKind.ORDER, key="?", words="order: what", ticker=FIRST)
        rows = [nameless]

        async def listed(**_: object) -> RowReading[object]:
            return RowReading(rows=(), unreadable=tuple(rows))

        async def not_found(_: object) -> None:
            return None

        monkeypatch.setattr(rest, "read_orders", listed)
        monkeypatch.setattr(rest, "read_order", not_found)
        await trio.sleep(300.0)
        assert order.status is OrderStatus.RESTING
        rows.clear()
        await trio.sleep(120.0)
        # Only from lists that are whole.
        assert order.status is OrderStatus.CANCELED
