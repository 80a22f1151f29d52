"""Lists row by row: what can be read counts, what cannot be is told with all that it says of itself."""

import json

import attrs
import msgspec

from tests.kalshi.test_rest import ORDER
from traderd.errors import ExchangeProtocolError
from traderd.kalshi.order_reads import ORDERS
from traderd.kalshi.rest import open_rest
from traderd.kalshi.rows import read_row
from traderd.model.rows import RAW_CHARACTERS_MAX, RowKind, UnreadableRow

POSITION = {
    "ticker": "A",
    "position_fp": "-3.00",
    "market_exposure_dollars": "1",
    "realized_pnl_dollars": "0",
    "fees_paid_dollars": "0",
}


def read(row: object) -> object:
    return read_row(ORDERS, json.dumps(row).encode())


def test_a_good_row_is_its_record():
    assert read(ORDER).order_id == "o1"


def test_a_bad_row_names_its_field_and_keeps_how_it_came():
    row = read(ORDER | {"yes_price_dollars": "many", "client_order_id": "c1"})
    assert isinstance(row, UnreadableRow)
    assert "yes_price_dollars" in row.words
    assert (row.kind, row.key, row.ticker) == (RowKind.ORDER, "o1", "A")
    assert (row.order_id, row.client_order_id) == ("o1", "c1")
    assert '"many"' in row.raw


def test_an_order_that_says_that_it_has_no_client_order_id_differs_from_one_that_does_not_say():
    bad = ORDER | {"status": "dormant"}
    assert [
        read(bad | {"client_order_id": told}).client_order_id for told in ("c1", "", None, 7)
    ] == ["c1", "", "", None]
    assert read(bad).client_order_id is None


def test_what_is_no_row_at_all_has_no_names_and_is_cut():
    row = read("x" * 5_000)
    assert (row.ticker, row.order_id, row.client_order_id) == (None, None, None)
    assert len(row.raw) == len(row.key) == RAW_CHARACTERS_MAX
    assert len(row.words) <= 300


def test_bytes_that_are_no_text_hide_only_themselves():
    raw = json.dumps(ORDER | {"status": "?"}).encode().replace(b'"?"', b'"\xff"')
    row = read_row(ORDERS, raw)
    assert (row.order_id, row.ticker) == ("o1", "A")


def test_a_row_that_cannot_be_translated_is_told_as_one_that_cannot_be_decoded():
    def strange(_: object) -> object:
        raise ExchangeProtocolError("order o1: what is that")

    row = read_row(attrs.evolve(ORDERS, translate=strange), msgspec.json.encode(ORDER))
    assert row.words == "order o1: what is that"


async def test_one_bad_row_on_each_page_hides_no_other_and_both_are_told(exchange, autojump_clock):
    exchange.reply(
        200,
        {
            "market_positions": [POSITION, POSITION | {"ticker": "B", "position_fp": "?"}],
            "cursor": "c",
        },
    )
    exchange.reply(200, {"market_positions": [{"position_fp": "1.00"}, POSITION | {"ticker": "D"}]})
    async with open_rest(
        env=exchange.env, base_url=exchange.base_url, signer=exchange.signer
    ) as client:
        reading = await client.account.positions()
    assert [row.ticker for row in reading.rows] == ["A", "D"]
    assert [(row.kind, row.ticker) for row in reading.unreadable] == [
        (RowKind.POSITION, "B"),
        (RowKind.POSITION, None),
    ]
