"""Proof that our entries and the exchange's balance are the same money, and what may explain it when they are not.

Owns: the comparison of one reading's balance with our cash less what resting orders tie up, and the candidates for what
is left over, as data.
Kalshi: a resting order ties up the cost of the part that would open a position, and its fee; whether `balance` has that
taken off is said in two ways, so both are understood and the one that fits is remembered.
Must not: correct anything: only a person accepts an amount that nothing explains.
"""

from __future__ import annotations

import enum
from collections.abc import Iterable, Sequence
from typing import Final

import attrs

from traderd.core.ledger import Ledger
from traderd.core.orders import Order
from traderd.model.ids import MarketTicker
from traderd.model.orders import OrderStatus, Side
from traderd.model.units import (
    NS_PER_S,
    ONE_DOLLAR,
    Count,
    Money,
    Price,
    Timestamp,
    format_time,
    notional,
    show_count,
    show_money,
)

BALANCE_LAG_NS: Final = 10 * NS_PER_S
"""Kalshi's balance may lag fills as positions do; a mismatch counts only when nothing is this young."""
STEP: Final = 100
"""What a reservation is rounded up to: balances are whole multiples of $0.0001."""
FEE_DOUBT_PER_FILL: Final = Money(10_000)
"""How much the rounding of one fill can be in doubt: a cent, the coarsest balance there is."""
CENT: Final = 10_000
ON_THE_BOOK: Final = (OrderStatus.RESTING, OrderStatus.CANCELLING)


class Proof(enum.Enum):
    """What the last reading says of our balance."""

    NOT_YET = "not_yet"
    """No reading was quiet enough to begin with."""
    PROVED = "proved"
    UNDECIDED = "undecided"
    """Something moved while it was read; the next reading decides."""
    INCONCLUSIVE = "inconclusive"
    """An amount is left over, and rows that nobody can read may be what explains it."""
    UNEXPLAINED = "unexplained"


OPEN_QUESTION: Final = (Proof.NOT_YET, Proof.INCONCLUSIVE)
"""Where the proof stays for as long as rows cannot be read."""


@attrs.frozen
class Candidate:
    """One thing that could explain the amount."""

    kind: str
    """`row`, `collateral`, `fee`, `fill`, `settlement`, `deposit`, `withdrawal`, `transfer`."""
    amount: Money
    """How much of it this could be."""
    sentence: str


