"""Exact integer units, and the only parsing, formatting and rounding of them.

Owns: Price (1/10 000 $), FinePrice (1/1 000 000 $), Count (1/100 contract), Money (1/1 000 000 $), Timestamp (ns since
the epoch).
A price times a count is money with nothing lost: 1e-4 x 1e-2 = 1e-6.
Must not: use floats, or guess what a text may have meant.
"""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from typing import Final, NewType

from traderd.errors import UnitError

Price = NewType("Price", int)
"""A YES price in 1/10 000 dollar; 0 and ONE_DOLLAR are bounds, not order prices."""
FinePrice = NewType("FinePrice", int)
"""A YES price in 1/1 000 000 dollar, for what lies between prices: the middle of two, a weighted mean."""
Count = NewType("Count", int)
"""Contracts in 1/100; signed where it is a position or a change."""
Money = NewType("Money", int)
"""Dollars in 1/1 000 000; signed."""
Timestamp = NewType("Timestamp", int)
"""Nanoseconds since 1970-01-01T00:00:00Z, stamped where the fact was observed."""

PRICE_DECIMALS: Final = 4
COUNT_DECIMALS: Final = 2
MONEY_DECIMALS: Final = 6
FINE_DECIMALS: Final = 6
FINE_PER_PRICE: Final = 100
"""A Price in units of FinePrice."""
ONE_DOLLAR: Final = Price(10_000)
ONE_CONTRACT: Final = Count(100)
MICRODOLLARS_PER_CENT: Final = 10_000
NS_PER_MS: Final = 1_000_000
NS_PER_S: Final = 1_000_000_000
BYTES_PER_MB: Final = 1_000_000

TEXT_CHARACTERS_MAX: Final = 32
"""Bounds the text of one number: the largest honest one ("-" + 15 digits + "." + 6) is 23 long."""
TIME_CHARACTERS_MAX: Final = 40
"""Bounds the text of one time: the longest honest one, in nanoseconds and with an offset, is 35 long."""
MAGNITUDE_MAX: Final = 10**18
"""Bounds every unit: fits a signed 64-bit integer, a trillion dollars in Money."""
TIMESTAMP_MAX: Final = Timestamp(2**63 - 1)
"""Bounds every time that is read, as 1970 does from below: fits a signed 64-bit integer, in the year 2262."""


def parse_fixed(text: str | int | float | Decimal, *, decimals: int, what: str) -> int:
    """Return `text` as an integer with `decimals` implied decimals, exactly.

    Strings may carry more digits than needed if the extra ones are zeros ("0.96000"). JSON numbers are
    accepted because Kalshi's WebSocket sends some fields as either.

    Raises:
        UnitError: not a plain decimal number, not exact in this unit, or absurdly large.
    """
    if isinstance(text, str):
        shown = text
    elif isinstance(text, bool) or not isinstance(text, (int, float, Decimal)):
        raise UnitError(f"{what} must be a decimal number, not {type(text).__name__}")
    else:
        shown = _plain_digits(text, what=what)
    if len(shown) > TEXT_CHARACTERS_MAX or not shown.isascii():
        raise UnitError(f"{what} is not a plain decimal number: {shown[:TEXT_CHARACTERS_MAX]!r}")
    digits = shown[1:] if shown[:1] == "-" else shown
    whole, _, fraction = digits.partition(".")
    if not (whole.isdigit() and (fraction.isdigit() or digits == whole)):
        raise UnitError(f"{what} is not a plain decimal number: {shown!r}")
    # Only integers from here on: Decimal's default context keeps 28 digits and would round a longer
    # text to a value that then looks exact.
    if fraction[decimals:].strip("0"):
        raise UnitError(f"{what} {shown} has more than {decimals} decimals")
    value = int(whole + fraction[:decimals].ljust(decimals, "0"))
    if value > MAGNITUDE_MAX:
        raise UnitError(f"{what} {shown} is too large")
    return value if digits is shown else -value


