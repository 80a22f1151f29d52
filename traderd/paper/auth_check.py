"""Who is asking, and what may they: the three headers of a signed request, checked as Kalshi checks them.

Owns: the registry of API keys, the order of checks (headers, clock, key, signature), and what a key's scopes and its
lock to one subaccount allow (Kalshi: authentication, API keys).
Must not: decide which routes need what, or hold a private key.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

import attrs

from traderd.errors import UnitError
from traderd.kalshi import auth
from traderd.kalshi.wire.errors import Refusal, RequestRefused
from traderd.model.units import NS_PER_S, Timestamp, timestamp_from_ms
from traderd.paper import choices

KEY_HEADER: Final = auth.KEY_HEADER.lower()
TIMESTAMP_HEADER: Final = auth.TIMESTAMP_HEADER.lower()
SIGNATURE_HEADER: Final = auth.SIGNATURE_HEADER.lower()

RESTRICTED_KEY: Final = (
    "this API key is restricted to a single sub-account and cannot access this endpoint"
)
"""Kalshi: what a locked key hears outside of its set of endpoints."""
TIMESTAMP_DIGITS_MAX: Final = 16
"""Bounds the header's number: 13 digits are milliseconds until the year 2286."""


SCOPES: Final = (
    "read",
    "write",
    "read::block_trade_accept",
    "read::portfolio_balance",
    "write::trade",
    "write::transfer",
    "write::fcm_risk",
    "write::block_trade_accept",
)
"""Every scope there is (Kalshi: API keys). One with a `::` is a part of the one before it."""
FULL_ACCESS: Final = ("read", "write")
"""The scopes of a key that asked for none in particular."""


@attrs.frozen(kw_only=True)
class ApiKey:
    """One key and the account that it acts for."""

    key_id: str
    account_id: str
    public_key: auth.PublicKey
    name: str = ""
    scopes: tuple[str, ...] = FULL_ACCESS
    subaccount: int | None = None
    """The only one that it may read and trade on; None for a key without that lock."""

    def may(self, scope: str) -> bool:
        """Tell whether it was granted a scope, or the one that includes it."""
        return scope in self.scopes or scope.partition("::")[0] in self.scopes


def _nobody_listens(key: ApiKey, is_there: bool) -> None:
    pass


@attrs.define(eq=False)
class KeyRegistry:
    """The keys that the exchange knows."""

    past_window_s: int = choices.CLOCK_PAST_S
    future_window_s: int = choices.CLOCK_FUTURE_S
    on_change: Callable[[ApiKey, bool], None] = _nobody_listens
    """Told of every key that came (True) or went (False), for whoever keeps them over a restart."""
    _keys: dict[str, ApiKey] = attrs.field(factory=dict)

    def add(self, key: ApiKey) -> None:
        """Accept a key from now on; one with the same id is replaced."""
        self._keys[key.key_id] = key
        self.on_change(key, True)

    def remove(self, key_id: str) -> None:
        """Stop accepting a key; unknown ones are ignored."""
        key = self._keys.pop(key_id, None)
        if key is not None:
            self.on_change(key, False)

    def of(self, account_id: str) -> tuple[ApiKey, ...]:
        """Return an account's keys, oldest first."""
        return tuple(key for key in self._keys.values() if key.account_id == account_id)

    def claimed(self, headers: Mapping[str, str]) -> ApiKey | None:
        """Return the key that a request names, whether or not it can prove it; None if there is no such key."""
        return self._keys.get(headers.get(KEY_HEADER, ""))

    def authenticate(
        self, method: str, path: str, headers: Mapping[str, str], now: Timestamp
    ) -> ApiKey:
        """Return the key that signed the request; `path` is the whole path without the query.

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
        return key

    def _in_window(self, stamp: str, now: Timestamp) -> bool:
        if not (stamp.isascii() and stamp.isdigit() and len(stamp) <= TIMESTAMP_DIGITS_MAX):
            return False
        try:
            skew = timestamp_from_ms(int(stamp)) - now
        except UnitError:
            return False
        return -self.past_window_s * NS_PER_S <= skew <= self.future_window_s * NS_PER_S


def has_credentials(headers: Mapping[str, str]) -> bool:
    """Tell whether a request tries to say who it is: then it must be right, even where it need not."""
    return any(name in headers for name in (KEY_HEADER, TIMESTAMP_HEADER, SIGNATURE_HEADER))


def check_access(key: ApiKey, scope: str, *, account_wide: bool) -> None:
    """Refuse what a key was not made for.

    Args:
        key: whose signature was good.
        scope: what is needed, `""` for nothing in particular.
        account_wide: it concerns more than one subaccount.

    Raises:
        RequestRefused: 403.
    """
    if scope and not key.may(scope):
        raise _forbidden(choices.SCOPE_MISSING.format(scope=scope))
    if account_wide and key.subaccount is not None:
        raise _forbidden(RESTRICTED_KEY)


def own_subaccount(key: ApiKey | None, asked: int | None) -> int | None:
    """Return which subaccount a request acts on: the one it asks for, else the one that its key is locked to.

    Raises:
        RequestRefused: 403: a locked key asks for another one.
    """
    if key is None or key.subaccount is None:
        return asked
    if asked not in (None, key.subaccount):
        raise _forbidden(choices.OTHER_SUBACCOUNT)
    return key.subaccount


def _forbidden(message: str) -> RequestRefused:
    return RequestRefused(Refusal(status=403, code="forbidden", message=message))


def _refused(code: str) -> RequestRefused:
    return RequestRefused(Refusal(status=401, code=code, message=code.replace("_", " ")))


def _not_authentic(details: str) -> RequestRefused:
    word = "authentication_error"
    return RequestRefused(Refusal(status=401, code=word, message=word, details=details))
