"""Reads of one's own money (Kalshi: balance, total resting order value).

Owns: what `balance` means here: available cash or all of it, by the exchange's settings.
Must not: change anything.
"""

from __future__ import annotations

import attrs
from msgspec import UNSET
from msgspec.structs import replace

from traderd.kalshi.wire import serve
from traderd.model.orders import BalanceRecord
from traderd.model.units import Money, notional
from traderd.paper.rest.call import Access, Call, Desk, Route, Routes, answer
from traderd.paper.rest.portfolio_bodies import resting_value_body
from traderd.paper.rest.scope import asked_subaccount, is_elsewhere, one_subaccount
from traderd.paper.serving.http_server import Response
from traderd.paper.venue.collateral import acquired_price

NOTHING = BalanceRecord(balance=Money(0), portfolio_value=Money(0))
"""What there is on an engine that is not there."""


def routes(desk: Desk) -> Routes:
    """Return the routes that read money."""
    reads = BalanceReads(desk)
    return {
        "/portfolio/balance": {"GET": Route(handler=reads.balance, access=Access.BALANCE)},
        "/portfolio/summary/total_resting_order_value": {
            "GET": Route(handler=reads.resting_value, account_wide=True)
        },
    }


@attrs.frozen
class BalanceReads:
    """Handlers over one desk."""

    desk: Desk

    def balance(self, call: Call) -> Response:
        """`GET /portfolio/balance` of one subaccount; a locked key gets no breakdown by engine."""
        query = call.query("GetBalance")
        subaccount = one_subaccount(call, asked_subaccount(call, query))
        record = NOTHING
        if not is_elsewhere(query):
            held = self.desk.venue.balance(call.account_id, subaccount)
            money = held.available if self.desk.settings.balance_is_available else held.cash
            record = BalanceRecord(balance=money, portfolio_value=held.portfolio_value)
        body = serve.balance_to_wire(record, updated_at=call.now)
        if is_elsewhere(query):
            body = replace(body, balance_breakdown=[])
        elif call.subaccount(None) is not None:
            body = replace(body, balance_breakdown=UNSET)
        return answer(body)

    def resting_value(self, call: Call) -> Response:
        """`GET /portfolio/summary/total_resting_order_value`: what all resting orders would cost, without fees."""
        account = self.desk.venue.account(call.account_id)
        value = sum(
            notional(acquired_price(order.side, order.price), order.remaining_count)
            for wallet in account.wallets.values()
            for order in wallet.all_resting()
        )
        return answer(resting_value_body(Money(value)))
