"""Subaccounts over REST (Kalshi: subaccounts).

Owns: their bodies and lists, and the way to the venue's `Bank` and back.
Must not: move money itself.
"""

from __future__ import annotations

import re
from typing import Final

import attrs

from traderd.kalshi.wire import account as wire
from traderd.kalshi.wire.request_body import decode_request, invalid_parameters
from traderd.model.units import NS_PER_S, Money, format_money_4
from traderd.paper import choices
from traderd.paper.rest.call import Access, Call, Desk, Route, Routes, answer
from traderd.paper.rest.query import page_of
from traderd.paper.rest.scope import check_engine
from traderd.paper.serving.http_server import Response
from traderd.paper.settings import Tier
from traderd.paper.venue.messages import VenueRefusal
from traderd.paper.venue.records import Transfer

LIMIT_DEFAULT: Final = 100
LIMIT_MAX: Final = 1000
MONEY_PER_CENT: Final = 10_000
_UUID: Final = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.ASCII)
"""In lower case; the version is not looked at."""


def routes(desk: Desk) -> Routes:
    """Return the routes of subaccounts; none is for a key that is locked to one of them."""
    subaccounts = Subaccounts(desk)
    path = "/portfolio/subaccounts"
    return {
        path: {
            "POST": Route(handler=subaccounts.create, access=Access.WRITE, account_wide=True),
        },
        f"{path}/transfer": {
            "POST": Route(handler=subaccounts.transfer, access=Access.TRANSFER, account_wide=True),
        },
        f"{path}/transfers": {"GET": Route(handler=subaccounts.transfers, account_wide=True)},
        f"{path}/balances": {
            "GET": Route(handler=subaccounts.balances, access=Access.BALANCE, account_wide=True),
        },
        f"{path}/netting": {
            "GET": Route(handler=subaccounts.netting, account_wide=True),
            "PUT": Route(handler=subaccounts.set_netting, access=Access.WRITE, account_wide=True),
        },
    }


@attrs.frozen
class Subaccounts:
    """Handlers over one desk."""

    desk: Desk

    def create(self, call: Call) -> Response:
        """`POST /portfolio/subaccounts`: 201 exactly; the body may be empty."""
        request = decode_request(
            call.request.body or b"{}", wire.CreateSubaccountRequest, "CreateSubaccountRequest"
        )
        check_engine(request.exchange_index)
        if not choices.SUBACCOUNTS_ARE_FOR_ALL:
            self._check_tier(call.account_id)
        venue = self.desk.venue
        venue.pauses.check_changes()
        number = venue.bank.open_subaccount(venue.account(call.account_id), call.now)
        return answer(wire.CreatedSubaccount(subaccount_number=number), 201)

    def _check_tier(self, account_id: str) -> None:
        if not self.desk.limits.is_at_least(account_id, Tier.ADVANCED):
            code = "subaccount_creation_requires_advanced_api_usage_level"
            raise VenueRefusal(403, code)

    def transfer(self, call: Call) -> Response:
        """`POST /portfolio/subaccounts/transfer`: 409 when the client's id was used before."""
        request = decode_request(
            call.request.body, wire.SubaccountTransferRequest, "ApplySubaccountTransferRequest"
        )
        check_engine(request.exchange_index)
        self.desk.venue.pauses.check_changes()
        self.desk.venue.bank.transfer(
            self.desk.venue.account(call.account_id),
            uuid_of(request.client_transfer_id, "client_transfer_id"),
            request.from_subaccount,
            request.to_subaccount,
            Money(request.amount_cents * MONEY_PER_CENT),
            call.now,
        )
        return answer({})

    def transfers(self, call: Call) -> Response:
        """`GET /portfolio/subaccounts/transfers`, newest first."""
        query = call.query("GetSubaccountTransfers")
        limit = query.integer("limit", LIMIT_DEFAULT, low=1, high=LIMIT_MAX)
        made = list(reversed(self.desk.venue.account(call.account_id).transfers.values()))
        page, cursor = page_of(
            made, lambda t: t.transfer_id, limit=limit, cursor=query.text("cursor")
        )
        return answer(
            wire.SubaccountTransferList(transfers=[_line(each) for each in page], cursor=cursor)
        )

    def balances(self, call: Call) -> Response:
        """`GET /portfolio/subaccounts/balances`, subaccount 0 first."""
        settings = self.desk.settings
        lines = [
            wire.SubaccountBalance(
                subaccount_number=wallet.number,
                balance=format_money_4(
                    wallet.available if settings.balance_is_available else wallet.cash
                ),
                updated_ts=wallet.updated_at // NS_PER_S,
            )
            for wallet in self.desk.venue.account(call.account_id).wallets.values()
        ]
        return answer(wire.SubaccountBalanceList(subaccount_balances=lines))

    def netting(self, call: Call) -> Response:
        """`GET /portfolio/subaccounts/netting`."""
        lines = [
            wire.NettingConfig(subaccount_number=wallet.number, enabled=wallet.nets)
            for wallet in self.desk.venue.account(call.account_id).wallets.values()
        ]
        return answer(wire.NettingConfigList(netting_configs=lines))

    def set_netting(self, call: Call) -> Response:
        """`PUT /portfolio/subaccounts/netting`: kept, though nothing here acts on it."""
        request = decode_request(
            call.request.body, wire.NettingRequest, "UpdateSubaccountNettingRequest"
        )
        venue = self.desk.venue
        venue.bank.set_netting(
            venue.account(call.account_id), request.subaccount_number, enabled=request.enabled
        )
        return answer({})


def uuid_of(text: str, field: str) -> str:
    """Return a UUID in its usual form, lower case; raises RequestRefused 400 `invalid_parameters`."""
    lower = text.lower()
    if _UUID.fullmatch(lower) is None:
        raise invalid_parameters(f"{field} must be a UUID")
    return lower


def _line(transfer: Transfer) -> wire.SubaccountTransfer:
    return wire.SubaccountTransfer(
        transfer_id=transfer.transfer_id,
        from_subaccount=transfer.from_subaccount,
        to_subaccount=transfer.to_subaccount,
        amount_cents=transfer.amount // MONEY_PER_CENT,
        created_ts=transfer.at // NS_PER_S,
    )
