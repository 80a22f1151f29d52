"""Asks from people and strategies, and the one answer each of them gets.

Owns: the one list of command types. A command is not a fact: it may be refused.
Must not: hold events (see `events.py`).
"""

from __future__ import annotations

import enum
from typing import Final, TypeAlias

import attrs

from traderd.errors import BadInput
from traderd.model.ids import MarketTicker, StrategyName
from traderd.model.notice_commands import NoticeCommand
from traderd.model.orders import (
    Attribution,
    OrderOwner,
    OrderTerms,
    TimeInForce,
    check_count,
    check_price,
)
from traderd.model.plugin_commands import DisablePlugin, EnablePlugin, ReloadPlugin
from traderd.model.state_events import Author
from traderd.model.strategy_commands import StrategyCommand
from traderd.model.units import Count, Price

EXPIRES_IN_MAX_S: Final = 365 * 86_400
"""Bounds an order's time to live: a year; longer is meant as "until it is cancelled"."""
PLACES_MAX: Final = 100
"""Bounds the orders of one PlaceOrders."""
ITEMS_MAX: Final = 100
"""Bounds the items of one Reconcile."""
EVERYTHING: Final = "all"
"""In place of items: every one that stands."""


@attrs.frozen(kw_only=True)
class PlaceOrder:
    """Place one order; answered when the exchange's word is known, or known to be unknown."""

    terms: OrderTerms
    attribution: Attribution
    expires_in_s: int | None = None
    """Its time to live from the moment at which it is judged, for who has no clock; not beside `terms.expires_at`."""
    price_is_worst: bool = False
    """A person named the price as the worst at which a position may be closed; it frees only what can do nothing else."""

    def __attrs_post_init__(self) -> None:
        seconds = self.expires_in_s
        if seconds is None:
            return
        if type(seconds) is not int or not 1 <= seconds <= EXPIRES_IN_MAX_S:
            raise BadInput(
                f"expires_in_s must be a whole number of seconds from 1 to {EXPIRES_IN_MAX_S}"
            )
        if self.terms.expires_at is not None:
            raise BadInput("an order has a time to live or an expiration time, not both")
        if self.terms.time_in_force is not TimeInForce.GOOD_TILL_CANCELED:
            raise BadInput("only a good_till_canceled order can have a time to live")


@attrs.frozen(kw_only=True)
class PlaceOrders:
    """Place several orders in as few requests as possible; each stands and falls alone."""

    orders: tuple[PlaceOrder, ...]

    def __attrs_post_init__(self) -> None:
        if not 1 <= len(self.orders) <= PLACES_MAX:
            raise BadInput(f"place from 1 to {PLACES_MAX} orders at a time, not {len(self.orders)}")


@attrs.frozen(kw_only=True)
class AmendOrder:
    """Give a resting order another price, another size, or both; it may lose its place and may trade."""

    key: str
    """Client order id, or order id."""
    price: Price | None = None
    count: Count | None = None
    """The total: what has filled is part of it."""
    attribution: Attribution | None = None
    """Who asks; None: a person."""

    def __attrs_post_init__(self) -> None:
        if self.price is None and self.count is None:
            raise BadInput("name a new price, a new count, or both")
        if self.price is not None:
            check_price(self.price)
        if self.count is not None:
            check_count(self.count)


@attrs.frozen(kw_only=True)
class DecreaseOrder:
    """Make a resting order smaller; it keeps its place in the queue."""

    key: str
    by: Count | None = None
    """So many contracts fewer than may still fill now."""
    to: Count | None = None
    """So many contracts that may still fill."""

    def __attrs_post_init__(self) -> None:
        if (self.by is None) == (self.to is None):
            raise BadInput("say by how many contracts or to how many, not both")
        if self.by is not None:
            check_count(self.by, what="decrease")
        if self.to is not None:
            check_count(self.to)


@attrs.frozen(kw_only=True)
class ResetStrategy:
    """Let a strategy trade again that its order group at the exchange has stopped."""

    strategy: StrategyName


@attrs.frozen(kw_only=True)
class CancelOrder:
    """Cancel one order by its key (client order id, or order id)."""

    key: str


@attrs.frozen(kw_only=True)
class CancelOrders:
    """Cancel the live orders that this daemon placed; external orders are never touched."""

    ticker: MarketTicker | None = None
    """None: of every market."""
    owner: OrderOwner | None = None
    """None: whoever asked for them."""
    strategy: StrategyName | None = None
    """None: of every strategy."""


@attrs.frozen(kw_only=True)
class Pause:
    """Take no new risk in the account, one market or of one strategy; orders rest."""

    reason: str
    ticker: MarketTicker | None = None
    strategy: StrategyName | None = None
    author: Author = Author.PERSON
    by: str = ""
    """The name of who asks, as far as it is known."""


@attrs.frozen(kw_only=True)
class Resume:
    """Undo Pause of just this scope."""

    ticker: MarketTicker | None = None
    strategy: StrategyName | None = None
    author: Author = Author.PERSON
    by: str = ""