def _plain_digits(number: int | float | Decimal, *, what: str) -> str:
    # Both bounds come before any text is made: 10**5000 and 1E+999999 are short to send and long to print.
    exact = Decimal(repr(number)) if isinstance(number, float) else number
    if isinstance(exact, int):
        if abs(exact) > MAGNITUDE_MAX:
            raise UnitError(f"{what} is too large")
        return str(exact)
    if not exact.is_finite() or not -TEXT_CHARACTERS_MAX < exact.adjusted() < TEXT_CHARACTERS_MAX:
        raise UnitError(f"{what} is not a plain decimal number: {number}")
    if len(exact.as_tuple().digits) > TEXT_CHARACTERS_MAX:
        raise UnitError(f"{what} has too many digits")
    return format(exact, "f")


def parse_price(text: str | int | float | Decimal, *, what: str = "price") -> Price:
    """Return a dollar text as Price; 0 and 1 are allowed here, the grid decides about orders.

    Raises:
        UnitError: not exact in 1/10 000 $, or outside 0 ... 1 dollar.
    """
    value = parse_fixed(text, decimals=PRICE_DECIMALS, what=what)
    if not 0 <= value <= ONE_DOLLAR:
        raise UnitError(f"{what} {text} is not between $0 and $1")
    return Price(value)


def parse_count(text: str | int | float | Decimal, *, what: str = "count") -> Count:
    """Return a contract text as Count, signed; raises UnitError as `parse_fixed` does."""
    return Count(parse_fixed(text, decimals=COUNT_DECIMALS, what=what))


def parse_money(text: str | int | float | Decimal, *, what: str = "amount") -> Money:
    """Return a dollar text as Money, signed; raises UnitError as `parse_fixed` does."""
    return Money(parse_fixed(text, decimals=MONEY_DECIMALS, what=what))


def money_from_cents(cents: int, *, what: str = "amount") -> Money:
    """Return whole cents as Money; raises UnitError when they are absurdly many."""
    value = cents * MICRODOLLARS_PER_CENT
    if abs(value) > MAGNITUDE_MAX:
        raise UnitError(f"{what} is too large")
    return Money(value)


def _format_fixed(value: int, decimals: int) -> str:
    sign = "-" if value < 0 else ""
    whole, fraction = divmod(abs(value), 10**decimals)
    return f"{sign}{whole}.{fraction:0{decimals}d}"


def format_price(price: Price) -> str:
    """Return the wire form, 4 decimals: `0.4700`."""
    return _format_fixed(price, PRICE_DECIMALS)


def format_fine_price(price: FinePrice) -> str:
    """Return a price between prices with 6 decimals: `0.470050`."""
    return _format_fixed(price, FINE_DECIMALS)


def format_count(count: Count) -> str:
    """Return the wire form, 2 decimals: `10.00`."""
    return _format_fixed(count, COUNT_DECIMALS)


def format_money(money: Money) -> str:
    """Return the wire form, 6 decimals: `0.017500`."""
    return _format_fixed(money, MONEY_DECIMALS)


