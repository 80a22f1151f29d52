import io
import re
import subprocess
import sys

import pytest

from traderd.cli import tables, terminal_tables
from traderd.cli.terminal_tables import show_lines, show_listing, show_table

ORDER = {
    "key": "1a2b3c4d-1-7",
    "ticker": "KXMLBGAME-26AUG072140LADAZ-LAD",
    "side": "bid",
    "price_dollars": "0.600000",
    "count": "5.00",
    "filled": "0.00",
    "status": "resting",
    "owner": "person",
    "age_s": 3.0,
}


class Terminal(io.StringIO):
    def isatty(self):
        return True


@pytest.fixture
def shown(monkeypatch):
    def show(width, rows, *, no_color=""):
        monkeypatch.setenv("NO_COLOR", no_color)
        monkeypatch.setenv("TERM", "xterm-256color")
        stream = io.StringIO() if width is None else Terminal()
        monkeypatch.setattr(sys, "stdout", stream)
        show_listing("orders", tables.ORDERS, rows, environment="sim", width=width)
        return stream.getvalue()

    return show


def test_on_a_pipe_nothing_but_the_plain_lines(shown):
    expected = tables.listing("orders", tables.ORDERS, [ORDER], environment="sim", width=None)
    assert shown(None, [ORDER]) == "\n".join(expected) + "\n"


def test_on_a_terminal_it_is_drawn_in_colour_and_no_color_is_respected(shown):
    assert "\x1b[" in shown(200, [ORDER])
    plain = shown(200, [ORDER], no_color="1")
    assert "\x1b[3" not in plain
    assert "─" in plain
    for text in ("orders · sim", "1a2b3c4d-1-7", ORDER["ticker"], "0.60", "resting"):
        assert text in plain


def test_on_a_narrow_terminal_columns_are_left_out_and_no_key_is_cut(shown):
    plain = shown(70, [ORDER], no_color="1")
    assert "(no room for" in plain
    assert "age s" not in plain.splitlines()[1]
    assert max(map(len, plain.splitlines())) <= 70
    for text in (ORDER["key"], ORDER["ticker"], "5.00", "0.00", "resting"):
        assert text in plain


def test_on_a_narrow_terminal_a_market_stands_above_its_orders_and_their_colour_stays(shown):
    rows = [ORDER, ORDER | {"side": "ask"}, ORDER | {"ticker": "KXWNBAGAME-26AUG07PHXCONN-PHX"}]
    lines = shown(80, rows).splitlines()
    markets = [line for line in lines if line.startswith("KX")]
    assert markets == [ORDER["ticker"], "KXWNBAGAME-26AUG07PHXCONN-PHX"]
    at = lines.index(ORDER["ticker"])
    assert all(ORDER["key"] in line for line in (*lines[at + 1 : at + 3], lines[at + 4]))
    assert "\x1b[32mbid" in lines[at + 1]
    assert "\x1b[31mask" in lines[at + 2]


def test_without_rows_there_is_one_line(shown):
    assert shown(80, []) == "no orders (sim)\n"


def test_a_name_from_the_exchange_cannot_style_or_move_anything(shown):
    plain = shown(200, [ORDER | {"ticker": "[red]KX\x1b[2J"}], no_color="1")
    assert "[red]KX" in plain
    assert "\x1b[2J" not in plain


def test_rich_is_loaded_only_when_a_table_is_drawn():
    code = "import sys, traderd.cli.main; print('rich' in sys.modules)"
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ran.stdout == "False\n"


WORDS = (
    tables.Column("name", "name"),
    tables.Column("note", "note", droppable=True),
    tables.Column("what", "what", wraps=True),
    tables.Column("more", "more", droppable=True),
)
LONG = "one two three four five six seven eight nine ten eleven twelve thirteen fourteen"


@pytest.fixture
def drawn(monkeypatch):
    def draw(width, rows, columns=WORDS):
        monkeypatch.setenv("NO_COLOR", "1")
        stream = io.StringIO() if width is None else Terminal()
        monkeypatch.setattr(sys, "stdout", stream)
        show_table("heading", columns, rows, width=width)
        return stream.getvalue().splitlines()

    return draw


def test_words_go_on_several_lines_below_their_header_and_none_is_lost(drawn):
    lines = drawn(50, [{"name": "a" * 10, "note": "x", "what": LONG, "more": "y"}])
    assert max(map(len, lines)) <= 50
    (head,) = [line for line in lines if "what" in line]
    start = head.index("what")
    assert " ".join(line[start:].split("  ")[0].strip() for line in lines[3:-1]).startswith(
        "one two three four"
    )
    assert all(word in " ".join(lines) for word in LONG.split())
    assert LONG in drawn(None, [{"name": "a", "what": LONG}])[-1], "a pipe gets one line"


def test_a_column_that_says_nothing_goes_first_and_nobody_misses_it(drawn):
    columns = (
        tables.Column("name", "name"),
        tables.Column("empty", "a column without a word", droppable=True),
        tables.Column("more", "more", droppable=True),
    )
    lines = drawn(20, [{"name": "a", "empty": None, "more": "y"}], columns)
    assert "more" in lines[1]
    assert "without" not in "\n".join(lines)
    assert "no room for" not in "\n".join(lines)


def test_a_long_line_breaks_between_words_below_its_text_on_a_terminal_only(monkeypatch):
    monkeypatch.setattr(terminal_tables, "terminal_width", lambda: 40)
    monkeypatch.setenv("NO_COLOR", "")
    stream = Terminal()
    monkeypatch.setattr(sys, "stdout", stream)
    show_lines([f"HALT       {LONG}", f"books      {LONG}"], indent=11)
    lines = stream.getvalue().splitlines()
    assert lines[0].startswith("\x1b[31m\x1b[1mHALT\x1b[0m       one two")
    plain = [re.sub(r"\x1b\[[0-9;]*m", "", line) for line in lines]
    assert max(map(len, plain)) <= 40
    assert [line for line in plain if line[0] != " "] == [
        line for line in plain if line.startswith(("HALT", "books"))
    ]
    monkeypatch.setattr(terminal_tables, "terminal_width", lambda: None)
    pipe = io.StringIO()
    monkeypatch.setattr(sys, "stdout", pipe)
    show_lines([f"HALT       {LONG}"], indent=11)
    assert pipe.getvalue() == f"HALT       {LONG}\n"
