"""How settings are shown to people: what is secret is masked, whoever shows it.

Owns: which settings are secrets, and what is shown of each.
Must not: import more than the language and the log's masks: commands that start fast use it.
"""

from __future__ import annotations

from typing import Any, Final
from urllib.parse import urlsplit

from traderd.runtime.log_text import MASK, Plain, clean_field, is_secret_name

KEY_ID: Final = "exchange.key_id"
KEY_ID_SHOWN: Final = 4
"""Of a key's id, which is not the key, but half of what is needed to use one: enough to tell two apart."""
WEBHOOK: Final = "notify.webhook.url"
"""Of some services the address is the secret: whoever knows it may post there."""
STRATEGIES: Final = "strategies."


def mask_key_id(key_id: str) -> str:
    """Return a key's id as it may be shown."""
    return f"{key_id[:KEY_ID_SHOWN]}…" if len(key_id) > 2 * KEY_ID_SHOWN else "…" * bool(key_id)


def masked_setting(name: str, value: Any) -> Plain:
    """Return a setting's value as JSON says it, masked when `name` (dotted) is that of a secret."""
    if name == KEY_ID and isinstance(value, str):
        return mask_key_id(value)
    if name == WEBHOOK and isinstance(value, str) and value:
        return _host_of(value)
    return clean_field(_telling_part(name), value)


def show_setting(name: str, value: Any) -> str:
    """Return a setting's value for people: `the default` where nothing is set, secrets masked."""
    if value is None or value == "":
        return "the default"
    shown = masked_setting(name, value)
    if isinstance(shown, list):
        return ",".join(str(one) for one in shown) or "none"
    return str(shown)


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
