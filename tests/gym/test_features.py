"""What a policy looks at: bounded, the same for both sides turned round, and a memory that is a running mean."""

import pytest

pytest.importorskip("gymnasium", reason="the extra `rl` is not installed")

from traderd.core.observation_vector import VECTOR_FIELDS, VECTOR_LENGTH
from traderd.gym.features import FEATURES, LOOKS_MAX, PlainOps, features

AT = {name: number for number, name in enumerate(VECTOR_FIELDS)}
BOOK = {"has_bid": 1, "has_ask": 1, "mid": 0.5, "microprice": 0.5, "spread": 0.02}
BOOK |= {"bid_price_1": 0.49, "ask_price_1": 0.51, "time_to_close_s": 86_400}


def look(memory=(0.0, 0.0), **numbers):
    """Return the features by name, of the bid and of the ask, and the memory."""
    row = [0.0] * VECTOR_LENGTH
    for name, value in (BOOK | numbers).items():
        row[AT[name]] = float(value)
    bid, ask, remembered = features(PlainOps(row, memory))
    return (
        dict(zip(FEATURES, bid, strict=True)),
        dict(zip(FEATURES, ask, strict=True)),
        remembered,
    )


def test_the_memory_is_the_mean_of_what_was_seen():
    memory = (0.0, 0.0)
    for mid in (0.5, 0.52, 0.54):
        *_, memory = look(memory, mid=mid)
    assert memory == (pytest.approx(0.52), 3.0)


def test_the_memory_forgets_slowly_once_it_is_full():
    *_, (mean, looks) = look((0.4, LOOKS_MAX), mid=0.5)
    assert looks == LOOKS_MAX
    assert mean == pytest.approx(0.4 + 0.1 / LOOKS_MAX)


def test_without_a_book_nothing_is_learned_and_prices_say_nothing():
    bid, ask, memory = look((0.4, 9.0), has_bid=0, mid=0, microprice=0, spread=0)
    assert memory == (0.4, 9.0)
    assert bid["below_mean"] == ask["below_mean"] == bid["position"] == 0


def test_what_is_cheap_for_the_bid_is_dear_for_the_ask():
    bid, ask, _ = look((0.53, 99.0), position=20, imbalance=0.5)
    for name in ("below_mean", "position", "imbalance", "microprice", "below_trades", "flow"):
        assert bid[name] == -ask[name]
    assert bid["below_mean"] == pytest.approx((0.5297 - 0.5) * 100 / 3)
    assert bid["spread"] == ask["spread"] > 0


def test_trades_that_were_not_are_not_seen():
    bid, *_ = look(trade_price_1=0.53, trade_count_1=-50)
    assert bid["below_trades"] == pytest.approx(1.0)
    assert bid["flow"] == pytest.approx(-0.5 / 3)
    assert look()[0]["below_trades"] == 0


@pytest.mark.parametrize(
    ("position", "cost", "below"), [(10, 0.53, 0.03), (-10, 0.44, 0.06), (0, 0.0, 0.0)]
)
def test_the_entry_is_told_in_yes_prices(position, cost, below):
    # A short position costs what NO costs: 0.44 is an entry at 0.56.
    bid, ask, _ = look(position=position, average_cost=cost)
    assert bid["entry"] == pytest.approx(below * 100 / 3)
    assert ask["entry"] == pytest.approx(-below * 100 / 3)


def test_its_own_quote_is_seen_on_its_own_side():
    bid, ask, _ = look(own_bid_price=0.48, own_bid_count=5)
    assert (bid["own_quote"], ask["own_quote"]) == (1.0, 0.0)
    assert bid["own_distance"] == pytest.approx(0.5)


def test_everything_is_bounded():
    bid, ask, _ = look(
        (9.0, 99.0), position=1e6, imbalance=1, trade_price_1=9, trade_count_1=1e9, spread=9
    )
    assert all(abs(value) <= 3 for side in (bid, ask) for value in side.values())
    assert look(time_to_close_s=0)[0]["close"] == 1.0
    assert look(time_to_close_s=900)[0]["close"] == 0.5
