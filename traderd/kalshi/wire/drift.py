"""What is wrong with a frame that could not be decoded, and in which field.

Owns: reading it out of the decoder's complaint, so that departures can be counted by kind.
Must not: decide what follows from one.
"""

from __future__ import annotations

import re
from typing import Final

import msgspec

from traderd.errors import BadInput, ExchangeProtocolError
from traderd.model.events import Drift

TYPE_FIELD: Final = "type"
_PLACE: Final = re.compile(r" - at `\$\.?(?P<place>[^`]*)`$")
_MISSING: Final = re.compile(r"^Object missing required field `(?P<field>[^`]+)`")
_UNKNOWN: Final = "Invalid enum value "
_UNKNOWN_TAG: Final = "Invalid value "


def drift_of(problem: Exception) -> tuple[Drift, str]:
    """Return the kind of departure and the path of the field, empty when the complaint names none.

    Takes what a decoder raises: msgspec's errors, UnicodeDecodeError, RecursionError, and our own of a value.
    """
    if isinstance(problem, msgspec.ValidationError):
        return _of_complaint(str(problem))
    if isinstance(problem, ExchangeProtocolError):
        return Drift.UNKNOWN_VALUE, ""
    if isinstance(problem, BadInput):
        return Drift.WRONG_VALUE, ""
    return Drift.UNREADABLE, ""


def _of_complaint(complaint: str) -> tuple[Drift, str]:
    found = _PLACE.search(complaint)
    place = "" if found is None else found["place"]
    missing = _MISSING.match(complaint)
    if missing is not None:
        if missing["field"] == TYPE_FIELD and not place:
            return Drift.UNKNOWN_TYPE, ""
        return Drift.MISSING_FIELD, f"{place}.{missing['field']}".lstrip(".")
    if complaint.startswith(_UNKNOWN):
        return Drift.UNKNOWN_VALUE, place
    if complaint.startswith(_UNKNOWN_TAG) and place == TYPE_FIELD:
        return Drift.UNKNOWN_TYPE, ""
    return Drift.WRONG_VALUE, place
