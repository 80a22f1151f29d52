"""Units are exact both ways, and text that could mean two things is refused."""

from datetime import UTC, datetime
from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from traderd.errors import UnitError
from traderd.model import units
from traderd.model.units import Count, Money, Price, Timestamp

WHOLE = st.integers(min_value=-units.MAGNITUDE_MAX, max_value=units.MAGNITUDE_MAX)
PRICES = st.integers(min_value=0, max_value=units.ONE_DOLLAR).map(Price)


@given(PRICES)
def test_a_price_survives_its_wire_form(price):
    assert units.parse_price(units.format_price(price)) == price


@given(WHOLE)
def test_a_count_survives_its_wire_form(value):
    assert units.parse_count(units.format_count(Count(value))) == value


@given(WHOLE)
def test_money_survives_its_wire_form(value):
    assert units.parse_money(units.format_money(Money(value))) == value


@given(st.from_regex(r"-?[0-9]{1,15}(\.[0-9]{1,15})?", fullmatch=True), st.integers(0, 6))
def test_parsing_agrees_with_fractions_or_refuses(text, decimals):
    exact = Fraction(text) * 10**decimals
    if exact.denominator == 1 and abs(exact) <= units.MAGNITUDE_MAX:
        assert units.parse_fixed(text, decimals=decimals, what="x") == exact
    else:
        with pytest.raises(UnitError):
            units.parse_fixed(text, decimals=decimals, what="x")


@given(st.integers(min_value=0, max_value=10_000))
def test_json_numbers_mean_what_they_print(value):
    text = units.format_price(Price(value))
    assert units.parse_price(float(text)) == units.parse_price(Decimal(text)) == value


@given(st.text(max_size=40))
def test_arbitrary_text_never_raises_anything_else(text):
    try:
        value = units.parse_money(text)
    except UnitError:
        return
    assert Fraction(text) * 10**6 == value


@pytest.mark.parametrize(
    "text",
    [
        *(
            "",
            " ",
            "-",
            ".",
            "+1",
            ".5",
            "5.",
            "1e5",
            "1E5",
            "1_0",
            " 1",
            "1 ",
            "1\n",
            "--1",
            "-+1",
        ),
        *("0x10", "1,0", "1.0.0", "NaN", "nan", "Infinity", "-inf", "½", "٣", "١.٠", "1.²"),
        *(
            "9" * 33,
            "1.000000000000000000000000000001",
            "1.0000000000000000000000000001",
            "0.0000001",
        ),
        *(None, True, False, b"1", [], {}, 1j, object()),
        *(float("nan"), float("inf"), float("-inf"), 1e300, 5e-324, 0.1 + 0.2),
        *(Decimal("NaN"), Decimal("sNaN"), Decimal("Infinity"), Decimal("1E+999999")),
        *(Decimal("1E-999999"), Decimal("0E-999999"), Decimal(1).scaleb(-40)),
        *(10**18, "1000000000001"),
    ],
)
def test_what_is_not_a_plain_exact_amount_is_refused(text):
    with pytest.raises(UnitError):
        units.parse_money(text)


@pytest.mark.parametrize("sign", [1, -1])
def test_an_integer_too_long_to_print_is_refused_like_any_other(sign):
    with pytest.raises(UnitError, match="too large"):
        units.parse_money(sign * 10**5000)


