"""From the venue's records to the rows of a state file and back.

Owns: the list of what is kept, under which key, and the form of each row (JSON of the record itself).
Must not: touch a file, or decide when.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, Final, TypeAlias

import attrs
import msgspec

from traderd.errors import StoreError
from traderd.model.units import Count, Money, Timestamp
from traderd.paper.settings import Tier
from traderd.paper.venue.accounts import Account, Wallet
from traderd.paper.venue.floor import Touched
from traderd.paper.venue.kept import Record
from traderd.paper.venue.listings import Event, FeeChange, Series, VenueMarket
from traderd.paper.venue.quotes import Minute
from traderd.paper.venue.records import (
    BurnedId,
    CashMove,
    OrderGroup,
    Position,
    Resting,
    Settlement,
    TargetAllocation,
    Trade,
    Transfer,
    VenueFill,
    VenueOrder,
)

Row: TypeAlias = tuple[str, str, bytes | None]
"""(kind, key, JSON); None forgets the row."""
CLEAR: Final[Row] = ("*", "", None)
"""Forgets every row: what comes after it in a batch is all there is."""
_SEPARATOR: Final = "/"


class AccountRow(Record, kw_only=True, eq=False, gc=False):
    """An account without what hangs on it."""

    account_id: str
    name: str
    target: TargetAllocation = TargetAllocation()


class WalletRow(Record, kw_only=True, eq=False, gc=False):
    """A subaccount's cash."""

    account_id: str
    number: int
    cash: Money
    nets: bool
    updated_at: Timestamp


class LedgerRow(Record, kw_only=True, eq=False, gc=False):
    """The few numbers that belong to the whole exchange."""

    at: Timestamp
    """The exchange's time of the last commit."""
    fees_collected: Money
    dust: Money
    paid_in: Money
    priority: int
    ids: int
    """How many ids a seeded exchange has given out."""
    paused: str | None
    paused_by_calendar: bool
    paused_by_command: bool = False


class KeyRow(Record, kw_only=True, eq=False, gc=False):
    """An API key; its private half is nobody's business here."""

    key_id: str
    account_id: str
    public_pem: str
    name: str = ""
    scopes: tuple[str, ...] = ()
    subaccount: int | None = None
    deleted: bool = False


class GrantRow(Record, kw_only=True, eq=False, gc=False):
    """The usage tier that an account was granted."""

    account_id: str
    tier: Tier


Noted: TypeAlias = KeyRow | GrantRow
"""What changes outside of the venue."""
Kept: TypeAlias = Touched | Noted | LedgerRow


@attrs.frozen
class _Kind:
    word: str
    type: type[Any]
    key: Callable[[Any], str]


def _join(*parts: object) -> str:
    return _SEPARATOR.join(str(part) for part in parts)


_KINDS: Final = (
    _Kind("ledger", LedgerRow, lambda r: ""),
    _Kind("series", Series, lambda r: r.ticker),
    _Kind("event", Event, lambda r: r.ticker),
    _Kind("market", VenueMarket, lambda r: r.ticker),
    _Kind("fee_change", FeeChange, lambda r: r.change_id),
    _Kind("account", AccountRow, lambda r: r.account_id),
    _Kind("wallet", WalletRow, lambda r: _join(r.account_id, r.number)),
    _Kind("api_key", KeyRow, lambda r: r.key_id),
    _Kind("grant", GrantRow, lambda r: r.account_id),
    _Kind("group", OrderGroup, lambda r: r.group_id),
    _Kind("order", VenueOrder, lambda r: r.order_id),
    _Kind("burned_id", BurnedId, lambda r: _join(r.account_id, r.client_order_id)),
    _Kind("street", Resting, lambda r: r.order_id),
    _Kind("position", Position, lambda r: _join(r.account_id, r.subaccount, r.ticker)),
    _Kind("fill", VenueFill, lambda r: _join(r.trade_id, r.order_id)),
    _Kind("trade", Trade, lambda r: r.trade_id),
    _Kind("minute", Minute, lambda r: _join(r.ticker, r.ends_s)),
    _Kind("settlement", Settlement, lambda r: _join(r.account_id, r.subaccount, r.ticker)),
    _Kind("cash_move", CashMove, lambda r: r.move_id),
    _Kind("transfer", Transfer, lambda r: _join(r.account_id, r.client_transfer_id)),
)
"""In the order in which they can be read back: whatever names another comes after it."""

KIND_WORDS: Final = tuple(kind.word for kind in _KINDS)
_BY_TYPE: Final = {kind.type: kind for kind in _KINDS}
_DECODERS: Final = {kind.word: msgspec.json.Decoder(kind.type) for kind in _KINDS}
_ENCODER: Final = msgspec.json.Encoder()


def rows_of(things: Iterable[Kept], is_gone: Callable[[Kept], bool]) -> list[Row]:
    """Return one row for each changed thing, in the order of the first change; repeats count once.

    Args:
        things: what changed.
        is_gone: tells of a thing that it is not kept any more.
    """
    rows: dict[tuple[str, str], Row] = {}
    for thing in things:
        plain = _plain(thing)
        kind = _BY_TYPE[type(plain)]
        key = kind.key(plain)
        rows[kind.word, key] = (
            kind.word,
            key,
            None if is_gone(thing) else _ENCODER.encode(plain),
        )
    return list(rows.values())


def _plain(thing: Kept) -> Any:
    if isinstance(thing, Wallet):
        return WalletRow(
            account_id=thing.account_id,
            number=thing.number,
            cash=thing.cash,
            nets=thing.nets,
            updated_at=thing.updated_at,
        )
    if isinstance(thing, Account):
        return AccountRow(account_id=thing.account_id, name=thing.name, target=thing.target)
    return thing


def thing_of(kind: str, body: bytes) -> Any:
    """Return the record of a row.

    Raises:
        StoreError: an unknown kind, or a body that this version cannot read.
    """
    decoder = _DECODERS.get(kind)
    if decoder is None:
        raise StoreError(f"the state file holds a row of the unknown kind {kind!r}")
    try:
        return decoder.decode(body)
    except (msgspec.DecodeError, ValueError) as exc:
        raise StoreError(f"a {kind} of the state file cannot be read: {exc}") from exc


def is_spent(thing: Kept) -> bool:
    """Tell of anonymous liquidity that nothing of it rests any more."""
    return type(thing) is Resting and thing.remaining_count == Count(0)
