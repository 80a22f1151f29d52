"""The numbers that bound risk, in exact units.

Owns: every limit, its default and its name for people, and which of two sets of limits is the looser one.
Must not: judge anything by them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

import attrs

from traderd.core.strategy_share import StrategyShare
from traderd.model.book_events import BookGrade
from traderd.model.ids import StrategyName
from traderd.model.units import Count, Money, Price, show_count, show_money, show_price

NONE: Final = 0
"""A limit of 0 is none, where 0 is allowed."""


@attrs.frozen(kw_only=True)
class RiskLimits:
    """The numbers that bound risk; 0 sets no bound where a default is given."""

    max_order_count: Count
    max_open_orders: int
    max_exposure: Money
    breaker_errors: int
    price_collar: Price
    """How far beyond the far side of the book an order may be priced."""
    min_book_grade: BookGrade
    """The worst book on which a strategy takes new risk."""
    max_order_cost: Money = Money(NONE)
    mid_collar: Price = Price(NONE)
    """How far beyond the middle of the book."""
    last_collar: Price = Price(NONE)
    """How far beyond the last trade."""
    min_price: Price = Price(NONE)
    max_price: Price = Price(NONE)
    """The band of YES prices in which orders lie, both ends included."""
    max_price_jump: Price = Price(NONE)
    """How far the middle of the book may lie from the last trade for a strategy to take new risk."""
    max_market_position: Count = Count(NONE)
    max_event_position: Count = Count(NONE)
    max_strategy_position: Count = Count(NONE)
    max_account_position: Count = Count(NONE)
    """Contracts held at worst, when everything that may fill does; over several markets they are added."""
    max_event_loss: Money = Money(NONE)
    """What one event can cost at worst, all told."""
    max_engine_open_orders: int = NONE
    max_engine_exposure: Money = Money(NONE)
    """The same as for the account, for each of the exchange's matching engines."""
    max_daily_loss: Money = Money(NONE)
    max_drawdown: Money = Money(NONE)
    day_zone: str = "America/New_York"
    day_hour: int = 0
    """When a trading day begins, by the clock of `day_zone`."""
    max_messages_per_s: int = NONE
    max_market_messages_per_s: int = NONE
    """Creates and amends within any second."""
    max_fills_per_15s: int = NONE
    max_fills_per_min: int = NONE
    """Executions of one strategy, before it is stopped."""
    duplicate_window_ms: int = NONE
    """How long a strategy's order must be gone or over before it places an equal one."""
    breaker_window: int = NONE
    breaker_percent: int = NONE
    """So many percent of so many last answers may be errors."""
    restricted: tuple[str, ...] = ()
    """Markets, events or series that are not traded."""

    shares: tuple[StrategyShare, ...] = ()
    """What single strategies may use of the account."""

    def share_of(self, strategy: StrategyName | None) -> StrategyShare | None:
        """Return what a strategy may use, None when nothing of its own bounds it."""
        return next((share for share in self.shares if share.strategy == strategy), None)

    def texts(self) -> dict[str, str]:
        """Return each limit under its name in the configuration, as a text that a journal can keep."""
        return {name: _text(getattr(self, field)) for field, (name, _) in _NAMES.items()}

    def words(self) -> dict[str, str]:
        """Return each limit under its name in the configuration, for people."""
        texts = self.texts()
        return {name: show(texts[name]) for name, show in _NAMES.values()}

    def with_texts(self, texts: Mapping[str, str]) -> RiskLimits:
        """Return these limits with those of `texts` in their place; raises ValueError for one that cannot be read."""
        own = {field: getattr(self, field) for field in _NAMES}
        return attrs.evolve(
            self,
            **{
                field: _value(texts[name], like=own[field])
                for field, (name, _) in _NAMES.items()
                if name in texts
            },
        )

    def tightened_by(self, before: Mapping[str, str]) -> RiskLimits:
        """Return these limits, but the one of `before` wherever that lets less through."""
        held = {
            name: _union(before[name], new) if name == "restricted" else before[name]
            for name, new in self.texts().items()
            if name in before and _is_looser(name, before[name], new)
        }
        return self.with_texts(held)

    def raised_since(self, before: Mapping[str, str]) -> tuple[str, ...]:
        """Return a sentence for each limit that lets more through than it did when `before` were its texts."""
        return tuple(
            f"risk.{name} from {show(before[name])} to {show(new)}"
            for (name, show), new in zip(_NAMES.values(), self.texts().values(), strict=True)
            if name in before and _is_looser(name, before[name], new)
        )


