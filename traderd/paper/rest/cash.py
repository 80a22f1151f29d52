"""Cash over REST: what came in, what went out, and moves between the instances of an exchange (Kalshi: portfolio).

Owns: deposits, withdrawals, intra-account transfers and the target allocation, on an exchange with one instance and one
matching engine.
Must not: move money itself.
"""

from __future__ import annotations

from typing import Final

import attrs

from traderd.kalshi.wire import account as wire
from traderd.kalshi.wire.errors import Refusal, RequestRefused
from traderd.kalshi.wire.request_body import decode_request, invalid_parameters
from traderd.model.units import NS_PER_S, Money
from traderd.paper.rest.call import Access, Call, Desk, Route, Routes, answer
from traderd.paper.rest.query import page_of
from traderd.paper.serving.http_server import Response
from traderd.paper.venue.banking import SUBACCOUNT_MAX
from traderd.paper.venue.records import RESERVATION_DEFAULT, CashMove, TargetAllocation

LIMIT_DEFAULT: Final = 100
LIMIT_MAX: Final = 500
"""Kalshi: deposits, withdrawals and intra-account transfers come in pages of at most 500."""
MONEY_PER_CENT: Final = 10_000
MONEY_PER_CENTICENT: Final = 100
INSTANCES: Final = ("event_contract", "margined")
ALLOCATIONS_MAX: Final = 101
"""Bounds a target allocation: one share for each matching engine there could be."""
RESERVATIONS: Final = ("none", "max", "sum")
WHOLE: Final = 100


def routes(desk: Desk) -> Routes:
    """Return the routes of cash; none is for a key that is locked to one subaccount."""
    cash = Cash(desk)
    moves = "/portfolio/intra_exchange_instance_transfer"
    return {
        "/portfolio/deposits": {"GET": Route(handler=cash.deposits, account_wide=True)},
        "/portfolio/withdrawals": {"GET": Route(handler=cash.withdrawals, account_wide=True)},
        moves: {"POST": Route(handler=cash.move, access=Access.TRANSFER, account_wide=True)},
        f"{moves}s": {"GET": Route(handler=cash.moves, account_wide=True)},
        f"{moves}s/{{}}": {"GET": Route(handler=cash.one_move, account_wide=True)},
        "/portfolio/target_balance_allocation": {
            "GET": Route(handler=cash.allocation, account_wide=True),
            "POST": Route(handler=cash.allocate, access=Access.TRANSFER, account_wide=True),
        },
    }


