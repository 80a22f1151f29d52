"""The view in floats: fixed length and names, and exact where float32 is."""

import re
from array import array

import attrs
import pytest

from tests.architecture.sources import ROOT
from tests.core.builders import contracts, price, ready_engine, second, snapshot, tell
from tests.core.test_observation import seen, trade
from traderd.core.observation import LEVELS_SEEN, Observation
from traderd.core.observation_vector import AGE_MAX_S, VECTOR_FIELDS, VECTOR_LENGTH
from traderd.core.trade_tape import RECENT_TRADES_KEPT
from traderd.model.units import Count, Money

DOCS = (ROOT / "docs" / "observation.md").read_text()


def named(observation: Observation) -> dict[str, float]:
    return dict(zip(VECTOR_FIELDS, observation.vector(), strict=True))


def test_it_is_a_row_of_float32_of_one_length():
    row = seen(ready_engine()).vector()
    assert isinstance(row, array)
    assert (row.typecode, len(row)) == ("f", VECTOR_LENGTH)
    assert VECTOR_LENGTH == 21 + 4 * LEVELS_SEEN + 3 * RECENT_TRADES_KEPT
    assert len(dict.fromkeys(VECTOR_FIELDS)) == VECTOR_LENGTH


def test_every_number_stands_under_its_name():
    engine = ready_engine()
    tell(engine, snapshot(3, {"0.45": 30, "0.44": 5}, {"0.50": 10}), trade(1, second(5)))
    row = named(seen(engine))
    expected = {
        "live": 1.0,
        "grade": 5.0,
        "has_bid": 1.0,
        "has_ask": 1.0,
        "spread": 0.05,
        "mid": 0.475,
        "microprice": 0.4875,
        "imbalance": 0.5,
        "bid_price_1": 0.45,
        "bid_count_1": 30.0,
        "bid_price_2": 0.44,
        "bid_count_2": 5.0,
        "bid_price_3": 0.0,
        "ask_price_1": 0.5,
        "ask_count_1": 10.0,
        "trade_price_1": 0.52,
        "trade_count_1": 1.0,
        "trade_age_s_1": 4.0,
        "trade_price_2": 0.0,
    }
    assert {name: row[name] for name in expected} == pytest.approx(expected, rel=1e-6)


def test_own_orders_and_money_are_in_dollars_and_contracts():
    changes = {
        "position": contracts(-3),
        "account_position": contracts(2),
        "average_cost": price("0.55"),
        "realized_pnl": Money(-1_500_000),
        "unrealized_pnl": None,
        "fees_paid": Money(20_000),
        "balance": Money(998_770_000),
    }
    row = named(attrs.evolve(seen(ready_engine()), **changes))
    assert (row["position"], row["account_position"]) == (-3.0, 2.0)
    assert row["average_cost"] == pytest.approx(0.55)
    assert (row["realized_pnl"], row["unrealized_pnl"]) == (-1.5, 0.0)
    assert row["fees_paid"] == pytest.approx(0.02)
    assert row["balance"] == pytest.approx(998.77)
    assert row["own_bid_count"] == row["own_ask_price"] == 0.0


def test_what_is_missing_is_0_and_said_to_be_missing():
    empty = attrs.evolve(seen(ready_engine()), bids=(), asks=(), book_age_ns=None)
    row = named(empty)
    names = ("has_bid", "has_ask", "spread", "mid", "imbalance", "bid_price_1", "ask_count_10")
    assert [row[name] for name in names] == [0.0] * len(names)
    assert row["book_age_s"] == AGE_MAX_S


def test_a_size_beyond_all_measure_is_still_a_number():
    huge = attrs.evolve(seen(ready_engine()), position=Count(10**18))
    assert named(huge)["position"] == pytest.approx(1e16)


def test_the_documentation_lists_exactly_these_fields_in_order():
    rows = re.findall(
        r"^\| (\d+)(?:-(\d+))? \| `([a-z0-9_]+)`(?: \.\.\. `([a-z0-9_]+)`)? \|", DOCS, re.MULTILINE
    )
    at = 0
    for first, last, begin, end in rows:
        stop = int(last or first)
        assert int(first) == at
        assert VECTOR_FIELDS[at] == begin
        assert VECTOR_FIELDS[stop] == (end or begin)
        at = stop + 1
    assert at == VECTOR_LENGTH


def test_the_documentation_lists_every_field_and_property():
    written = re.findall(r"^\| `([a-z_]+)` \|", DOCS, re.MULTILINE)
    fields = [field.name for field in attrs.fields(Observation)]
    read = ["bid", "bid_count", "ask", "ask_count", "spread", "mid", "microprice", "imbalance"]
    assert written == [*fields, *read, "time_to_close_ns", "book_usable"]
