"""Who may do what: host names, tokens, roles.

Owns: the tokens, what each allows, and their comparison in constant time.
Must not: know requests or count attempts (`gate` does).
"""

from __future__ import annotations

import base64
import binascii
import enum
import hmac
from typing import Final

import attrs

from traderd.errors import ConfigError

TOKEN_MIN_CHARACTERS: Final = 16
"""Bounds a token from below: a shorter one is a mistake in a configuration, not a secret."""

AUTHORIZATION_MAX: Final = 1_000
"""Bounds an `Authorization` header that is looked at; a right one has some 60 characters."""


class Role(enum.Enum):
    """What a caller may do."""

    NOBODY = "nobody"
    READER = "reader"
    """May look, and follow the live stream."""
    OPERATOR = "operator"
    """May give orders too."""


@attrs.frozen(kw_only=True)
class AccessRules:
    """Who may use the console.

    `allowed_hosts` are host names without port, as they appear in the browser's address bar: a page of an
    attacker whose name was made to point at this machine carries another one (DNS rebinding).
    """

    control_token: str = attrs.field(repr=False)
    read_token: str = attrs.field(default="", repr=False)
    """Allows reads only; empty: there is none."""
    allowed_hosts: tuple[str, ...] = ("127.0.0.1", "localhost", "[::1]")
    reads_need_token: bool = False
    is_secure: bool = False
    """The console is served over TLS, so its own pages have the scheme https."""

    def __attrs_post_init__(self) -> None:
        for what, token in (("control", self.control_token), ("read", self.read_token)):
            if len(token) < TOKEN_MIN_CHARACTERS and (token or what == "control"):
                raise ConfigError(
                    f"the {what} token has fewer than {TOKEN_MIN_CHARACTERS} characters: "
                    "delete its file, and the daemon makes a new one"
                )

    def knows_host(self, host: str) -> bool:
        """Tell whether a `Host` header names this daemon, with any port."""
        name, colon, port = host.lower().rpartition(":")
        if not colon or host.endswith("]"):
            name, port = host.lower(), ""
        # str.isdigit alone would also take digits of other scripts.
        port_is_plain = not port or (port.isascii() and port.isdigit())
        return port_is_plain and name in self.allowed_hosts

    def knows_origin(self, origin: str, host: str) -> bool:
        """Tell whether an `Origin` header names the page of the host that was asked: another port is another page.

        Where we speak plain HTTP, a proxy before us may speak TLS to the browser.
        """
        if origin == f"https://{host}":
            return True
        return not self.is_secure and origin == f"http://{host}"

    def role_of(self, authorization: str) -> Role:
        """Return what an `Authorization` header allows, in a time that does not depend on how much of it is right.

        As the password of HTTP's Basic scheme, which browsers ask for and then send by themselves, both tokens allow
        reads only: what a browser sends by itself must give no orders.
        """
        if len(authorization) > AUTHORIZATION_MAX:
            return Role.NOBODY
        scheme, _, rest = authorization.partition(" ")
        if scheme == "Bearer":
            if self._is(rest, self.control_token):
                return Role.OPERATOR
            return Role.READER if self._is(rest, self.read_token) else Role.NOBODY
        if scheme == "Basic":
            password = _password(rest)
            is_known = self._is(password, self.control_token) | self._is(password, self.read_token)
            return Role.READER if is_known else Role.NOBODY
        return Role.NOBODY

    @staticmethod
    def _is(given: str, token: str) -> bool:
        same = hmac.compare_digest(given.encode("utf-8", "surrogateescape"), token.encode())
        return same and bool(token)


def _password(encoded: str) -> str:
    try:
        decoded = base64.b64decode(encoded, validate=True).decode()
    except (binascii.Error, UnicodeError, ValueError):
        return ""
    return decoded.partition(":")[2]