def test_a_price_between_prices_keeps_half_of_the_smallest_step():
    between = units.FinePrice((4_700 + 4_701) * units.FINE_PER_PRICE // 2)
    assert units.format_fine_price(between) == "0.470050"


def test_a_long_text_is_not_rounded_to_a_round_number():
    # 31 digits: Decimal's default context would drop the last ones and call the rest exact.
    with pytest.raises(UnitError, match="more than 4 decimals"):
        units.parse_price("0.470000000000000000000000000001")


def test_extra_zeros_are_not_extra_precision():
    assert units.parse_price("0.960000") == 9_600
    assert units.parse_count("1") == 100
    assert units.parse_price("0.962") == 9_620
    assert units.parse_money("-0.00") == 0


def test_the_bounds_of_magnitude_are_inclusive():
    assert units.parse_fixed(10**18, decimals=0, what="x") == 10**18
    assert units.parse_fixed(str(-(10**18)), decimals=0, what="x") == -(10**18)
    with pytest.raises(UnitError, match="too large"):
        units.parse_fixed(str(10**18 + 1), decimals=0, what="x")


@pytest.mark.parametrize("text", ["-0.0001", "1.0001", "47", 47, -1])
def test_a_price_outside_zero_to_one_dollar_is_refused(text):
    with pytest.raises(UnitError, match="between"):
        units.parse_price(text)


def test_an_error_names_the_field():
    with pytest.raises(UnitError, match="no_price"):
        units.parse_price("abc", what="no_price")


@given(WHOLE)
def test_a_balance_is_rounded_toward_minus_infinity(value):
    shown = Fraction(units.format_money_4(Money(value)))
    exact = Fraction(value, 10**6)
    assert exact - Fraction(1, 10**4) < shown <= exact


@given(WHOLE)
def test_money_for_people_is_the_nearest_cent_half_away_from_zero(value):
    shown = units.show_money(Money(value))
    error = Fraction(shown.replace("$", "")) - Fraction(value, 10**6)
    assert abs(error) <= Fraction(1, 200)
    if abs(error) == Fraction(1, 200):
        assert (error > 0) == (value > 0)
    assert shown != "-$0.00"


@pytest.mark.parametrize(
    ("micros", "signed", "shown"),
    [
        (998_770_000, False, "$998.77"),
        (-400_000, True, "-$0.40"),
        (1_230_000, True, "+$1.23"),
        (0, True, "$0.00"),
        (-4_999, True, "$0.00"),
        (5_000, False, "$0.01"),
        (-5_000, False, "-$0.01"),
    ],
)
def test_money_for_people(micros, signed, shown):
    assert units.show_money(Money(micros), signed=signed) == shown


@pytest.mark.parametrize(
    ("hundredths", "signed", "shown"),
    [
        (1_000, False, "10"),
        (777, False, "7.77"),
        (300, True, "+3"),
        (-50, True, "-0.50"),
        (0, True, "0"),
    ],
)
def test_contracts_for_people(hundredths, signed, shown):
    assert units.show_count(Count(hundredths), signed=signed) == shown


def test_a_missing_price_is_a_dash_and_never_zero():
    assert units.show_price(None) == "-"
    assert units.show_price(Price(0)) == "$0.0000"
    assert units.show_price(Price(4_700)) == "$0.4700"


@given(PRICES, st.integers(min_value=-(10**9), max_value=10**9))
def test_price_times_count_is_money_with_nothing_lost(price, count):
    money = units.notional(price, Count(count))
    assert Fraction(money, 10**6) == Fraction(price, 10**4) * Fraction(count, 10**2)


@given(PRICES)
def test_the_two_sides_of_a_market_add_up_to_a_dollar(price):
    assert price + units.complement(price) == units.ONE_DOLLAR
    assert units.complement(units.complement(price)) == price


EPOCH = datetime(1970, 1, 1)
LATEST = datetime(2262, 4, 11, 23, 47, 16)


@given(st.datetimes(min_value=EPOCH, max_value=LATEST, timezones=st.just(UTC)))
def test_a_time_survives_its_wire_form(moment):
    at = units.parse_time(moment.isoformat())
    text = units.format_time(at)
    assert datetime.fromisoformat(text) == moment
    assert units.parse_time(text) == at


@pytest.mark.parametrize(
    ("text", "at"),
    [
        ("1970-01-01T00:00:00Z", 0),
        ("1970-01-01T00:59:59.5+01:00", None),
        ("1969-12-31T23:59:59.999999Z", None),
        ("2262-04-11T23:47:16.854775Z", units.TIMESTAMP_MAX // 1_000 * 1_000),
        ("2262-04-11T23:47:16.854776Z", None),
        ("9999-12-31T23:59:59Z", None),
        ("0001-01-01T00:00:00+14:00", None),
        (f"2026-11-15T06:29:47.{'0' * 1_000}Z", None),
        ("2026-11-15T06:29:47.354803Z", 1_794_724_187_354_803_000),
        ("2026-11-15T01:29:47.354803-05:00", 1_794_724_187_354_803_000),
    ],
)
def test_known_times_and_those_that_none_can_be(text, at):
    if at is not None:
        assert units.parse_time(text) == at
        return
    with pytest.raises(UnitError, match=r"not between 1970 and 2262|not an RFC 3339") as refusal:
        units.parse_time(text, what="close_time")
    assert str(refusal.value).startswith("close_time ")
    assert len(str(refusal.value)) < 120


@pytest.mark.parametrize("number", [-1, -(10**13), 10**18, 10**400, -(10**4_299)])
def test_a_number_that_is_no_time_is_refused_in_few_words(number):
    for read in (units.timestamp_from_ms, units.timestamp_from_seconds):
        with pytest.raises(UnitError, match=r"^close_ts is not between 1970 and 2262-04-11T") as no:
            read(number, what="close_ts")
        assert len(str(no.value)) < 100


def test_a_time_after_the_latest_that_can_be_is_refused():
    assert units.timestamp_from_ms(5, Timestamp(5_000_000)) == 5_000_000
    with pytest.raises(UnitError, match=r"not between 1970 and 1970-01-01T00:00:00\.005Z"):
        units.timestamp_from_ms(6, Timestamp(5_000_000))
    assert units.timestamp_from_seconds(1_798_732_800) == 1_798_732_800 * units.NS_PER_S


def test_nanoseconds_below_a_microsecond_are_not_printed():
    assert units.format_time(Timestamp(1_999)) == "1970-01-01T00:00:00.000001Z"
    assert units.format_time(units.timestamp_from_ms(1_500)) == "1970-01-01T00:00:01.5Z"


@pytest.mark.parametrize(
    "text", ["2026-11-15T06:29:47", "2026-11-15", "yesterday", "", None, 17, "9" * 5000]
)
def test_a_time_without_a_zone_or_sense_is_refused(text):
    with pytest.raises(UnitError):
        units.parse_time(text)


@pytest.mark.parametrize(
    ("micros", "shown"),
    [(540_000, "$0.5400"), (1_725, "$0.001725"), (0, "$0.0000"), (-17_500, "-$0.0175")],
)
def test_an_average_for_people_is_exact_and_has_at_least_the_decimals_of_a_price(micros, shown):
    assert units.show_average(Money(micros)) == shown


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "0s"),
        (59.9, "59s"),
        (60, "1m 00s"),
        (123, "2m 03s"),
        (3_599, "59m 59s"),
        (3_720, "1h 02m"),
        (86_399, "23h 59m"),
        (3 * 86_400 + 4 * 3_600, "3d 04h"),
    ],
)
def test_a_duration_has_its_two_largest_units(seconds, text):
    assert units.show_duration(seconds) == text


def test_one_is_no_plural():
    assert [units.counted(n, "book") for n in (0, 1, 2)] == ["0 books", "1 book", "2 books"]
