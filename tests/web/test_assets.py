import re
from pathlib import Path

import pytest

from traderd.model.states import TRANSITIONS, State
from traderd.model.strategy_events import TickOutcome
from traderd.services.console_verbs import VERBS
from traderd.web import assets

CONSOLE = Path(assets.__file__).parent / "console"


def text_of(name: str) -> str:
    return (CONSOLE / name).read_text(encoding="utf-8")


SCRIPTS = sorted(path.name for path in CONSOLE.glob("*.js"))


def test_every_file_of_the_page_is_in_the_table_and_the_other_way_round():
    assert sorted(name for name, _type in assets.TABLE.values()) == sorted(
        str(path.relative_to(CONSOLE)) for path in CONSOLE.rglob("*") if path.is_file()
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


def test_the_states_and_ways_that_are_drawn_are_those_of_the_table():
    script = text_of("machine.js")
    drawn = set(re.findall(r'\["([a-z_]+)", "([a-z_]+)"\]', script))
    anywhere = {State.ERROR, State.SHUTDOWN}
    table = {
        (state.value, target.value)
        for state, targets in TRANSITIONS.items()
        for target in targets
        if target not in anywhere
    }
    assert drawn == table
    placed = set(re.findall(r"^\s*(\w+): \[\[|, (\w+): \[\[", script, re.MULTILINE))
    assert {one or other for one, other in placed} >= {state.value for state in State}


def test_every_outcome_of_a_tick_has_its_words():
    assert [
        one.value for one in TickOutcome if f'["{one.value}", ' not in text_of("strategies.js")
    ] == []


def test_every_verb_that_a_button_asks_for_is_one_that_the_daemon_has():
    asked = set(re.findall(r'^  "?([a-z-]+)"?: \{', text_of("verb_words.js"), re.MULTILINE))
    assert len(asked) > 10
    assert asked <= set(VERBS)
    buttons = set(re.findall(r'data-verb="([a-z-]+)"', text_of("index.html")))
    assert (
        {"pause", "resume", "cancel-all", "flatten", "kill", "confirm-limits"} <= buttons <= asked
    )


def test_a_verb_takes_the_fields_that_its_dialog_sends_and_can_say_beforehand_what_it_would_do():
    entries = re.findall(
        r'^  "?([a-z-]+)"?: \{(.*?)\n?  ?\},', text_of("verb_words.js"), re.MULTILINE | re.DOTALL
    )
    assert len(entries) == len(
        re.findall(r"^    title: |^  .*\{ title: ", text_of("verb_words.js"), re.MULTILINE)
    )
    for verb, words in entries:
        fields = set(VERBS[verb][1])
        shown = re.search(r"fields: \[(.*?)\]", words)
        assert shown is not None
        assert set(re.findall(r'"(\w+)"', shown[1])) <= fields, verb
        assert ("previews: true" in words) <= ("dry_run" in fields), verb
        assert ("byPerson: true" in words) <= ("author" in fields), verb


def test_the_page_asks_nobody_else_for_anything():
    ours = [path for path in CONSOLE.iterdir() if path.is_file()]
    for path in ours:
        urls = re.findall(r"(?:https?:)?//[a-z0-9][a-z0-9.-]+\.[a-z]+", path.read_text("utf-8"))
        assert urls in ([], ["http://www.w3.org"])  # the SVG namespace is a name, not an address


def test_what_is_vendored_keeps_its_licence_and_asks_nobody_either():
    licence = (CONSOLE / "vendor" / "uPlot.LICENSE").read_text("utf-8")
    assert "The MIT License" in licence
    script = (CONSOLE / "vendor" / "uPlot.iife.min.js").read_text("utf-8")
    # The first line is a comment that says whose it is.
    code = script.split("*/", 1)[1]
    ways = r"https?://|innerHTML|\beval\b|new Function|fetch\(|XMLHttpRequest|WebSocket"
    assert re.findall(ways, code) == []


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
