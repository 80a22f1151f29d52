"""Asks about plugins.

Owns: their types; `commands.py` lists them with all others.
Must not: hold facts (see `plugin_events.py`).
"""

from __future__ import annotations

import attrs

from traderd.model.state_events import Author


@attrs.frozen(kw_only=True)
class ReloadPlugin:
    """Read the file of a plugin again and let it take the place of what runs; one that does not fit changes nothing."""

    plugin: str
    author: Author = Author.PERSON
    by: str = ""


@attrs.frozen(kw_only=True)
class DisablePlugin:
    """Stop using a plugin, also after a restart; the orders of its strategies are cancelled."""

    plugin: str
    author: Author = Author.PERSON
    by: str = ""


@attrs.frozen(kw_only=True)
class EnablePlugin:
    """Use a plugin again that was disabled or quarantined."""

    plugin: str
    author: Author = Author.PERSON
    by: str = ""
