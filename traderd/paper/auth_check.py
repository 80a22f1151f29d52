"""Who is asking: the three headers of a signed request, checked as Kalshi checks them.

Owns: the registry of API keys and the order of checks: headers, clock, key, signature (Kalshi: authentication).
Must not: decide which routes need an account, or hold a private key.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import attrs

from traderd.kalshi import auth
from traderd.kalshi.wire.errors import Refusal, RequestRefused
from traderd.model.units import NS_PER_S, Timestamp, timestamp_from_ms

KEY_HEADER: Final = auth.KEY_HEADER.lower()
TIMESTAMP_HEADER: Final = auth.TIMESTAMP_HEADER.lower()
SIGNATURE_HEADER: Final = auth.SIGNATURE_HEADER.lower()

PAST_WINDOW_S: Final = 10
FUTURE_WINDOW_S: Final = 30
"""Bound a client's clock: 5 s either way was accepted and 30 s in the past refused (Kalshi: capture on demo)."""
TIMESTAMP_DIGITS_MAX: Final = 16
"""Bounds the header's number: 13 digits are milliseconds until the year 2286."""


@attrs.frozen(kw_only=True)
class ApiKey:
    """One key and the account that it acts for."""

    key_id: str
    account_id: str
    public_key: auth.PublicKey


@attrs.define(eq=False)
class KeyRegistry:
    """The keys that the exchange knows."""

    past_window_s: int = PAST_WINDOW_S
    future_window_s: int = FUTURE_WINDOW_S
    _keys: dict[str, ApiKey] = attrs.field(factory=dict)

    def add(self, key: ApiKey) -> None:
        """Accept a key from now on; one with the same id is replaced."""
        self._keys[key.key_id] = key

    def remove(self, key_id: str) -> None:
        """Stop accepting a key; unknown ones are ignored."""
        self._keys.pop(key_id, None)

    def authenticate(
        self, method: str, path: str, headers: Mapping[str, str], now: Timestamp
    ) -> str:
        """Return the account that signed the request; `path` is the whole path without the query.

        Raises:
            RequestRefused: 401 with the body that Kalshi sends for the first check that fails.
        """
        key_id = headers.get(KEY_HEADER, "")
        stamp = headers.get(TIMESTAMP_HEADER, "")
        signature = headers.get(SIGNATURE_HEADER, "")
        if not signature:
            raise _refused("signature_is_missing_from_headers")
        if not stamp:
            raise _refused("timestamp_is_missing_from_headers")
        if not key_id:
            raise _refused("api_key_is_missing_from_headers")
        if not self._in_window(stamp, now):
            raise _refused("header_timestamp_expired")
        key = self._keys.get(key_id)
        if key is None:
            raise _not_authentic("NOT_FOUND")
        text = auth.signed_text(stamp, method, path)
        if not auth.verify_signature(key.public_key, signature, text):
            raise _not_authentic("INCORRECT_API_KEY_SIGNATURE")
        return key.account_id

    def _in_window(self, stamp: str, now: Timestamp) -> bool:
        if not (stamp.isascii() and stamp.isdigit() and len(stamp) <= TIMESTAMP_DIGITS_MAX):
            return False
        skew = timestamp_from_ms(int(stamp)) - now
        return -self.past_window_s * NS_PER_S <= skew <= self.future_window_s * NS_PER_S


def has_credentials(headers: Mapping[str, str]) -> bool:
    """Tell whether a request tries to say who it is: then it must be right, even where it need not."""
    return any(name in headers for name in (KEY_HEADER, TIMESTAMP_HEADER, SIGNATURE_HEADER))


def _refused(code: str) -> RequestRefused:
    return RequestRefused(Refusal(status=401, code=code, message=code.replace("_", " ")))


def _not_authentic(details: str) -> RequestRefused:
    word = "authentication_error"
    return RequestRefused(Refusal(status=401, code=word, message=word, details=details))
