"""Strategies and plugins that fail, as the console tells of them, in headless Chromium."""

from __future__ import annotations

from pathlib import Path
from textwrap import dedent

from tests.browser.pages import NEEDS_BROWSER, give_token, open_page, unexpected
from tests.process_tools import running_daemon

QUARANTINE_MS = 120_000
CLUMSY = """
import attrs
from traderd.plugin_api import StrategySpec, hookimpl


@attrs.frozen(kw_only=True)
class Parameters:
    pass


class Clumsy:
    def __init__(self, parameters):
        pass

    def decide(self, observation):
        raise ValueError("the model has no weights")


@hookimpl
def traderd_strategies():
    return [StrategySpec(name="clumsy", make=Clumsy, parameters=Parameters, enabled_in_sim=True)]
"""
UNREADABLE = "import traderd.plugin_apy\n"

pytestmark = NEEDS_BROWSER


def test_a_strategy_that_fails_says_why_no_trade_and_is_released_by_a_person(
    tmp_path: Path,
) -> None:
    from playwright.sync_api import expect

    plugins = tmp_path / "folder" / "plugins"
    plugins.mkdir(parents=True)
    plugins.chmod(0o755)
    (plugins / "clumsy.py").write_text(dedent(CLUMSY), encoding="utf-8")
    (plugins / "unreadable.py").write_text(UNREADABLE, encoding="utf-8")
    with running_daemon(tmp_path / "state", directory=tmp_path / "folder") as daemon:
        daemon.wait_ready()
        with open_page() as (page, complaints):
            page.goto(daemon.url)
            strategy = page.locator("#strategies [data-key=clumsy]")
            expect(strategy).to_contain_text("quarantined", timeout=QUARANTINE_MS)
            expect(strategy.locator(".funnel dt")).to_contain_text(["failed"])
            page.locator("#why-panel summary").click()
            expect(page.locator("#why tbody")).to_contain_text("clumsy")
            # A plugin that cannot be used says what is wrong and what to do.
            plugin = page.locator("#plugins [data-key=unreadable]")
            expect(plugin).to_contain_text("failed")
            expect(plugin).to_contain_text("plugin_apy")
            expect(plugin).to_contain_text("What to do:")
            page.wait_for_timeout(3_000)
            # A click as slow as a person's, on what a status every second makes anew.
            strategy.get_by_role("button", name="Release").hover()
            page.mouse.down()
            page.wait_for_timeout(1_200)
            page.mouse.up()
            page.locator("#verb-confirm").click()
            give_token(page, daemon)
            expect(page.locator("#verb-outcome")).to_contain_text("done")
            page.locator("#verb-close").click()
            # It fails again, so nothing was healed by the click.
            expect(strategy).to_contain_text("quarantined", timeout=QUARANTINE_MS)
            assert unexpected(complaints) == []
