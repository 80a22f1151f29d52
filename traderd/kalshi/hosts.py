"""Which hosts belong to which environment.

Owns: Kalshi's host names and the check that no setting can cross environments.
Must not: open anything.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final
from urllib.parse import SplitResult, urlsplit

import attrs

from traderd.errors import ConfigError
from traderd.runtime.addresses import is_loopback

REST_PATH: Final = "/trade-api/v2"
WS_PATH: Final = "/trade-api/ws/v2"
"""The paths are signed, so they are the same on every host."""


@attrs.frozen(kw_only=True)
class Endpoints:
    """Where to send requests and where to open WebSockets."""

    rest_url: str
    ws_url: str


ENDPOINTS: Final[Mapping[str, Endpoints]] = {
    "paper": Endpoints(
        rest_url=f"https://external-api.demo.kalshi.co{REST_PATH}",
        ws_url=f"wss://external-api-ws.demo.kalshi.co{WS_PATH}",
    ),
    "production": Endpoints(
        rest_url=f"https://external-api.kalshi.com{REST_PATH}",
        ws_url=f"wss://external-api-ws.kalshi.com{WS_PATH}",
    ),
}
"""Kalshi's recommended hosts; `local` reads market data from production, `sim` has the embedded exchange."""

_DEMO_HOSTS: Final = (
    "external-api.demo.kalshi.co",
    "external-api-ws.demo.kalshi.co",
    "demo-api.kalshi.co",
)
_PRODUCTION_HOSTS: Final = (
    "external-api.kalshi.com",
    "external-api-ws.kalshi.com",
    "api.elections.kalshi.com",
)
HOSTS: Final[Mapping[str, tuple[str, ...]]] = {
    "sim": (),
    "paper": _DEMO_HOSTS,
    "local": _PRODUCTION_HOSTS,
    "production": _PRODUCTION_HOSTS,
}
"""The hosts of each environment; `sim` allows loopback only, the others never do."""


def check_endpoints(environment: str, endpoints: Endpoints) -> None:
    """Refuse addresses that do not belong to the environment.

    Raises:
        ConfigError: an unknown environment, a foreign host, plain text off loopback, or a path that the
            signature would not cover; the message names the setting and the cure.
    """
    if environment not in HOSTS:
        known = ", ".join(HOSTS)
        raise ConfigError(f"environment {environment!r} is unknown; use one of {known}")
    _check(environment, "rest_url", endpoints.rest_url, ("https", "http"), REST_PATH)
    _check(environment, "ws_url", endpoints.ws_url, ("wss", "ws"), WS_PATH)


def _check(environment: str, setting: str, url: str, schemes: tuple[str, str], path: str) -> None:
    parts = _split(setting, url)
    host = parts.hostname or ""
    secure, plain = schemes
    if parts.scheme not in schemes:
        raise ConfigError(f"{setting} must begin with {secure}://, not {parts.scheme or 'nothing'}")
    allowed = HOSTS[environment]
    if not allowed and not is_loopback(host):
        raise ConfigError(
            f"{setting} names {host}, but the environment sim only talks to its own exchange on 127.0.0.1; "
            f"remove the setting or choose another environment"
        )
    if allowed and host not in allowed:
        raise ConfigError(
            f"{setting} names {host or 'no host'}, which is not a host of the environment {environment}; "
            f"remove the setting or use one of {', '.join(allowed)}"
        )
    if parts.scheme == plain and not is_loopback(host):
        raise ConfigError(f"{setting} would send the key in plain text to {host}; use {secure}://")
    if parts.path != path or parts.query or parts.fragment:
        raise ConfigError(f"{setting} must end with {path}, without a slash after it")


def _split(setting: str, url: str) -> SplitResult:
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as exc:
        raise ConfigError(f"{setting} is not a URL: {exc}") from exc
    if not parts.hostname or port == 0 or parts.username is not None:
        raise ConfigError(f"{setting} must be a URL with a host and without a user name")
    return parts
