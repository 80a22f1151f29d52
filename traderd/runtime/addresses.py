"""Which addresses outside may be used.

Owns: that what leaves this machine is encrypted. What is wrong with an address is told without the address, which may hold a
secret.
Must not: connect anywhere.
"""

from __future__ import annotations

import ipaddress
from urllib.parse import urlsplit

from traderd.errors import ConfigError


def address_fault(url: str) -> str:
    """Return why nothing may be sent to an address, an empty text when it may; the address itself is not told."""
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname or "", parts.port
    except ValueError:
        return "it is no address"
    if not host:
        return "it has no host; write it like https://example.org/hook"
    if parts.username is not None or parts.password is not None:
        return "it has a password before the host; put secrets into the path, or use the signature"
    if parts.scheme == "https" or (parts.scheme == "http" and is_loopback(host)):
        return ""
    return "it must begin with https:// (http:// only for this machine)"


def is_loopback(host: str) -> bool:
    """Tell whether a host is surely this machine, without asking DNS."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def check_address(url: str, name: str) -> None:
    """Judge the setting of an address; raises ConfigError with the setting's name and the cure."""
    if fault := address_fault(url):
        raise ConfigError(f"{name} cannot be used: {fault}")
