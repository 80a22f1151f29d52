"""The console in headless Chromium, in front of a real daemon on its embedded exchange."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.process_tools import DaemonProcess, running_daemon

CHROMIUM = next(
    filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None
)
ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
FILL_BUDGET_MS = 60_000

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(CHROMIUM is None, reason="this machine has no Chromium (Debian: chromium)"),
]


@pytest.fixture
def daemon(tmp_path: Path) -> Iterator[DaemonProcess]:
    with running_daemon(tmp_path / "state") as process:
        process.wait_ready()
        yield process


def test_the_page_loads_reads_ready_and_shows_a_fill_without_console_errors(
    daemon: DaemonProcess, tmp_path: Path
) -> None:
    from playwright.sync_api import expect, sync_playwright

    complaints: list[str] = []
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        page = browser.new_page(viewport={"width": 1280, "height": 900})
        page.on(
            "console",
            lambda message: complaints.append(message.text) if message.type == "error" else None,
        )
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.goto(daemon.url)
        state = page.locator("#state")
        expect(state).to_contain_text("ready", timeout=10_000)
        expect(page.locator("#environment")).to_contain_text("sim", ignore_case=True)
        expect(page).to_have_title("sim · traderd")
        expect(page.locator("#fills tbody")).to_contain_text("KX", timeout=FILL_BUDGET_MS)
        expect(page.locator("#balance")).not_to_have_text("–")
        expect(page.locator("#log")).to_contain_text("filled")
        page.screenshot(path=tmp_path / "console.png", full_page=True)
        browser.close()
    assert complaints == []
    fills = daemon.client.get("/v3/fills")["fills"]
    assert fills, "the page showed a fill that the daemon does not know"


def test_the_page_says_so_when_the_daemon_is_gone_and_comes_back_by_itself(
    daemon: DaemonProcess,
) -> None:
    from playwright.sync_api import expect, sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        page = browser.new_page(viewport={"width": 390, "height": 800})
        page.goto(daemon.url)
        expect(page.locator("#state")).to_contain_text("ready", timeout=10_000)
        assert daemon.stop() == 0
        expect(page.locator("#link")).not_to_contain_text("live", timeout=10_000)
        with running_daemon(daemon.state_dir, web__port=daemon.port) as again:
            again.wait_ready()
            expect(page.locator("#link")).to_contain_text("live", timeout=30_000)
        browser.close()
