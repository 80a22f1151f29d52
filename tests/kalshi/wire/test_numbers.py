"""The caches give what the parsers give, and stay small."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from traderd.errors import UnitError
from traderd.kalshi.wire import numbers
from traderd.kalshi.wire.numbers import CountCache, PriceCache


@given(st.integers(0, 10_000))
def test_every_price_has_one_value_in_every_spelling(units):
    prices = PriceCache()
    text = f"{units // 10_000}.{units % 10_000:04d}"
    assert prices[text] == units
    assert prices[text + "00"] == units
    assert prices[text.rstrip("0") + ("0" if text.endswith("0000") else "")] == units
    assert prices[units / 10_000] == units


def test_a_number_and_a_text_are_the_same_price():
    prices = PriceCache()
    assert [prices[0.96], prices["0.960"], prices["0.9600"], prices[1], prices["1"]] == [
        9600,
        9600,
        9600,
        10_000,
        10_000,
    ]


@pytest.mark.parametrize("text", ["1.01", "-0.01", "0.00001", "", "1e-2", "٠.٥", "0.5 ", "nan"])
def test_what_is_no_price_raises_and_is_not_kept(text):
    prices = PriceCache()
    with pytest.raises(UnitError):
        prices[text]
    assert len(prices) == 0


def test_counts_are_signed_and_exact():
    counts = CountCache()
    assert [counts["7.77"], counts["-100.00"], counts["966425.00"], counts[3]] == [
        777,
        -10_000,
        96_642_500,
        300,
    ]
    with pytest.raises(UnitError):
        counts["0.001"]


def test_a_full_cache_starts_again(monkeypatch):
    monkeypatch.setattr(numbers, "CACHE_ENTRIES_MAX", 10)
    counts = CountCache()
    for size in range(25):
        assert counts[f"{size}.00"] == size * 100
        assert len(counts) <= 10
