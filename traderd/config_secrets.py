"""How settings are shown to people: what is secret is masked, whoever shows it.

Owns: which settings are secrets, what is shown of each, and that no sentence about settings holds the value of a secret one.
Must not: import more than the language and the log's masks: commands that start fast use it.
"""

from __future__ import annotations

import typing
from collections.abc import Iterator, Mapping
from typing import Any, Final
from urllib.parse import urlsplit

import attrs
import msgspec

from traderd.runtime.log_text import (
    MASK,
    Plain,
    clean_field,
    is_key_material,
    is_secret_name,
)

KEY_ID: Final = "exchange.key_id"
KEY_FILES: Final = ("exchange.key_file", "web.tls_key")
"""Paths, which are no secrets, but sometimes hold the key itself."""
KEY_ID_SHOWN: Final = 4
"""Of a key's id, which is not the key, but half of what is needed to use one: enough to tell two apart."""
WEBHOOK: Final = "notify.webhook.url"
"""Of some services the address is the secret: whoever knows it may post there."""
STRATEGIES: Final = "strategies."
NUMBERS: Final = (int, float, type(None))
"""Types of parameters that are shown under any name, as in the log."""


def mask_key_id(key_id: str) -> str:
    """Return a key's id as it may be shown."""
    return f"{key_id[:KEY_ID_SHOWN]}…" if len(key_id) > 2 * KEY_ID_SHOWN else "…" * bool(key_id)


def masked_setting(name: str, value: Any) -> Plain:
    """Return a setting's value as JSON says it, masked when `name` (dotted) is that of a secret."""
    if value is None or value == "":
        # That a secret is not set is no secret, and often the fault that somebody looks for.
        return clean_field("", value)
    if name in (KEY_ID, WEBHOOK) and value:
        if not isinstance(value, str):
            return MASK
        return mask_key_id(value) if name == KEY_ID else _host_of(value)
    if name in KEY_FILES and isinstance(value, str):
        return MASK if is_key_material(value) else clean_field("", value)
    return clean_field(_telling_part(name), value)


def show_setting(name: str, value: Any) -> str:
    """Return a setting's value for people: `the default` where nothing is set, secrets masked."""
    if value is None or value == "":
        return "the default"
    shown = masked_setting(name, value)
    if isinstance(shown, list):
        return ",".join(str(one) for one in shown) or "none"
    return str(shown)


def is_secret(name: str, value: Any) -> bool:
    """Tell whether a setting with this value is a secret: a number never is one, and where nothing is set nothing is hidden."""
    return bool(value) and masked_setting(name, value) != clean_field("", value)


def secret_parameters(parameters: type) -> tuple[str, ...]:
    """Return which fields of a strategy's class of parameters are secrets: those that are called so, and are no numbers."""
    named = [field.name for field in attrs.fields(parameters) if is_secret_name(field.name)]
    if not named:
        return ()
    kinds = typing.get_type_hints(parameters)
    return tuple(name for name in named if not _is_number(kinds[name]))


def _is_number(kind: Any) -> bool:
    kinds = (getattr(one, "__supertype__", one) for one in typing.get_args(kind) or (kind,))
    return all(isinstance(one, type) and issubclass(one, NUMBERS) for one in kinds)


def all_secret_texts(config: msgspec.Struct) -> tuple[str, ...]:
    """Return every text of a whole configuration that must not be seen."""
    return tuple(secret_texts("", msgspec.to_builtins(config)))


def secret_texts(name: str, value: Any) -> Iterator[str]:
    """Yield the texts that must not be seen of a setting, or of a table of settings with everything in it."""
    if isinstance(value, Mapping):
        for key, item in value.items():
            yield from secret_texts(f"{name}.{key}" if name else key, item)
    elif isinstance(value, list | tuple):
        for item in value:
            yield from secret_texts(name, item)
    elif is_secret(name, value):
        yield str(value)


def _telling_part(name: str) -> str:
    # What lies in a table called `secrets` is one, whatever it is called itself; what a strategy is called tells nothing.
    parts = name.split(".")[2 if name.startswith(STRATEGIES) else 0 :]
    return next((part for part in parts if is_secret_name(part)), parts[-1] if parts else "")


def _host_of(address: str) -> str:
    try:
        parts = urlsplit(address)
        return f"{parts.scheme}://{parts.hostname}/{MASK}" if parts.hostname else MASK
    except ValueError:
        return MASK