@attrs.frozen(kw_only=True)
class Halt:
    """Stop new risk durably, for the account, one market or one strategy; a person's only a person clears."""

    reason: str
    ticker: MarketTicker | None = None
    strategy: StrategyName | None = None
    author: Author = Author.PERSON
    by: str = ""


@attrs.frozen(kw_only=True)
class ClearHalt:
    """Clear one halt by its id."""

    halt_id: str
    author: Author = Author.PERSON
    by: str = ""


@attrs.frozen(kw_only=True)
class ConfirmLimits:
    """Let the limits of the settings hold where they let more through than in an earlier run."""

    author: Author = Author.PERSON
    by: str = ""


@attrs.frozen(kw_only=True)
class Flatten:
    """End the positions of a scope: pause it, cancel its orders, then close with orders that only reduce."""

    ticker: MarketTicker | None = None
    """None: every market."""
    strategy: StrategyName | None = None
    """None: whoever opened it; else only what this strategy holds."""
    at_worst: Price | None = None
    """The worst YES price that is taken; needed where the book is not good enough to tell one."""
    author: Author = Author.PERSON
    by: str = ""

    def __attrs_post_init__(self) -> None:
        if self.at_worst is not None:
            check_price(self.at_worst)


@attrs.frozen(kw_only=True)
class Kill:
    """Latch, cancel every order of the account and verify at the exchange; only a person undoes the latch."""

    reason: str
    only_ours: bool = False
    """Leave orders alone that this daemon did not place."""
    wait: bool = True
    """Answer when it is verified; else as soon as the latch holds, while the cancels go on."""
    author: Author = Author.PERSON
    by: str = ""


@attrs.frozen(kw_only=True)
class DryRun:
    """Tell what a verb would do now, and do nothing."""

    of: (
        Pause
        | Resume
        | Halt
        | ClearHalt
        | ConfirmLimits
        | CancelOrder
        | CancelOrders
        | Flatten
        | Kill
        | Reconcile
    )


@attrs.frozen(kw_only=True)
class Calibrate:
    """Compare the account with the exchange now."""

    accept_balance: bool = False
    """A person takes over what nothing explains of the balance."""


@attrs.frozen(kw_only=True)
class Reconcile:
    """Do something about differences that stand: take over the exchange's word, or note them and go on."""

    adopt: tuple[str, ...] = ()
    """Items as `/v3/reconciliation` names them, or EVERYTHING."""
    ignore: tuple[str, ...] = ()
    author: Author = Author.PERSON
    by: str = ""

    def __attrs_post_init__(self) -> None:
        if not self.adopt and not self.ignore:
            raise BadInput("name what to adopt, what to ignore, or both")
        if len(self.adopt) + len(self.ignore) > ITEMS_MAX:
            raise BadInput(f"name at most {ITEMS_MAX} items at a time, or {EVERYTHING!r}")
        both = [item for item in self.adopt if item in self.ignore]
        if both:
            raise BadInput(f"{both[0]!r} can be adopted or ignored, not both")


@attrs.frozen(kw_only=True)
class Reload:
    """Read the settings again and take over those that can change while the daemon runs."""

    raise_limits: bool = False
    """A person takes limits that let more through; without it they are refused."""
    dry_run: bool = False
    """Only tell what would become of each changed setting."""
    by: str = ""


Command: TypeAlias = (
    PlaceOrder
    | PlaceOrders
    | AmendOrder
    | DecreaseOrder
    | ResetStrategy
    | CancelOrder
    | CancelOrders
    | Pause
    | Resume
    | Halt
    | ClearHalt
    | ConfirmLimits
    | Flatten
    | Kill
    | DryRun
    | Calibrate
    | Reconcile
    | Reload
    | NoticeCommand
    | StrategyCommand
    | ReloadPlugin
    | DisablePlugin
    | EnablePlugin
)


class Answer(enum.Enum):
    """How a command ended."""

    DONE = "done"
    DENIED = "denied"
    """We said no; nothing was sent."""
    REJECTED = "rejected"
    """The exchange said no."""
    UNKNOWN = "unknown"
    """It may or may not have happened; the daemon is finding out."""
    UNAVAILABLE = "unavailable"
    """It could not be tried now; nothing was sent."""


@attrs.frozen(kw_only=True)
class Outcome:
    """The answer to one command: a word for programs and a sentence for people."""

    answer: Answer
    sentence: str
    key: str | None = None
    """The order it is about."""
    rule: str = ""
    """Which risk rule, or which code of the exchange, said no; empty where none did."""
    items: tuple[Outcome, ...] = ()
    """Of several orders: what became of each, in the order in which they were asked for."""

    @property
    def ok(self) -> bool:
        """Tell whether what was asked for happened."""
        return self.answer is Answer.DONE


def done(sentence: str) -> Outcome:
    """Return the outcome of a command that was carried out."""
    return Outcome(answer=Answer.DONE, sentence=sentence)


def denied(sentence: str) -> Outcome:
    """Return the outcome of a command that is not carried out as things are."""
    return Outcome(answer=Answer.DENIED, sentence=sentence)