def format_money_4(money: Money) -> str:
    """Return the wire form of a balance, 4 decimals, toward minus infinity (Kalshi: balance_dollars)."""
    return _format_fixed(money // 100, 4)


def show_price(price: Price | None) -> str:
    """Return a price for people: `$0.4700`, or `-` when there is none."""
    return "-" if price is None else f"${format_price(price)}"


def show_money(money: Money, *, signed: bool = False) -> str:
    """Return money for people with two decimals, half away from zero: `$998.77`, `-$0.40`, `+$1.23`."""
    cents, rest = divmod(abs(money), 10_000)
    cents += rest >= 5_000
    sign = "-" if money < 0 and cents else "+" if signed and cents else ""
    return f"{sign}${_format_fixed(cents, 2)}"


def show_average(money: Money) -> str:
    """Return what one contract cost on average for people, exactly: `$0.5400`, `$0.001725`."""
    text = format_money(money)
    whole, _, fraction = text.partition(".")
    return f"{'-' if money < 0 else ''}${whole.lstrip('-')}.{fraction.rstrip('0').ljust(4, '0')}"


def show_count(count: Count, *, signed: bool = False) -> str:
    """Return contracts for people, decimals only when fractional: `10`, `7.77`, `+3`."""
    whole, fraction = divmod(abs(count), ONE_CONTRACT)
    sign = "-" if count < 0 else "+" if signed and count else ""
    return f"{sign}{whole}" if fraction == 0 else f"{sign}{whole}.{fraction:02d}"


def notional(price: Price, count: Count) -> Money:
    """Return price times count, exactly."""
    return Money(price * count)


def complement(price: Price) -> Price:
    """Return the NO price of a YES price, and the reverse."""
    return Price(ONE_DOLLAR - price)


def timestamp_from_ms(
    milliseconds: int, latest: int = TIMESTAMP_MAX, *, what: str = "time"
) -> Timestamp:
    """Return Unix milliseconds as Timestamp; raises UnitError when they lie before 1970 or after `latest`, in ns."""
    at: int = milliseconds * NS_PER_MS
    if 0 <= at <= latest:
        # Asked for every change of a book, where a call of Timestamp would cost as much as all the rest.
        return at  # type: ignore[return-value]
    # Never with the number in it: it may have thousands of digits.
    raise UnitError(f"{what} is not between 1970 and {format_time(Timestamp(latest))}")


def timestamp_from_seconds(seconds: int, *, what: str = "time") -> Timestamp:
    """Return Unix seconds as Timestamp; raises UnitError as `timestamp_from_ms` does."""
    return timestamp_from_ms(seconds * 1_000, what=what)


def parse_time(text: str, latest: int = TIMESTAMP_MAX, *, what: str = "time") -> Timestamp:
    """Return an RFC 3339 UTC text as Timestamp.

    Raises:
        UnitError: not RFC 3339 with a zone, before 1970 or after `latest`, in ns.
    """
    try:
        moment = datetime.fromisoformat(text if len(text) <= TIME_CHARACTERS_MAX else "")
    except (TypeError, ValueError) as exc:
        shown = str(text)[:TIME_CHARACTERS_MAX]
        raise UnitError(f"{what} is not an RFC 3339 time: {shown!r}") from exc
    if moment.tzinfo is None:
        raise UnitError(f"{what} has no time zone: {text!r}")
    delta = moment - datetime(1970, 1, 1, tzinfo=UTC)
    at = (delta.days * 86_400 + delta.seconds) * NS_PER_S + delta.microseconds * 1_000
    if not 0 <= at <= latest:
        raise UnitError(f"{what} {text} is not between 1970 and {format_time(Timestamp(latest))}")
    return Timestamp(at)


def show_duration(seconds: float) -> str:
    """Return a duration for people: `12s`, `2m 03s`, `1h 02m`, `3d 04h`."""
    whole = int(seconds)
    for size, unit, part, part_unit in (
        (86_400, "d", 3_600, "h"),
        (3_600, "h", 60, "m"),
        (60, "m", 1, "s"),
    ):
        if whole >= size:
            return f"{whole // size}{unit} {whole % size // part:02d}{part_unit}"
    return f"{whole}s"


def counted(count: int, noun: str) -> str:
    """Return how many there are for people: `1 fill`, `2 fills`."""
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"


def format_time(at: Timestamp) -> str:
    """Return RFC 3339 UTC with microseconds trimmed of zeros, as Kalshi prints it."""
    seconds, rest = divmod(at, NS_PER_S)
    # isoformat and not strftime, whose %Y leaves early years without their zeros.
    stamp = datetime.fromtimestamp(seconds, tz=UTC).replace(tzinfo=None).isoformat()
    micros = f"{rest // 1_000:06d}".rstrip("0")
    return f"{stamp}.{micros}Z" if micros else f"{stamp}Z"
