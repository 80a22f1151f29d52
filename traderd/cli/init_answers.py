"""The five answers of `traderd init`: what each may be, and what a wrong one lacks.

Owns: the reading of an answer and the sentence for one that cannot be; the limits that an amount at risk stands for.
Must not: ask, print or write.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final

import attrs

from traderd.config_layers import ENVIRONMENT_ALIASES, ENVIRONMENTS
from traderd.errors import BadInput, ConfigError
from traderd.kalshi.auth import load_signer
from traderd.model.units import Money, format_money, parse_money

SERIES_PREFIX: Final = "series:"
NO_MARKETS: Final = "all"
"""What stands for every market of the embedded exchange."""
DEFAULT_LIMIT: Final = "100"
"""Dollars at risk for who does not say: a tenth of the built-in limits, because it is the first day."""
SHARES: Final = {
    "max_exposure_dollars": 1,
    "max_order_dollars": 10,
    "max_event_loss_dollars": 2,
    "max_daily_loss_dollars": 4,
    "max_drawdown_dollars": 4,
}
"""By what the amount at risk is divided for each limit: the relations of the defaults (1000, 100, 500, 250, 250)."""
LIMIT_MIN: Final = 10_000_000
"""Of the amount at risk, $10: a tenth of it still buys one contract."""
LIMIT_MAX: Final = 1_000_000_000_000
"""$1,000,000: more is not a first set-up."""
_KEY_ID: Final = re.compile(r"[0-9A-Za-z-]{8,64}")
_TICKER: Final = re.compile(r"[A-Z0-9][A-Z0-9.]*(?:-[A-Z0-9.]+)+")
_SERIES: Final = re.compile(r"[A-Z0-9][A-Z0-9.-]*")


@attrs.frozen(kw_only=True)
class Markets:
    """Which markets are followed; neither means those of the embedded exchange."""

    tickers: tuple[str, ...] = ()
    series: tuple[str, ...] = ()


@attrs.frozen(kw_only=True)
class Answers:
    """Everything that a set-up needs."""

    environment: str
    markets: Markets
    limits: dict[str, str]
    """Settings of `[risk]`."""
    key_id: str = ""
    key_file: str = ""


def read_environment(text: str) -> str:
    """Return an environment's name; raises BadInput."""
    name = text.strip().lower()
    name = ENVIRONMENT_ALIASES.get(name, name)
    if name not in ENVIRONMENTS:
        raise BadInput(
            f"there is no environment {text.strip()!r}: sim is an exchange on this machine, paper is Kalshi's demo, local "
            "reads production prices and never trades, production is real money"
        )
    return name


def needs_key(environment: str) -> bool:
    """Tell whether an environment needs an API key."""
    return environment != ENVIRONMENTS[0]


def read_key_id(text: str) -> str:
    """Return a key's id; raises BadInput."""
    key_id = text.strip()
    if "PRIVATE KEY" in text:
        raise BadInput(
            "that is the private key itself: put it into a file of its own; here goes the id beside it"
        )
    if not _KEY_ID.fullmatch(key_id):
        raise BadInput(
            "a key id is 8 to 64 letters, digits and hyphens, like 1a2b3c4d-5e6f-7a8b-9c0d-1e2f3a4b5c6d; Kalshi shows it "
            "beside the key under API keys"
        )
    return key_id


def read_key_file(text: str, key_id: str) -> str:
    """Return a key file's absolute path, after the key in it was read; raises BadInput.

    Absolute, because the daemon may be started somewhere else.
    """
    if not text.strip():
        raise BadInput("name the file that holds the private key, as Kalshi let you save it")
    path = Path(text.strip()).expanduser().absolute()
    try:
        load_signer(key_id, path)
    except ConfigError as exc:
        raise BadInput(str(exc)) from exc
    return str(path)


def read_markets(text: str, environment: str) -> Markets:
    """Return the markets of `TICKER,TICKER`, `series:NAME,...` or `all`; raises BadInput."""
    words = [word.strip() for word in text.split(",") if word.strip()]
    if not words or [word.lower() for word in words] == [NO_MARKETS]:
        if needs_key(environment):
            raise BadInput(
                f"{environment} has thousands of markets: name some tickers, or series with series: before each, as "
                f"{SERIES_PREFIX}KXHIGHNY"
            )
        return Markets()
    series = tuple(word[len(SERIES_PREFIX) :].upper() for word in words if _is_series(word))
    tickers = tuple(word.upper() for word in words if not _is_series(word))
    if series and tickers:
        raise BadInput(
            "name either tickers or series, not both: one is followed, the other is looked for"
        )
    for name in series:
        if not _SERIES.fullmatch(name):
            raise BadInput(f"{name!r} is no series; one looks like KXHIGHNY")
    for ticker in tickers:
        if not _TICKER.fullmatch(ticker):
            hint = (
                f"; for a whole series write {SERIES_PREFIX}{ticker}"
                if _SERIES.fullmatch(ticker)
                else ""
            )
            raise BadInput(
                f"{ticker!r} is no market's ticker; one looks like KXHIGHNY-26AUG07-B85{hint}"
            )
    return Markets(tickers=tuple(dict.fromkeys(tickers)), series=tuple(dict.fromkeys(series)))


def _is_series(word: str) -> bool:
    return word.lower().startswith(SERIES_PREFIX)


def read_limits(text: str) -> dict[str, str]:
    """Return the limits that an amount at risk stands for, as settings of `[risk]`; raises BadInput."""
    amount = text.strip().removeprefix("$").replace("_", "")
    try:
        at_risk = parse_money(amount, what="the amount")
    except ValueError as exc:
        raise BadInput(f"{exc}; write dollars, like 100 or 250.50") from exc
    if not LIMIT_MIN <= at_risk <= LIMIT_MAX:
        raise BadInput(
            f"the amount at risk must lie between $10 and $1,000,000, it is {text.strip()}; single limits can be set in "
            "[risk] of traderd.toml afterwards"
        )
    return {name: _cents(at_risk, share) for name, share in SHARES.items()}


def _cents(at_risk: Money, share: int) -> str:
    # Down to whole cents, so that no limit is larger than its share.
    cent = 10_000
    return format_money(Money(at_risk // share // cent * cent))[:-4]