def _text(value: Any) -> str:
    if isinstance(value, BookGrade):
        return value.value
    return ",".join(value) if isinstance(value, tuple) else str(value)


def _value(text: str, *, like: Any) -> Any:
    if isinstance(like, BookGrade):
        return BookGrade(text)
    return tuple(filter(None, text.split(","))) if isinstance(like, tuple) else int(text)


def _union(old: str, new: str) -> str:
    # What one of them forbids stays forbidden.
    return ",".join(dict.fromkeys(filter(None, (*old.split(","), *new.split(",")))))


def _is_looser(name: str, old: str, new: str) -> bool:
    if name == "min_book_grade":
        return old != new and BookGrade(old).is_at_least(BookGrade(new))
    if name == "restricted":
        return any(one and one not in new.split(",") for one in old.split(","))
    if old == new or int(old) == NONE:
        return False
    if int(new) == NONE:
        return True
    return (int(new) < int(old)) == (name in _LOWER_IS_LOOSER)


_LOWER_IS_LOOSER: Final = ("min_price_dollars", "duplicate_window_ms", "breaker_window")


def _words(text: str) -> str:
    return text or "none"


def _shown_by(show: Callable[[Any], str]) -> Callable[[str], str]:
    return lambda text: "none" if int(text) == NONE else show(int(text))


_COUNT: Final = _shown_by(show_count)
_MONEY: Final = _shown_by(show_money)
_PRICE: Final = _shown_by(show_price)
_NUMBER: Final = _shown_by(str)
_NAMES: Final[dict[str, tuple[str, Callable[[str], str]]]] = {
    "max_order_count": ("max_order_contracts", _COUNT),
    "max_order_cost": ("max_order_dollars", _MONEY),
    "max_open_orders": ("max_open_orders", _NUMBER),
    "max_engine_open_orders": ("max_engine_open_orders", _NUMBER),
    "max_exposure": ("max_exposure_dollars", _MONEY),
    "max_engine_exposure": ("max_engine_exposure_dollars", _MONEY),
    "max_event_loss": ("max_event_loss_dollars", _MONEY),
    "max_market_position": ("max_market_position_contracts", _COUNT),
    "max_event_position": ("max_event_position_contracts", _COUNT),
    "max_strategy_position": ("max_strategy_position_contracts", _COUNT),
    "max_account_position": ("max_account_position_contracts", _COUNT),
    "price_collar": ("price_collar_dollars", _PRICE),
    "mid_collar": ("mid_collar_dollars", _PRICE),
    "last_collar": ("last_collar_dollars", _PRICE),
    "min_price": ("min_price_dollars", _PRICE),
    "max_price": ("max_price_dollars", _PRICE),
    "max_price_jump": ("max_price_jump_dollars", _PRICE),
    "min_book_grade": ("min_book_grade", _words),
    "max_daily_loss": ("max_daily_loss_dollars", _MONEY),
    "max_drawdown": ("max_drawdown_dollars", _MONEY),
    "max_messages_per_s": ("max_messages_per_s", _NUMBER),
    "max_market_messages_per_s": ("max_market_messages_per_s", _NUMBER),
    "max_fills_per_15s": ("max_fills_per_15s", _NUMBER),
    "max_fills_per_min": ("max_fills_per_min", _NUMBER),
    "duplicate_window_ms": ("duplicate_window_ms", _NUMBER),
    "breaker_errors": ("breaker_errors", _NUMBER),
    "breaker_window": ("breaker_window", _NUMBER),
    "breaker_percent": ("breaker_percent", _NUMBER),
    "restricted": ("restricted", _words),
}
"""Field: its name in the configuration, and how its text is shown."""
