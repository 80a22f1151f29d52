"""The files of the console page, from a fixed table.

Owns: which paths are served and as what.  A path that is not in the table does not exist, so there is
nothing to traverse.
Must not: read a file that a request named.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

import attrs

_HTML: Final = "text/html; charset=utf-8"
_CSS: Final = "text/css; charset=utf-8"
_SCRIPT: Final = "text/javascript; charset=utf-8"

TABLE: Final = {
    "/": ("index.html", _HTML),
    "/console/style.css": ("style.css", _CSS),
    "/console/icon.svg": ("icon.svg", "image/svg+xml"),
    "/console/app.js": ("app.js", _SCRIPT),
    "/console/book.js": ("book.js", _SCRIPT),
    "/console/charts.js": ("charts.js", _SCRIPT),
    "/console/commands.js": ("commands.js", _SCRIPT),
    "/console/connection.js": ("connection.js", _SCRIPT),
    "/console/dom.js": ("dom.js", _SCRIPT),
    "/console/drawing.js": ("drawing.js", _SCRIPT),
    "/console/feed.js": ("feed.js", _SCRIPT),
    "/console/focus.js": ("focus.js", _SCRIPT),
    "/console/health.js": ("health.js", _SCRIPT),
    "/console/keyed.js": ("keyed.js", _SCRIPT),
    "/console/keys.js": ("keys.js", _SCRIPT),
    "/console/log.js": ("log.js", _SCRIPT),
    "/console/machine.js": ("machine.js", _SCRIPT),
    "/console/place.js": ("place.js", _SCRIPT),
    "/console/risk.js": ("risk.js", _SCRIPT),
    "/console/services.js": ("services.js", _SCRIPT),
    "/console/status.js": ("status.js", _SCRIPT),
    "/console/strategies.js": ("strategies.js", _SCRIPT),
    "/console/tables.js": ("tables.js", _SCRIPT),
    "/console/transitions.js": ("transitions.js", _SCRIPT),
    "/console/verb_words.js": ("verb_words.js", _SCRIPT),
    "/console/verbs.js": ("verbs.js", _SCRIPT),
    "/console/vendor/uPlot.iife.min.js": ("vendor/uPlot.iife.min.js", _SCRIPT),
    "/console/vendor/uPlot.min.css": ("vendor/uPlot.min.css", _CSS),
    "/console/vendor/uPlot.LICENSE": ("vendor/uPlot.LICENSE", "text/plain; charset=utf-8"),
}
"""URL path to file and content type."""


@attrs.frozen(kw_only=True)
class Asset:
    """One file of the page."""

    path: str
    content_type: str
    body: bytes


def load_assets() -> tuple[Asset, ...]:
    """Read the whole page, once, when the application is made; raises OSError when a file is missing."""
    folder = Path(__file__).parent / "console"
    return tuple(
        Asset(path=path, content_type=content_type, body=(folder / name).read_bytes())
        for path, (name, content_type) in TABLE.items()
    )
