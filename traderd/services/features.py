"""The numbers that plugins add to observations.

Owns: their order (by name), and that one which fails counts as 0 and is listed: the length of a row never depends on luck.
Must not: give a plugin anything but the observation, which is replayed from recordings.
"""

from __future__ import annotations

import attrs

from traderd.core.observation import Observation
from traderd.services.extensions import Extensions


def with_features(extensions: Extensions, seen: Observation) -> Observation:
    """Return an observation with the feature of every plugin, in the order of their names."""
    if not extensions.features:
        return seen
    found: dict[str, int] = {}
    for owned in extensions.features:
        try:
            found[owned.item.name] = owned.item.read(seen)
        except Exception as exc:  # noqa: BLE001 - a foreign function may fail in any way; it is listed
            found[owned.item.name] = 0
            # Its guard has counted the strike.
            what = f"observation feature {owned.item.name}"
            extensions.faults.note(owned.plugin, what, exc, is_strike=False)
    return attrs.evolve(seen, features=tuple(sorted(found.items())))
