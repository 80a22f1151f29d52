import re

import pytest

from traderd.cli import plugins_table, strategies, tables, why
from traderd.cli.tables import Column, cell, short_decimal, table_lines

TICKER = "KXMLBGAME-26AUG072140LADAZ-LAD"
ORDER = {
    "key": "7a5e0c1b-3-1f",
    "ticker": TICKER,
    "side": "bid",
    "price_dollars": "0.4500",
    "count": "5.00",
    "filled": "0.00",
    "status": "resting",
    "owner": "spread_maker",
    "age_s": 12.0,
}


def listed(rows, *, width=None):
    return tables.listing("orders", tables.ORDERS, rows, environment="sim", width=width)


def test_on_a_pipe_each_row_is_one_whole_line_however_long():
    over = {**ORDER, "status": "executed", "ended_at": "2026-11-20T10:30:15.123456Z"}
    lines = listed([ORDER, over, over])
    assert len(lines) == 4
    assert lines[0].split() == [
        *("order", "market", "side", "price_$", "contracts", "filled", "status", "owner"),
        *("age_s", "ended_(UTC)", "environment"),
    ]
    assert lines[1].split() == [
        *("7a5e0c1b-3-1f", TICKER, "bid", "0.45", "5.00", "0.00"),
        *("resting", "spread_maker", "12.0", "-", "sim"),
    ]
    assert lines[2].split()[6:] == [
        *("executed", "spread_maker", "12.0", "2026-11-20T10:30:15Z", "sim"),
    ]
    assert all(len(line) > 80 for line in lines)
    assert "\x1b" not in "".join(lines)


ALL = [getattr(tables, name) for name in ("ORDERS", "POSITIONS", "FILLS", "STRATEGIES", "MARKETS")]


@pytest.mark.parametrize("columns", [*ALL, why.ROWS, strategies.RUNNING, plugins_table.COLUMNS])
def test_on_a_pipe_awk_finds_every_field_in_its_place_whatever_is_empty(columns):
    words = [column.name for column in columns if column.wraps]
    rows: list[dict[str, str | None]] = [
        {c.name: "two words" if c.wraps else "1" for c in columns},
        {c.name: None for c in columns},
        {c.name: "" for c in columns},
    ]
    heading, *lines = tables.listing("x", columns, rows, environment="sim", width=None)
    names = re.split(" {2,}", heading)
    assert names == heading.split()
    assert [re.split(" {2,}", line.strip()).index("sim") for line in lines] == [
        names.index("environment")
    ] * len(rows)
    assert [len(re.split(" {2,}", line.strip())) for line in lines] == [len(names)] * len(rows)
    assert names.index("environment") == len(names) - 1 - len(words)


def test_on_a_narrow_terminal_what_matters_least_is_left_out_and_named():
    lines = listed([ORDER], width=100)
    assert [line for line in lines if len(line) > 100] == []
    assert lines[1].split() == [
        *("order", "market", "side", "price", "$", "contracts", "filled", "status")
    ]
    assert lines[-1] == "(no room for owner, age s; --json has all)"


def test_on_eighty_columns_markets_are_headings_and_all_that_matters_of_an_order_is_there():
    real = {**ORDER, "key": "1d6bfe80-1d13bd0e4-4", "price_dollars": "0.4525"}
    other = {**real, "ticker": "KXWNBAGAME-26AUG07PHXCONN-PHX", "filled": "2.00"}
    assert listed([real, {**real, "side": "ask"}, other, real], width=80) == [
        "orders · sim",
        "  order                 side  price $  contracts  filled  status   owner",
        TICKER,
        "  1d6bfe80-1d13bd0e4-4  bid    0.4525       5.00    0.00  resting  spread_maker",
        "  1d6bfe80-1d13bd0e4-4  ask    0.4525       5.00    0.00  resting  spread_maker",
        "  1d6bfe80-1d13bd0e4-4  bid    0.4525       5.00    0.00  resting  spread_maker",
        "KXWNBAGAME-26AUG07PHXCONN-PHX",
        "  1d6bfe80-1d13bd0e4-4  bid    0.4525       5.00    2.00  resting  spread_maker",
        "(no room for age s; --json has all)",
    ]


