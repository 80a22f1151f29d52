"""Reads of money: fills, positions and settlements row by row, and cash that came and went.

Owns: which lists there are, and which rows of them are ours.
Must not: decide what a row means for the account.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping
from typing import Final, TypeVar

import attrs
import msgspec

from traderd.errors import ExchangeRefused
from traderd.kalshi.paging import read_pages
from traderd.kalshi.request import Requester
from traderd.kalshi.rows import RowReading, RowShape, read_rows
from traderd.kalshi.wire import portfolio
from traderd.kalshi.wire.account import OURS
from traderd.kalshi.wire.money import move_from_wire, settlement_from_wire, transfer_from_wire
from traderd.kalshi.wire.translate import fill_from_wire, position_from_wire
from traderd.model.cash import CashMove, MoveKind, Settlement
from traderd.model.ids import MarketTicker
from traderd.model.orders import Fill, PositionRecord
from traderd.model.rows import RowKind, UnreadableRow
from traderd.model.units import NS_PER_S, Timestamp

MOVES_PER_PAGE: Final = 500
"""Kalshi: the largest `limit` of deposits and withdrawals."""


@attrs.frozen(kw_only=True)
class CashReading:
    """Movements of cash, and the lists of them that this key may not read."""

    moves: tuple[CashMove, ...] = ()
    refused: tuple[str, ...] = ()


@attrs.frozen
class AccountReads:
    """Reads of one account; they raise as the reads of the REST client do, and cancelling is safe."""

    _requester: Requester

    async def fills(self, query: Mapping[str, str]) -> RowReading[Fill]:
        """Return all fills that the query lets through, newest first."""
        at = Timestamp(self._requester.env.wall_ns())
        return await read_rows(
            self._requester,
            "/portfolio/fills",
            query,
            portfolio.FillRows,
            lambda page: page.fills,
            RowShape(
                kind=RowKind.FILL,
                decoder=_FILL,
                key_of=lambda row: f"{row.trade_id} {row.order_id}",
                translate=lambda row: fill_from_wire(row, at=at),
            ),
        )

    async def settlements(self, *, since: Timestamp) -> RowReading[Settlement]:
        """Return what positions got since then, newest first; `since` is cut to its second."""
        return await self._settlements({"min_ts": str(since // NS_PER_S)})

    async def settlement_of(self, ticker: MarketTicker) -> Settlement | UnreadableRow | None:
        """Return what one market's position got, however long ago; None when the exchange lists nothing."""
        return _the_one(await self._settlements({"ticker": ticker}), ticker)

    async def _settlements(self, query: Mapping[str, str]) -> RowReading[Settlement]:
        return await read_rows(
            self._requester,
            "/portfolio/settlements",
            {**query, "subaccount": str(OURS)},
            portfolio.SettlementRows,
            lambda page: page.settlements,
            _SETTLEMENTS,
        )

    async def positions(self) -> RowReading[PositionRecord]:
        """Return the positions in unsettled markets; they lag fills by about a second."""
        return await self._positions({})

    async def position(self, ticker: MarketTicker) -> PositionRecord | UnreadableRow | None:
        """Return one market's position, None when the exchange lists none."""
        return _the_one(await self._positions({"ticker": ticker}), ticker)

    async def _positions(self, query: Mapping[str, str]) -> RowReading[PositionRecord]:
        return await read_rows(
            self._requester,
            "/portfolio/positions",
            query,
            portfolio.PositionRows,
            lambda page: page.market_positions,
            _POSITIONS,
        )

    async def cash_moves(self) -> CashReading:
        """Return the deposits, withdrawals and transfers that are in the balance, newest first of each.

        A list that this key may not read is named: what is in it stays unexplained.
        """
        moves: list[CashMove] = []
        refused: list[str] = []
        with _noting(refused, "deposits"):
            deposits = await read_pages(
                self._requester,
                "/portfolio/deposits",
                {},
                portfolio.DepositList,
                lambda page: page.deposits,
                lambda row: row.id,
                page_rows=MOVES_PER_PAGE,
            )
            moves += [move_from_wire(row, MoveKind.DEPOSIT) for row in deposits if _counts(row)]
        with _noting(refused, "withdrawals"):
            withdrawals = await read_pages(
                self._requester,
                "/portfolio/withdrawals",
                {},
                portfolio.WithdrawalList,
                lambda page: page.withdrawals,
                lambda row: row.id,
                page_rows=MOVES_PER_PAGE,
            )
            moves += [
                move_from_wire(row, MoveKind.WITHDRAWAL) for row in withdrawals if _counts(row)
            ]
        with _noting(refused, "transfers between subaccounts"):
            transfers = await read_pages(
                self._requester,
                "/portfolio/subaccounts/transfers",
                {},
                portfolio.TransferList,
                lambda page: page.transfers,
                lambda row: row.transfer_id,
            )
            moves += [
                transfer_from_wire(row, OURS)
                for row in transfers
                if (row.from_subaccount == OURS) != (row.to_subaccount == OURS)
            ]
        return CashReading(moves=tuple(moves), refused=tuple(refused))


@contextlib.contextmanager
def _noting(refused: list[str], name: str) -> Iterator[None]:
    try:
        yield
    except ExchangeRefused:
        refused.append(name)


def _counts(row: portfolio.CashMovement) -> bool:
    return row.status == "applied"


def _the_one(reading: RowReading[_R], ticker: MarketTicker) -> _R | UnreadableRow | None:
    found = [row for row in reading.rows if row.ticker == ticker]
    if found:
        return found[0]
    # Only this market was asked for, so a row that does not say its market is of no other.
    odd = [row for row in reading.unreadable if row.ticker in {None, ticker}]
    return attrs.evolve(odd[0], ticker=ticker) if odd else None


_R = TypeVar("_R", Settlement, PositionRecord)
_FILL: Final = msgspec.json.Decoder(portfolio.Fill)
_POSITIONS: Final = RowShape(
    kind=RowKind.POSITION,
    decoder=msgspec.json.Decoder(portfolio.MarketPosition),
    key_of=lambda row: row.ticker,
    translate=position_from_wire,
)
_SETTLEMENTS: Final = RowShape(
    kind=RowKind.SETTLEMENT,
    decoder=msgspec.json.Decoder(portfolio.Settlement),
    key_of=lambda row: row.ticker,
    translate=settlement_from_wire,
)
