"""Facts of plugins that come, go, and are taken out of use.

Owns: one event that the journal keeps, so that a person can see afterwards which code traded when.
Must not: hold what a plugin offers.
"""

from __future__ import annotations

import enum

import attrs

from traderd.model.state_events import Author
from traderd.model.units import Timestamp


class PluginChange(enum.Enum):
    """What became of a plugin."""

    RELOADED = "reloaded"
    """Its file was read again and took the place of what ran."""
    RELOAD_REFUSED = "reload_refused"
    """The file does not fit; what ran goes on."""
    DISABLED = "disabled"
    ENABLED = "enabled"
    QUARANTINED = "quarantined"
    """It failed too often and is not called any more."""


@attrs.frozen(kw_only=True)
class PluginChanged:
    """A plugin was reloaded, disabled, enabled or quarantined."""

    at: Timestamp
    plugin: str
    change: PluginChange
    detail: str
    """For a person: what was stopped, started and adopted, or why not."""
    author: Author = Author.PERSON
    by: str = ""
    """The name of the person, as far as it is known."""