def test_on_sixty_columns_no_order_is_broken_and_what_filled_is_left_out_last():
    real = {**ORDER, "key": "1d6bfe80-1d13bd0e4-4", "status": "executed"}
    narrow, wide = listed([real], width=60), listed([real], width=70)
    assert max(map(len, narrow)) <= 60
    assert narrow[-1] == "(no room for filled, owner, age s; --json has all)"
    assert wide[-1] == "(no room for owner, age s; --json has all)"


@pytest.mark.parametrize("columns", [tables.POSITIONS, tables.FILLS])
def test_a_market_with_a_very_long_name_breaks_no_row(columns):
    row = {column.name: "0.4500" if column.is_number else "bid" for column in columns}
    row |= {
        "ticker": "KXMVENFLMULTIGAMEEXTENDED-S2026ABCDEF0123456-ABCDEF",
        "executed_at": "x" * 19,
    }
    lines = tables.listing("x", columns, [row], environment="sim", width=80)
    assert max(map(len, lines)) <= 80
    assert row["ticker"] in lines


def test_on_a_wide_terminal_everything_is_there():
    lines = listed([ORDER], width=200)
    assert len(lines) == 3
    assert "spread_maker" in lines[2]


def test_a_terminal_too_narrow_for_what_matters_still_gets_it():
    text = "\n".join(listed([ORDER], width=20))
    assert TICKER in text
    assert "7a5e0c1b-3-1f" in text


def test_numbers_stand_right_and_words_left():
    columns = (Column("name", "name"), Column("size", "size", is_number=True))
    rows = [{"name": "a", "size": "5"}, {"name": "longer", "size": "12345"}]
    lines, left_out = table_lines(columns, rows, width=None)
    assert lines == ["name     size", "a           5", "longer  12345"]
    assert left_out == []


def test_a_table_without_rows_has_its_header():
    columns = (Column("name", "name"), Column("size", "size", is_number=True))
    assert table_lines(columns, [], width=None) == (["name  size"], [])


def test_no_rows_are_said_and_not_drawn():
    assert listed([]) == ["no orders (sim)"]


@pytest.mark.parametrize(
    ("value", "text"), [(None, "-"), (True, "yes"), (False, "no"), (0, "0"), (1.5, "1.5")]
)
def test_a_value_is_shown_as_people_say_it(value, text):
    assert cell(value, Column("x", "x")) == text


@pytest.mark.parametrize(
    ("exact", "short"),
    [
        ("983.348800", "983.3488"),
        ("-0.150000", "-0.15"),
        ("0.006600", "0.0066"),
        ("0.000001", "0.000001"),
        ("0.4000", "0.40"),
        ("5.00", "5.00"),
        ("5", "5"),
        ("12.0", "12.0"),
    ],
)
def test_a_number_loses_only_zeros(exact, short):
    assert short_decimal(exact) == short


def test_a_name_from_the_exchange_cannot_move_the_cursor_or_style_anything():
    evil = {**ORDER, "ticker": "A\x1b[2J\n[bold]B\u202e"}
    text = "\n".join(listed([evil]))
    assert "\x1b" not in text
    assert "A\\x1b[2J\\n[bold]B\\u202e" in text
    assert len(text.splitlines()) == 2


@pytest.mark.parametrize("columns", [tables.ORDERS, tables.POSITIONS, tables.FILLS, tables.MARKETS])
def test_every_table_fits_a_terminal_of_eighty_columns(columns):
    values = {
        "executed_at": "2026-11-20T12:05:08.410123Z",
        "ticker": TICKER,
        "key": ORDER["key"],
        "status": "resting",
        "side": "bid",
        "count": "-100.00",
        "held": "100.00",
    }
    row = {c.name: values.get(c.name, "0.1234") for c in columns}
    lines, _ = table_lines(columns, [row], width=80)
    assert max(map(len, lines)) <= 80


@pytest.mark.parametrize("text", ["2026-11-20T12:05:08.410123Z", "2026-11-20T12:05:08Z"])
def test_a_time_is_shown_to_the_second(text):
    assert cell(text, Column("x", "x", is_time=True)) == "2026-11-20 12:05:08"
