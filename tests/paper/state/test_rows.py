"""Every record becomes a row and comes back as it was; what is gone is forgotten."""

import msgspec
import pytest

from tests.paper.state.saving import TICKER, tracked_venue
from tests.paper.venues import NOW, bid
from traderd.errors import StoreError
from traderd.model.orders import Side
from traderd.model.units import Count, Price
from traderd.paper.state.rows import KIND_WORDS, is_spent, rows_of, thing_of


def touched_venue():
    built = tracked_venue()
    built.street.add(TICKER, Side.ASK, Price(5_000), Count(500), NOW)
    built.groups.create(built.account("ann"), "g-1", Count(500), NOW)
    built.create_order("ann", bid("3", "0.50"), "mine", NOW)
    built.take_outbox()
    return built


def test_a_thing_that_changed_twice_is_one_row_with_its_last_state():
    built = touched_venue()
    rows = rows_of(built.take_touched(), is_spent)
    assert len({row[:2] for row in rows}) == len(rows)
    wallets = [body for kind, key, body in rows if (kind, key) == ("wallet", "ann/0")]
    assert msgspec.json.decode(wallets[0])["cash"] == built.account("ann").main.cash


def test_every_row_reads_back_as_the_same_bytes():
    for kind, _, body in rows_of(touched_venue().take_touched(), is_spent):
        assert kind in KIND_WORDS
        assert msgspec.json.encode(thing_of(kind, body)) == body


def test_anonymous_liquidity_that_was_taken_leaves_no_row():
    built = touched_venue()
    built.take_touched()
    built.street.take(TICKER, Side.BID, Price(9_900), Count(10_000), NOW)
    rows = rows_of(built.take_touched(), is_spent)
    assert [body for kind, _, body in rows if kind == "street"] == [None]


@pytest.mark.parametrize(
    ("kind", "body", "words"),
    [
        ("dream", b"{}", "unknown kind 'dream'"),
        ("trade", b"{", "a trade of the state file cannot be read"),
        ("trade", b'{"trade_id": 7}', "a trade of the state file cannot be read"),
        ("market", b'{"grid": {"bands": []}}', "a market of the state file cannot be read"),
    ],
)
def test_a_row_that_cannot_be_read_is_named(kind, body, words):
    with pytest.raises(StoreError, match=words):
        thing_of(kind, body)
