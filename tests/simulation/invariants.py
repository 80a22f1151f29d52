"""What must be true of a daemon and its exchange once no fault is on.

Owns: the comparison, made at the exchange's own books and in the daemon's journal, never by asking the daemon.
"""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import apsw

from tests.simulation.harness import CASH, SimulatedDaemon
from traderd.app import JOURNAL_FILE
from traderd.core.balance_proof import Proof
from traderd.core.order import Order
from traderd.core.orders import ORDERS_KEPT_MAX
from traderd.core.view import StateView
from traderd.model.commands import Answer, Calibrate, CancelOrders
from traderd.model.events import OrderSent
from traderd.model.orders import OrderStatus
from traderd.model.units import parse_money
from traderd.services.condition_documents import orders_in_doubt
from traderd.store import codec

UNSETTLED = (OrderStatus.INTENT, OrderStatus.SENT, OrderStatus.UNKNOWN, OrderStatus.CANCELLING)


async def settle(simulated: SimulatedDaemon) -> None:
    """Wait until the daemon is ready and knows what became of every order, then let it calibrate."""
    await simulated.wait_ready(within_s=300.0)
    await simulated.wait_until(
        lambda: not [o for o in simulated.view.live_orders() if is_unsettled(o)], within_s=300.0
    )
    outcome = await simulated.send(Calibrate())
    assert outcome.answer is Answer.DONE, outcome.sentence


def is_unsettled(order: Order) -> bool:
    """Tell whether something about an order is still on its way, or not known."""
    return order.status in UNSETTLED or order.pending is not None


def check_orders(simulated: SimulatedDaemon) -> None:
    """The daemon's orders are the exchange's orders: none lost, none doubled, none alive on one side only."""
    venue, view = simulated.exchange.venue, simulated.view
    orders = venue.orders(simulated.account_id)
    ids = Counter(order.client_order_id for order in orders if order.client_order_id)
    assert [name for name, count in ids.items() if count > 1] == []
    resting = [order.order_id for order in orders if order.status is OrderStatus.RESTING]
    live = [order.order_id for order in view.live_orders()]
    assert sorted(live) == sorted(resting)
    # In a week more end than are kept; what lives, and what is new, is never forgotten.
    lately = [order.order_id for order in orders[: ORDERS_KEPT_MAX // 2]]
    never_forgotten = {*resting, *lately}
    for order in orders:
        known = view.order(order.order_id)
        if known is None and order.order_id not in never_forgotten:
            continue
        assert known is not None, f"{order.order_id} is not known here"
        assert known.status is order.status, f"{order.client_order_id}: {known.sentence}"
        assert known.filled == order.fill_count
        assert known.reported_filled <= known.filled, f"{known.key}: a fill is still owed"
        if order.status is OrderStatus.RESTING:
            # An amend that was taken for lost, or a renewal that undid one, is another order to the risk gate.
            ours = (known.ticker, known.side, known.price, known.remaining)
            assert ours == (order.ticker, order.side, order.price, order.remaining_count)
            assert known.exchange_client_id == order.client_order_id
    assert not [order.key for order in view.live_orders() if is_unsettled(order)]
    assert orders_in_doubt(view) == []


def check_money(simulated: SimulatedDaemon) -> None:
    """Fills, positions and cash are equal to the last unit."""
    venue, view, account_id = simulated.exchange.venue, simulated.view, simulated.account_id
    fills = venue.fills(account_id)
    assert view.ledger.fill_count == len(fills)
    assert all(view.ledger.knows(fill.trade_id, fill.order_id) for fill in fills)
    theirs = {p.ticker: p.count for p in venue.positions(account_id) if p.count}
    assert {p.ticker: p.count for p in view.ledger.open_positions()} == theirs
    balance = venue.balance(account_id)
    paid = sum(row.revenue for row in venue.account(account_id).settlements)
    assert parse_money(CASH) + view.ledger.cash_flow + paid == balance.cash
    assert view.account.balance == balance.available
    assert view.ledger.fees_paid == sum(p.fees_paid for p in venue.positions(account_id, None))
    for position in venue.positions(account_id):
        ours = view.ledger.positions[position.ticker]
        # How an average that does not divide, or a fill told late, splits money between open and realized is
        # not the same in two programs; the sum is.
        paid = (ours.count, ours.cost - ours.realized_pnl)
        theirs_paid = (position.count, position.exposure - position.realized_pnl)
        assert paid == theirs_paid, position.ticker
        assert ours.fees_paid == position.fees_paid, position.ticker
    check_owners(view)
    view.ledger.check()
    assert view.ledger.cash == balance.cash, (
        "the double entries are another sum than the exchange's"
    )
    assert view.account.proof.status is Proof.PROVED, view.account.proof.sentence
    assert view.ledger.fees.differed == 0


def check_owners(view: StateView) -> None:
    """Every fill belongs to just one who asked for it, and their money is the account's."""
    books = view.strategies()
    assert view.ledger.strategies.waiting() == ()
    assert sum(book.fill_count for book in books) == view.ledger.fill_count
    assert sum(book.fees_paid for book in books) == view.ledger.fees_paid
    for position in view.ledger.open_positions():
        assert view.ledger.strategies.held(position.ticker) == position.count


def check_log(simulated: SimulatedDaemon) -> None:
    """Nothing was a defect: no traceback, no halt but those that faults cause, no failure of a server."""
    assert [line for line in simulated.lines() if "exception" in line] == []
    assert not simulated.said("keeps failing")
    assert [name for name in simulated.view.conditions.halts if name != "breaker"] == []
    assert not any(simulated.said(f"HALT {word}") for word in ("last_gate", "position:", "journal"))
    assert simulated.exchange.server.failures == 0


def check_journal(state_dir: Path) -> None:
    """No order was handed to the network twice, over all runs of this journal."""
    connection = apsw.Connection(str(state_dir / JOURNAL_FILE), flags=apsw.SQLITE_OPEN_READONLY)
    rows = connection.execute("SELECT position, kind, body FROM journal").fetchall()
    connection.close()
    events = [codec.decode(kind, body, position=position) for position, kind, body in rows]
    sent = Counter(event.client_order_id for event in events if isinstance(event, OrderSent))
    assert [name for name, count in sent.items() if count > 1] == []


async def check_progress(simulated: SimulatedDaemon) -> None:
    """A daemon that agrees with everybody but can do nothing would pass every other check."""
    assert (await simulated.send(CancelOrders())).answer is Answer.DONE
    placed = await simulated.place("bid", "1", "0.0100")
    assert placed.answer is Answer.DONE, placed.sentence
    cancelled = await simulated.cancel(placed.key)
    assert cancelled.answer is Answer.DONE, cancelled.sentence


async def check_everything(simulated: SimulatedDaemon) -> None:
    """Check all that can be checked while the daemon runs; its market maker must be still."""
    check_orders(simulated)
    check_money(simulated)
    check_log(simulated)