@attrs.define(eq=False)
class BalanceProof:
    """Where the proof stands."""

    status: Proof = Proof.NOT_YET
    unexplained: Money = Money(0)
    """The exchange's balance less ours; 0 unless unexplained or inconclusive."""
    since: Timestamp | None = None
    """The first reading with just this amount."""
    proved_at: Timestamp | None = None
    fills_when_proved: int = 0
    expected: Money | None = None
    """What the balance should have been at the last reading."""
    candidates: tuple[Candidate, ...] = ()
    collateral_is_taken_off: bool = True
    """Which of the two meanings the exchange's balance has; learned from the first reading that fits one only."""
    opening_collateral: Money = Money(0)
    """What orders tied up when the accounts were opened."""
    opening_doubt: Money = Money(0)
    """How much less that may have been: what is missing later and no more than this was never there."""
    within: Money = Money(0)
    """How exact the last proof is: 0 unless what orders tie up is known as a range only."""
    sure_of_meaning: bool = False
    reading: int = 0
    """The number of the first reading with just this amount."""
    proved_reading: int = 0
    """The number of the last reading that was equal."""
    engines: str = ""
    """Which matching engines' cash was another than at the reading before, where there are several."""
    unread_moves: tuple[str, ...] = ()
    """Lists of movements of cash that could not be read when they were asked."""
    unreadable: int = 0
    """How many rows of the account could not be read at the last reading."""
    hidden: int = 0
    """How many of these may be what the balance lacks: those that no person noted."""
    hidden_since: Timestamp | None = None
    """Since when there were such rows without a break."""
    moving_amount: Money = Money(0)
    """What was missing while money moved, and since when it is the same."""
    moving_since: Timestamp | None = None

    @property
    def sentence(self) -> str:
        """Say it in words."""
        if self.status is Proof.PROVED:
            within = f", to {show_money(self.within)}" if self.within else ""
            return f"our entries and the exchange's balance are equal{within}"
        if self.status in OPEN_QUESTION and self.hidden:
            return self._inconclusive()
        if self.status is Proof.NOT_YET:
            return "the balance was not compared yet: no reading was quiet enough to begin with"
        if self.status is Proof.UNDECIDED:
            return "something moved while the balance was read; the next reading compares it"
        amount = show_money(self.unexplained, signed=True)
        likely = "; it may be " + " or ".join(c.sentence for c in self.candidates)
        return f"{amount} of the balance is unexplained{likely if self.candidates else ''}{self._known()}"

    def _inconclusive(self) -> str:
        rows = "1 row" if self.hidden == 1 else f"{self.hidden} rows"
        since = "" if self.hidden_since is None else f" since {_second(self.hidden_since)}"
        left = "the accounts are not opened"
        if self.status is not Proof.NOT_YET:
            left = f"{show_money(self.unexplained, signed=True)} is left over"
        return (
            f"inconclusive: {left}, and {rows} of the account cannot be read{since}; the next reading tries again, and "
            "`traderd reconcile --ignore ITEM` compares without a row whose item stands"
        )

    def _known(self) -> str:
        # Which reading, when, how much, and the cure: a person must find it at the exchange.
        if self.since is None:
            return ""
        before = "no reading before it was compared"
        if self.proved_at is not None:
            before = f"reading {self.proved_reading} of {_second(self.proved_at)} was equal"
        unread = ", ".join(self.unread_moves)
        return (
            f"; it is so since reading {self.reading} of {_second(self.since)}, and {before}"
            f"{f'; {self.engines}' if self.engines else ''}"
            f"{f'; {unread} could not be read' if unread else ''}"
            "; look at the exchange for what moved between the two, then `traderd reconcile --adopt balance` takes it "
            "over and `--ignore balance` leaves it as it is"
        )


def _second(at: Timestamp) -> str:
    return format_time(Timestamp(at - at % NS_PER_S))


def engine_changes(before: Sequence[tuple[int, Money]], now: Sequence[tuple[int, Money]]) -> str:
    """Return which matching engines have other cash than before, for people; empty where there is only one."""
    if len(now) < 2 or not before:
        return ""
    was = dict(before)
    changed = [
        f"engine {index} had {show_money(was[index])} and has {show_money(cash)}"
        for index, cash in now
        if index in was and was[index] != cash
    ]
    return ", ".join(changed)


@attrs.frozen
class TiedUp:
    """What resting orders tie up; a range where which of them closes a position, or their fee, is not known."""

    low: Money
    high: Money


def tied_up(orders: Iterable[Order], ledger: Ledger) -> TiedUp:
    """Return what these orders tie up, as the exchange computes it."""
    by_side: dict[tuple[MarketTicker, Side], list[Order]] = {}
    for order in orders:
        if order.status in ON_THE_BOOK and order.remaining:
            by_side.setdefault((order.ticker, order.side), []).append(order)
    low = high = 0
    for (ticker, side), held in by_side.items():
        position = ledger.positions.get(ticker)
        count = 0 if position is None else position.count
        closable = max(0, -count * side.sign)
        # Relief goes to the oldest; after amends nobody can say which that is.
        held.sort(key=_side_price)
        # What each one is rounded up by depends on its share of the relief as well.
        slack = STEP * len(held) if closable and len(held) > 1 else 0
        high += _reserved(held, closable, ledger)[1] + slack
        low += max(0, _reserved(held[::-1], closable, ledger)[0] - slack)
    return TiedUp(Money(low), Money(high))


