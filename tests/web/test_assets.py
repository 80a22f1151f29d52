import re
from pathlib import Path

import pytest

from traderd.web import assets

CONSOLE = Path(assets.__file__).parent / "console"


def text_of(name: str) -> str:
    return (CONSOLE / name).read_text(encoding="utf-8")


SCRIPTS = sorted(path.name for path in CONSOLE.glob("*.js"))


def test_every_file_of_the_page_is_in_the_table_and_the_other_way_round():
    assert sorted(name for name, _type in assets.TABLE.values()) == sorted(
        path.name for path in CONSOLE.iterdir()
    )


def test_the_assets_are_read_with_their_content_types():
    loaded = {asset.path: asset for asset in assets.load_assets()}
    assert loaded["/"].content_type == "text/html; charset=utf-8"
    assert loaded["/"].body.startswith(b"<!doctype html>")
    assert loaded["/console/app.js"].content_type == "text/javascript; charset=utf-8"


@pytest.mark.parametrize("name", SCRIPTS)
def test_no_script_turns_text_into_markup_or_code(name):
    ways = r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\b|new Function|srcdoc"
    assert re.findall(ways, text_of(name)) == []


@pytest.mark.parametrize("name", SCRIPTS)
def test_every_import_of_a_script_is_served(name):
    imported = re.findall(r'from "\./([^"]+)"', text_of(name))
    assert {f"/console/{module}" for module in imported} <= set(assets.TABLE)


def test_the_page_asks_nobody_else_for_anything():
    for path in CONSOLE.iterdir():
        urls = re.findall(r"(?:https?:)?//[a-z0-9][a-z0-9.-]+\.[a-z]+", path.read_text("utf-8"))
        assert urls in ([], ["http://www.w3.org"])  # the SVG namespace is a name, not an address


def test_the_page_has_no_inline_script_or_style():
    page = text_of("index.html")
    assert re.findall(r"<script(?![^>]*src=)|<style|\sstyle=|\son[a-z]+=", page) == []


def test_every_element_that_a_script_looks_up_exists():
    page_ids = set(re.findall(r'\bid="([^"]+)"', text_of("index.html")))
    wanted = {
        wanted for name in SCRIPTS for wanted in re.findall(r'byId\("([^"]+)"\)', text_of(name))
    }
    assert len(wanted) > 20
    assert wanted <= page_ids


def test_the_handles_for_people_who_test_the_page_are_there():
    page_ids = set(re.findall(r'\bid="([^"]+)"', text_of("index.html")))
    handles = ["state", "environment", "health", "orders", "positions", "fills", "log"]
    assert {*handles, "transitions", "balance"} <= page_ids
