"""Parameters of strategies: an attrs class whose fields say their type, their bounds and whether they may be changed live.

Owns: the helpers `setting` and `tunable`, the reading of texts as parameters, and the sentences when one is wrong.
Must not: know where a setting comes from, or who uses it.
"""

from __future__ import annotations

import typing
from collections.abc import Callable, Mapping
from typing import Any, Final

import attrs
import msgspec

from traderd.errors import BadInput

TUNABLE: Final = "traderd_tunable"
DOC: Final = "traderd_doc"
BOUNDS: Final[Mapping[str, tuple[Callable[[Any, Any], bool], str]]] = {
    "gt": (lambda value, bound: value > bound, "above"),
    "ge": (lambda value, bound: value >= bound, "at least"),
    "lt": (lambda value, bound: value < bound, "below"),
    "le": (lambda value, bound: value <= bound, "at most"),
}
ON_PARAMETERS: Final = "on_parameters"
"""The method by which a strategy takes changed parameters over."""


def setting(
    default: Any,
    *,
    ge: Any = None,
    le: Any = None,
    gt: Any = None,
    lt: Any = None,
    check: Callable[[Any], Any] | None = None,
    doc: str = "",
) -> Any:
    """Return a field of a parameters class: its default, its bounds and a line of help.

    `check` takes the value and raises BadInput when it cannot be: `check=parse_price`.
    """
    return _field(default, {"gt": gt, "ge": ge, "lt": lt, "le": le}, check, doc, is_tunable=False)


def tunable(
    default: Any,
    *,
    ge: Any = None,
    le: Any = None,
    gt: Any = None,
    lt: Any = None,
    check: Callable[[Any], Any] | None = None,
    doc: str = "",
) -> Any:
    """Return a field as `setting` does that may be changed while the strategy runs.

    The strategy takes the new parameters over in `on_parameters(parameters)`.
    """
    return _field(default, {"gt": gt, "ge": ge, "lt": lt, "le": le}, check, doc, is_tunable=True)


def _field(
    default: Any,
    bounds: dict[str, Any],
    check: Callable[[Any], Any] | None,
    doc: str,
    *,
    is_tunable: bool,
) -> Any:
    def validate(_: Any, field: attrs.Attribute[Any], value: Any) -> None:
        for name, bound in bounds.items():
            holds, words = BOUNDS[name]
            if bound is not None and not holds(value, bound):
                raise BadInput(f"{field.name} must be {words} {bound}, not {value!r}")
        if check is not None:
            try:
                check(value)
            except BadInput as exc:
                raise BadInput(f"{field.name}: {exc}") from exc

    metadata = {TUNABLE: is_tunable, DOC: doc}
    return attrs.field(default=default, validator=validate, metadata=metadata)


def read_parameters(cls: type, values: Mapping[str, Any], *, prefix: str) -> Any:
    """Return the parameters that these values make; the defaults stand for what is missing.

    Raises:
        BadInput: a name is unknown, or a value has the wrong type or is out of bounds; names the setting.
    """
    fields = attrs.fields_dict(cls)
    for name in values:
        if name not in fields:
            raise BadInput(f"{prefix}{name} does not exist; known are: {', '.join(fields)}")
    hints = typing.get_type_hints(cls)
    read = {}
    for name, value in values.items():
        try:
            read[name] = msgspec.convert(value, hints[name], strict=False)
        except msgspec.ValidationError as exc:
            raise BadInput(f"{prefix}{name}: {exc}") from exc
    try:
        return cls(**read)
    except BadInput as exc:
        raise BadInput(f"{prefix}{exc}") from exc
    except (TypeError, ValueError) as exc:
        raise BadInput(f"{prefix.rstrip('.')}: {exc}") from exc


def changed(parameters: Any, name: str, text: str, *, prefix: str) -> Any:
    """Return the parameters with one of them changed.

    Raises:
        BadInput: there is no such parameter, it is not live-tunable, or it cannot have this value.
    """
    fields = attrs.fields_dict(type(parameters))
    if name not in fields:
        raise BadInput(f"{prefix}{name} does not exist; known are: {', '.join(fields)}")
    if not is_tunable(fields[name]):
        can = ", ".join(one for one, field in fields.items() if is_tunable(field)) or "none"
        raise BadInput(
            f"{prefix}{name} cannot be changed while the strategy runs (those that can: {can}); "
            "change the configuration and restart the daemon"
        )
    values = {one: getattr(parameters, one) for one in fields} | {name: text}
    return read_parameters(type(parameters), values, prefix=prefix)


def is_tunable(field: attrs.Attribute[Any]) -> bool:
    """Tell whether a parameter may be changed live."""
    return bool(field.metadata.get(TUNABLE, False))


def doc_of(field: attrs.Attribute[Any]) -> str:
    """Return a parameter's line of help, empty when it has none."""
    return str(field.metadata.get(DOC, ""))


def tunable_names(cls: type) -> tuple[str, ...]:
    """Return the parameters that may be changed live."""
    return tuple(field.name for field in attrs.fields(cls) if is_tunable(field))
