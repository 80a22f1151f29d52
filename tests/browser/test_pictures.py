"""The pictures of the docs, made of a daemon that trades; with TRADERD_PICTURES=1 they go to docs/pictures."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Any

from tests.browser.pages import NEEDS_BROWSER, give_token, open_page, unexpected
from tests.process_tools import ROOT, running_daemon

PICTURE_MAX_BYTES = 150_000
QUALITY = 60
FILL_BUDGET_MS = 180_000

pytestmark = NEEDS_BROWSER


def take(what: Any, folder: Path, name: str) -> None:
    path = folder / f"{name}.jpg"
    what.screenshot(path=path, type="jpeg", quality=QUALITY)
    assert 5_000 < path.stat().st_size < PICTURE_MAX_BYTES, path


def test_the_pictures_of_the_docs_are_of_this_page(tmp_path: Path) -> None:
    from playwright.sync_api import expect

    folder = tmp_path
    if os.environ.get("TRADERD_PICTURES"):
        folder = ROOT / "docs" / "pictures"
        folder.mkdir(exist_ok=True)
    with running_daemon(tmp_path / "state") as daemon:
        daemon.wait_ready()
        with open_page() as (page, complaints):
            page.goto(daemon.url)
            expect(page.locator("#fills tbody")).to_contain_text("KX", timeout=FILL_BUDGET_MS)
            expect(page.locator("#strategies .funnel")).to_contain_text("order")
            page.set_viewport_size({"width": 1280, "height": 1000})
            page.wait_for_timeout(1_500)
            take(page, folder, "console-desktop")
            page.keyboard.press("k")
            give_token(page, daemon)
            expect(page.locator("#verb-preview")).to_contain_text("nothing is done")
            dialog = page.locator("#verb-dialog")
            take(dialog, folder, "console-kill")
            page.keyboard.press("Escape")
            expect(dialog).to_be_hidden()
            page.emulate_media(color_scheme="light")
            page.set_viewport_size({"width": 390, "height": 1200})
            expect(page.locator("#machine")).to_have_attribute("viewBox", re.compile("380 340"))
            page.wait_for_timeout(1_500)
            take(page, folder, "console-phone")
            assert unexpected(complaints) == []
