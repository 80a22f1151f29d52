import io
import subprocess
import sys

import pytest

from traderd.cli import tables
from traderd.cli.terminal_tables import show_listing

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
    plain = shown(80, [ORDER], no_color="1")
    assert "(no room for" in plain
    assert "owner" not in plain.splitlines()[1]
    for text in (ORDER["key"], ORDER["ticker"], "resting"):
        assert text in plain


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
