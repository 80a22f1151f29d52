"""Reads of money: fills row by row, settlements, and cash that came and went.

Owns: that one row which cannot be read does not hide the others, and says which market it is about.
Must not: decide what a row means for the account.
"""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from typing import Final, TypeAlias

import attrs
import msgspec

from traderd.errors import ExchangeProtocolError, ExchangeRefused
from traderd.kalshi.paging import read_pages
from traderd.kalshi.request import Requester
from traderd.kalshi.wire import portfolio
from traderd.kalshi.wire.money import move_from_wire, settlement_from_wire, transfer_from_wire
from traderd.kalshi.wire.translate import fill_from_wire, position_from_wire
from traderd.model.cash import CashMove, MoveKind, Settlement
from traderd.model.ids import MarketTicker
from traderd.model.orders import Fill, PositionRecord
from traderd.model.units import NS_PER_S, Timestamp

MOVES_PER_PAGE: Final = 500
"""Kalshi: the largest `limit` of deposits and withdrawals."""
OURS: Final = 0
"""The subaccount that we trade with, whose positions and balance Kalshi shows by default."""
_Row: TypeAlias = "portfolio.Fill | UnreadableFill"


@attrs.frozen
class UnreadableFill:
    """A row of the fills that is none, and what of it can be read."""

    ticker: MarketTicker | None
    key: str
    words: str


@attrs.frozen(kw_only=True)
class FillReading:
    """A complete list of fills, newest first, and its rows that could not be read."""

    fills: tuple[Fill, ...]
    unreadable: tuple[UnreadableFill, ...] = ()


@attrs.frozen
class AccountReads:
    """Reads of one account; they raise as the reads of the REST client do, and cancelling is safe."""

    _requester: Requester

    async def fills(self, query: Mapping[str, str]) -> FillReading:
        """Return all fills that the query lets through."""
        rows = await read_pages(
            self._requester,
            "/portfolio/fills",
            query,
            portfolio.FillRows,
            _fill_rows,
            _fill_key,
        )
        at = Timestamp(self._requester.env.wall_ns())
        fills: list[Fill] = []
        unreadable: list[UnreadableFill] = []
        for row in rows:
            if isinstance(row, UnreadableFill):
                unreadable.append(row)
                continue
            try:
                fills.append(fill_from_wire(row, at=at))
            except ExchangeProtocolError as exc:
                ticker = row.ticker or row.market_ticker
                unreadable.append(UnreadableFill(_ticker(ticker), _fill_key(row), str(exc)))
        return FillReading(fills=tuple(fills), unreadable=tuple(unreadable))

    async def settlements(self, *, since: Timestamp) -> tuple[Settlement, ...]:
        """Return what positions got since then, newest first; `since` is cut to its second."""
        return await self._settlements({"min_ts": str(since // NS_PER_S)})

    async def settlement_of(self, ticker: MarketTicker) -> Settlement | None:
        """Return what one market's position got, however long ago; None when the exchange lists nothing."""
        found = [one for one in await self._settlements({"ticker": ticker}) if one.ticker == ticker]
        return found[0] if found else None

    async def _settlements(self, query: Mapping[str, str]) -> tuple[Settlement, ...]:
        rows = await read_pages(
            self._requester,
            "/portfolio/settlements",
            {**query, "subaccount": str(OURS)},
            portfolio.SettlementList,
            lambda page: page.settlements,
            lambda row: row.ticker,
        )
        return tuple(settlement_from_wire(row) for row in rows)

    async def position(self, ticker: MarketTicker) -> PositionRecord | None:
        """Return one market's position, None when the exchange lists none."""
        rows = await read_pages(
            self._requester,
            "/portfolio/positions",
            {"ticker": ticker},
            portfolio.PositionList,
            lambda page: page.market_positions,
            lambda row: row.ticker,
        )
        found = [position_from_wire(row) for row in rows if row.ticker == ticker]
        return found[0] if found else None

    async def cash_moves(self) -> tuple[CashMove, ...]:
        """Return the deposits, withdrawals and transfers that are in the balance, newest first of each.

        A list that this key may not read is taken as empty: what is in it stays unexplained.
        """
        moves: list[CashMove] = []
        with contextlib.suppress(ExchangeRefused):
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
        with contextlib.suppress(ExchangeRefused):
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
        with contextlib.suppress(ExchangeRefused):
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
        return tuple(moves)


def _counts(row: portfolio.CashMovement) -> bool:
    return row.status == "applied"


def _fill_rows(page: portfolio.FillRows) -> list[_Row] | msgspec.UnsetType | None:
    if page.fills is None or isinstance(page.fills, msgspec.UnsetType):
        return page.fills
    return [_fill_row(raw, number) for number, raw in enumerate(page.fills)]


def _fill_row(raw: msgspec.Raw, number: int) -> _Row:
    try:
        return _FILL.decode(raw)
    except (msgspec.DecodeError, UnicodeDecodeError) as exc:
        try:
            name = _FILL_NAME.decode(raw)
        except (msgspec.DecodeError, UnicodeDecodeError):
            return UnreadableFill(None, f"row {number}", f"a fill: {exc}")
        key = f"{name.trade_id} {name.order_id}"
        return UnreadableFill(
            _ticker(name.ticker or name.market_ticker),
            key if key.strip() else f"row {number}",
            f"fill {name.trade_id or 'without an id'}: {exc}",
        )


_FILL: Final = msgspec.json.Decoder(portfolio.Fill)
_FILL_NAME: Final = msgspec.json.Decoder(portfolio.FillName)


def _fill_key(row: _Row) -> str:
    return row.key if isinstance(row, UnreadableFill) else f"{row.trade_id} {row.order_id}"


def _ticker(text: str) -> MarketTicker | None:
    return MarketTicker(text) if text else None
