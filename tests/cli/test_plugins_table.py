from traderd.cli.plugins_table import COLUMNS, plugin_notes, plugin_rows
from traderd.cli.tables import listing


def plugin_lines(document):
    rows = plugin_rows(document)
    table = listing("plugins", COLUMNS, rows, environment="sim", width=None)
    return [*table, *plugin_notes(document)]


def plugin(**facts):
    return {
        "name": "mine",
        "state": "running",
        "origin": "drop-in",
        "file": "/x/mine.py",
        "line": None,
        "version": "1.0",
        "offers": {"strategies": ["a", "b"]},
        "reason": "",
        "cure": "",
        "services": {},
        "calls": {},
    } | facts


def test_a_plugin_is_one_line_with_what_it_offers():
    calls = {"f": {"p99_ms": 0.5}, "g": {"p99_ms": 2.25}, "h": {"p99_ms": None}}
    services = {"s": {"status": "running", "detail": "", "restarts": 3}}
    document = {"daemon": True, "plugins": [plugin(calls=calls, services=services)]}
    lines = plugin_lines(document)
    assert lines[0].split()[:2] == ["plugin", "state"]
    assert lines[1].endswith("  strategies a, b")
    assert " 3 " in lines[1]
    assert "2.25" in lines[1]
    assert len(lines) == 2


def test_what_does_not_run_is_explained_below():
    one = plugin(state="failed", line=7, reason="it broke\x1b[2J", cure="mend it")
    service = {"s": {"status": "quarantined", "detail": "broke", "restarts": 5}}
    document = {"daemon": False, "plugins": [one, plugin(name="b", services=service)]}
    text = "\n".join(plugin_lines(document))
    assert "mine is failed: /x/mine.py:7" in text
    assert "why:  it broke" in text
    assert "\x1b" not in text
    assert "cure: mend it" in text
    assert "service s is quarantined: broke" in text
    assert "no daemon runs here" in text


def test_no_plugins_is_said():
    assert plugin_lines({"daemon": True, "plugins": []}) == ["no plugins (sim)"]
