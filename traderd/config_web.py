"""The section `[web]` of the configuration: where the console listens, and who may look.

Owns: the rule that what others could reach speaks TLS and shows nothing without a token.
Must not: open files or sockets.
"""

from __future__ import annotations

import re
from typing import Annotated, Final

import msgspec
from msgspec import Meta

from traderd.errors import ConfigError
from traderd.runtime.addresses import is_loopback

NAME: Final = re.compile(r"[A-Za-z0-9]([A-Za-z0-9.-]{0,251}[A-Za-z0-9])?|\[[0-9A-Fa-f:.]{2,45}\]")
"""A host name or an address as a browser's address bar shows it, without the port."""

EVERY_ADDRESS: Final = ("0.0.0.0", "::")


class WebConfig(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where the console and the HTTP interface listen, and who may look."""

    enabled: bool = True
    host: str = "127.0.0.1"
    port: Annotated[int, Meta(ge=0, le=65_535)] = 8005
    names: tuple[str, ...] = ()
    """Host names by which browsers reach it, besides its address and localhost."""
    tls_certificate: str = ""
    """A PEM file with the certificate and its chain; empty: plain HTTP."""
    tls_key: str = ""
    """The PEM file of its key, readable by its owner only."""
    reads_need_token: bool = False
    """Off loopback they always do."""


def check_web(web: WebConfig) -> None:
    """Judge the section as a whole.

    Raises:
        ConfigError: names the setting and the cure.
    """
    for name in web.names:
        if NAME.fullmatch(name) is None:
            raise ConfigError(
                f"web.names: {name!r} is no host name; write it as in a browser's address bar, without scheme and port"
            )
    if bool(web.tls_certificate) != bool(web.tls_key):
        missing = "web.tls_key" if web.tls_certificate else "web.tls_certificate"
        raise ConfigError(f"{missing} is missing: TLS needs a certificate and its key")
    if is_loopback(web.host):
        return
    if not web.tls_certificate:
        raise ConfigError(
            f"web.host is {web.host!r}, which others could reach: what they see and the tokens would be readable on the "
            "way. Use 127.0.0.1, and an SSH tunnel from elsewhere, or name web.tls_certificate and web.tls_key"
        )
    if web.host in EVERY_ADDRESS and not web.names:
        raise ConfigError(
            f"web.host is {web.host!r}, which has no name of its own: put into web.names by which names or addresses "
            "browsers reach this machine"
        )
