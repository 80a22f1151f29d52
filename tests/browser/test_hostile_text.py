"""What others wrote (reasons, names, titles, log lines) is shown as text that moves and hides nothing beside it."""

from __future__ import annotations

import itertools

import pytest

from tests.browser.pages import (
    NEEDS_BROWSER,
    open_console,
    open_page,
    stopped,
    unexpected,
    until_drawn,
)
from tests.process_tools import DaemonProcess
from traderd.runtime.log_text import clean_text

REVERSES = "<b>KX</b>\u202eabc\x1b]0;pwned\x07\u2066\x00\u200f\u2028end"
ARABIC = "\u0645\u0631\u062d\u0628\u0627 123"
CONTROLS = [
    *map(chr, range(0x20)),
    "\x7f",
    "\x85",
    "\u200e",
    "\u202a",
    "\u2069",
    "\ud800",
    "\U0001f600",
    "\xe9",
    "\u202f",
]
FILL = """async (name) => {
  const { showHalts } = await import("/console/risk.js");
  const { showHealth } = await import("/console/health.js");
  const { showStrategies } = await import("/console/strategies.js");
  const { Positions } = await import("/console/tables.js");
  const { Log } = await import("/console/log.js");
  showHalts({ halts: [{ id: "person", reason: name, raised_at: "2026-11-20T10:29:00Z", author: "person" }],
    pauses: [{ ticker: name, reason: name, by: name, paused_at: "2026-11-20T10:29:00Z" }], paused: {} });
  showHealth({ health: "degraded", problems: [name] });
  showStrategies({ tenants: [{ strategy: name, status: "quarantined", reason: name, ticks: 5, outcomes: {}, commands: 0, in_flight: 0 }],
    denials: [{ owner: name, rule: name, count: 1, last_sentence: name }] });
  new Positions().show({ ticker: name, count: "5", side: "YES", held: "5.00" });
  const log = new Log();
  log.clear();
  log.add({ at: "2026-11-20T10:29:00.000000Z", level: "error", event: name, fields: { service: name, told: name, box: `a\\tb\\n${name}` } });
}"""
READ_OF_ATTRIBUTES = """(root, mark) => [...root.querySelectorAll("*")].filter((one) => `${one.title} ${one.ariaLabel}`.includes(mark))"""
SHOWN = ["#halts", "#pauses", "#problems", "#strategies", "#denials", "#positions", "#log"]

pytestmark = NEEDS_BROWSER


def test_what_cannot_be_seen_is_written_out_as_the_command_line_does(daemon: DaemonProcess) -> None:
    with open_page() as (page, complaints):
        open_console(page, daemon)
        found = page.evaluate(
            """async (numbers) => {
              const { clean, cleanBlock } = await import("/console/dom.js");
              const texts = numbers.map((number) => String.fromCodePoint(number));
              return [texts.map(clean), texts.map(cleanBlock)];
            }""",
            [ord(one) for one in CONTROLS],
        )
        assert found[0] == [clean_text(one) for one in CONTROLS]
        assert found[1] == [clean_text(one, block=True) for one in CONTROLS]
        with stopped(daemon):
            until_drawn(page)
            page.evaluate(FILL, REVERSES)
            until_drawn(page)
            for selector in SHOWN:
                text = page.locator(selector).evaluate("(one) => one.textContent")
                assert clean_text(REVERSES) in text, selector
                assert page.locator(selector).evaluate(READ_OF_ATTRIBUTES, "\u202e") == [], selector
            assert page.locator("#log pre").last.inner_text() == f"a\tb\n{clean_text(REVERSES)}"
        assert unexpected(complaints) == []


@pytest.mark.parametrize("reason", [REVERSES, ARABIC])
def test_a_reason_leaves_what_stands_beside_it_where_it_is(
    daemon: DaemonProcess, reason: str
) -> None:
    from playwright.sync_api import expect

    with open_page(width=1900) as (page, complaints):
        open_console(page, daemon)
        daemon.client.command("halt", {"reason": reason, "author": reason})
        halt = page.locator("#halts li")
        expect(halt).to_contain_text(clean_text(reason))
        # Each piece begins where the one before it ends, in the order in which it is written.
        edges = halt.evaluate(
            """(item) => {
              const walk = document.createTreeWalker(item.querySelector(".what"), NodeFilter.SHOW_TEXT);
              const found = [];
              for (let node = walk.nextNode(); node; node = walk.nextNode()) {
                if (!node.data.trim()) continue;
                const range = document.createRange();
                range.selectNodeContents(node);
                const { left, right } = range.getBoundingClientRect();
                found.push([Math.round(left), Math.round(right)]);
              }
              return found;
            }"""
        )
        assert len(edges) >= 6
        assert all(before[1] <= after[0] + 1 for before, after in itertools.pairwise(edges))
        assert unexpected(complaints) == []