def _reserved(orders: Sequence[Order], closable: int, ledger: Ledger) -> tuple[int, int]:
    low = high = 0
    for order in orders:
        opening = Count(max(0, order.remaining - closable))
        closable = max(0, closable - order.remaining)
        if opening:
            cost = notional(_side_price(order), opening)
            least, most = ledger.fees.maker_fee(order.ticker, order.price, opening)
            low += -(-(cost + least) // STEP) * STEP
            high += -(-(cost + most) // STEP) * STEP
    return low, high


def _side_price(order: Order) -> Price:
    return order.price if order.side is Side.BID else Price(ONE_DOLLAR - order.price)


def gap(proof: BalanceProof, ledger: Ledger, balance: Money, tied: TiedUp) -> Money:
    """Return the exchange's balance less ours, 0 where they agree in either meaning that is still possible."""
    low, high = ledger.cash - tied.high, ledger.cash - tied.low
    # The accounts were opened as if the collateral had been taken off.
    whole = ledger.cash - proof.opening_collateral
    if proof.sure_of_meaning:
        if not proof.collateral_is_taken_off:
            return Money(balance - ledger.cash)
    elif balance == whole:
        return Money(0)
    if low <= balance <= high:
        return Money(0)
    return Money(balance - low if balance < low else balance - high)


def learn_meaning(
    proof: BalanceProof, ledger: Ledger, balance: Money, tied: TiedUp
) -> Money | None:
    """Return the cash to correct the opening by when this reading fits the other meaning only, else None."""
    if proof.sure_of_meaning or not (tied.low or proof.opening_collateral):
        return None
    taken_off = ledger.cash - tied.high <= balance <= ledger.cash - tied.low
    whole = balance == ledger.cash - proof.opening_collateral
    if taken_off == whole:
        return None
    proof.sure_of_meaning, proof.collateral_is_taken_off = True, taken_off
    return None if taken_off else Money(-proof.opening_collateral)


def candidates(
    amount: Money,
    *,
    ledger: Ledger,
    proof: BalanceProof,
    orders: Sequence[Order],
    tied: TiedUp,
    settling: Sequence[MarketTicker],
) -> tuple[Candidate, ...]:
    """Return what may explain an amount, likeliest first."""
    found: list[Candidate] = []
    if proof.unreadable:
        words = f"what {proof.unreadable} rows tell that cannot be read"
        found.append(Candidate("row", amount, words))
    if tied.high and abs(amount) <= tied.high:
        words = f"what resting orders tie up ({show_money(tied.high)}), counted in another way"
        found.append(Candidate("collateral", amount, words))
    for ticker in settling:
        position = ledger.positions.get(ticker)
        most = Money(abs(position.count) * ONE_DOLLAR) if position is not None else Money(0)
        if 0 < amount <= most:
            words = f"the settlement of {ticker}, which is not listed yet"
            found.append(Candidate("settlement", amount, words))
    for order in orders:
        missing = Count(order.reported_filled - order.filled)
        if missing > 0:
            cost = notional(_side_price(order), missing)
            words = f"a fill of {show_count(missing)} {order.ticker} that is not listed yet"
            found.append(Candidate("fill", Money(-cost), words))
    doubt = FEE_DOUBT_PER_FILL * (ledger.fill_count - proof.fills_when_proved)
    if abs(amount) <= doubt:
        found.append(Candidate("fee", amount, "fees that differ from what the fills say"))
    if amount % CENT == 0:
        word = "deposit" if amount > 0 else "withdrawal"
        words = f"a {word} or transfer that the exchange does not list"
        found.append(Candidate(word, amount, words))
        where = "from" if amount > 0 else "to"
        words = f"a transfer {where} the account's margined side, whose list traderd does not read"
        found.append(Candidate("transfer", amount, words))
    elif not found:
        found.append(Candidate("fill", amount, "a fill of somebody else that is not listed yet"))
    return tuple(found)