@attrs.frozen
class Cash:
    """Handlers over one desk."""

    desk: Desk

    def deposits(self, call: Call) -> Response:
        """`GET /portfolio/deposits`, newest first."""
        page, cursor = self._page(call, "GetDeposits", sign=1)
        return answer(wire.DepositList(deposits=page, cursor=cursor))

    def withdrawals(self, call: Call) -> Response:
        """`GET /portfolio/withdrawals`, newest first."""
        page, cursor = self._page(call, "GetWithdrawals", sign=-1)
        return answer(wire.WithdrawalList(withdrawals=page, cursor=cursor))

    def _page(
        self, call: Call, operation: str, *, sign: int
    ) -> tuple[list[wire.CashMovement], str]:
        query = call.query(operation)
        limit = query.integer("limit", LIMIT_DEFAULT, low=1, high=LIMIT_MAX)
        moves = self.desk.venue.account(call.account_id).cash_moves
        kept = [move for move in reversed(moves) if move.amount * sign > 0]
        page, cursor = page_of(kept, lambda m: m.move_id, limit=limit, cursor=query.text("cursor"))
        return [_movement(move) for move in page], cursor

    def move(self, call: Call) -> Response:
        """`POST /portfolio/intra_exchange_instance_transfer`.

        Within the one engine it is a transfer between subaccounts (Kalshi: the same shard on both ends); anything
        else has no other end here.
        """
        request = decode_request(
            call.request.body,
            wire.InstanceTransferRequest,
            "IntraExchangeInstanceTransferRequest",
        )
        source, target = request.source_subaccount or 0, request.destination_subaccount or 0
        _check_move(request, source, target)
        self.desk.venue.pauses.check_changes()
        transfer = self.desk.venue.bank.transfer(
            self.desk.venue.account(call.account_id),
            self.desk.new_id(),
            source,
            target,
            Money(request.amount * MONEY_PER_CENTICENT),
            call.now,
        )
        return answer(wire.TransferId(transfer_id=transfer.transfer_id))

    def moves(self, call: Call) -> Response:
        """`GET /portfolio/intra_exchange_instance_transfers`: none, since there is one instance."""
        query = call.query("GetIntraExchangeInstanceTransfers")
        query.integer("limit", LIMIT_DEFAULT, low=1, high=LIMIT_MAX)
        return answer({"transfers": [], "cursor": ""})

    def one_move(self, call: Call) -> Response:
        """`GET /portfolio/intra_exchange_instance_transfers/{transfer_id}`: there is none."""
        raise RequestRefused(Refusal(status=404, code="not_found", message="not found"))

    def allocation(self, call: Call) -> Response:
        """`GET /portfolio/target_balance_allocation`."""
        target = self.desk.venue.account(call.account_id).target
        body = wire.TargetBalanceAllocation(
            allocations=[
                wire.BalanceShare(exchange_index=engine, percent=percent)
                for engine, percent in target.shares
            ],
            resting_margin_reservation=target.reservation,
        )
        return answer(body)

    def allocate(self, call: Call) -> Response:
        """`POST /portfolio/target_balance_allocation`: replaces it; no shares at all switch it off."""
        request = decode_request(
            call.request.body, wire.TargetBalanceAllocation, "SetTargetBalanceAllocationRequest"
        )
        _check_target(request)
        target = TargetAllocation(
            shares=tuple((share.exchange_index, share.percent) for share in request.allocations),
            reservation=request.resting_margin_reservation or RESERVATION_DEFAULT,
        )
        bank = self.desk.venue.bank
        bank.set_target(self.desk.venue.account(call.account_id), target)
        return answer({})


def _movement(move: CashMove) -> wire.CashMovement:
    seconds = move.at // NS_PER_S
    return wire.CashMovement(
        id=move.move_id,
        status="applied",
        type="wire",
        amount_cents=abs(move.amount) // MONEY_PER_CENT,
        fee_cents=0,
        created_ts=seconds,
        finalized_ts=seconds,
    )


def _check_move(request: wire.InstanceTransferRequest, source: int, target: int) -> None:
    ends = (request.source, request.destination)
    shards = (request.source_exchange_shard, request.destination_exchange_shard)
    numbers = (source, target)
    checks = (
        (
            all(end in INSTANCES for end in ends),
            "source and destination must be event_contract or margined",
        ),
        ("margined" not in ends, "this exchange has no margined instance"),
        (not any(shards), "this exchange has one shard, with index 0"),
        (request.amount > 0, "amount must be above 0"),
        (
            all(0 <= number <= SUBACCOUNT_MAX for number in numbers),
            f"subaccounts go from 0 to {SUBACCOUNT_MAX}",
        ),
        (source != target, "source and destination are the same"),
        # Kalshi: only moves between primary accounts may carry one, and those have no other end here.
        (
            request.client_transfer_id is None,
            "client_transfer_id is only supported for primary accounts",
        ),
    )
    for holds, why in checks:
        if not holds:
            raise invalid_parameters(why)


def _check_target(request: wire.TargetBalanceAllocation) -> None:
    shares = request.allocations
    if len(shares) > ALLOCATIONS_MAX:
        raise invalid_parameters(f"at most {ALLOCATIONS_MAX} allocations")
    if any(share.exchange_index != 0 for share in shares):
        raise invalid_parameters("this exchange has one engine, with exchange_index 0")
    if shares and (len(shares) != 1 or shares[0].percent != WHOLE):
        raise invalid_parameters("percentages must total 100, one share for each exchange_index")
    if request.resting_margin_reservation not in (None, *RESERVATIONS):
        raise invalid_parameters(
            f"resting_margin_reservation must be one of {', '.join(RESERVATIONS)}"
        )
