"""The doctor's way to the exchange, step by step: name, TCP, TLS, so that the step that fails has a name.

Owns: one probe of one address, and the words and cures for what can go wrong on the way.
Must not: send a byte of HTTP; `doctor_exchange` does.
"""

from __future__ import annotations

import errno
import socket  # sim-ok: only the names of its errors
import ssl
from collections.abc import Awaitable, Callable
from typing import Final
from urllib.parse import urlsplit

import attrs
import trio

from traderd.cli.doctor_report import Cause, Finding, failed, ok
from traderd.runtime.addresses import is_loopback
from traderd.runtime.env import Env, secure

Resolve = Callable[[str, int], Awaitable[list[str]]]
"""Turns a host's name into addresses; raises OSError."""

RESOLVE_DEADLINE_S: Final = 10.0
TLS_DEADLINE_S: Final = 10.0
HTTPS: Final = 443
HTTP: Final = 80
ADDRESSES_SHOWN: Final = 3
PROXY_VARIABLES: Final = ("HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy")


async def resolve_name(host: str, port: int) -> list[str]:
    """Return a name's addresses, as this machine's resolver gives them.  Cancelling is safe."""
    found = await trio.socket.getaddrinfo(  # sim-ok: the doctor is a process of its own
        host,
        port,
        type=socket.SOCK_STREAM,  # sim-ok: a constant
    )
    return list(dict.fromkeys(str(entry[4][0]) for entry in found))


@attrs.frozen(kw_only=True)
class Probe:
    """What a probe uses of the outside."""

    env: Env
    resolve: Resolve = resolve_name


async def check_way(check: str, url: str, probe: Probe) -> Finding:
    """Go the way to an address, a step at a time, and name the step that fails.  Cancelling is safe."""
    parts = urlsplit(url)
    host, tls = parts.hostname or "", parts.scheme in {"https", "wss"}
    port = parts.port or (HTTPS if tls else HTTP)
    try:
        with trio.fail_after(RESOLVE_DEADLINE_S):
            addresses = await probe.resolve(host, port)
    except (OSError, trio.TooSlowError) as exc:
        return _no_name(check, host, exc)
    began = probe.env.monotonic()
    try:
        stream = await probe.env.connect(host, port, tls=False)
    except (OSError, trio.TooSlowError) as exc:
        return _no_connection(check, host, port, exc, probe)
    took_ms = (probe.env.monotonic() - began) * 1_000
    reached = f"{host} is {', '.join(addresses[:ADDRESSES_SHOWN])}, port {port} answers in {took_ms:.0f} ms"
    if not tls:
        await trio.aclose_forcefully(stream)
        return ok(check, f"{reached}, plain text on this machine")
    try:
        with trio.fail_after(TLS_DEADLINE_S):
            secured = await secure(stream, ssl.create_default_context(), host)
    except (trio.BrokenResourceError, OSError, trio.TooSlowError) as exc:
        return _no_tls(check, host, port, exc)
    version = secured.version()
    await trio.aclose_forcefully(secured)
    return ok(check, f"{reached}, {version} with a good certificate")


def _no_name(check: str, host: str, exc: Exception) -> Finding:
    late = isinstance(exc, trio.TooSlowError)
    why = (
        f"no answer in {RESOLVE_DEADLINE_S:g} s"
        if late
        else (getattr(exc, "strerror", "") or str(exc))
    )
    return failed(
        check,
        f"DNS: the name {host} cannot be resolved ({why})",
        "look at the network and at /etc/resolv.conf, then try `getent hosts " + host + "`",
        part="dns",
        cause=Cause.OUTSIDE,
    )


def _no_connection(check: str, host: str, port: int, exc: Exception, probe: Probe) -> Finding:
    if isinstance(exc, trio.TooSlowError):
        why = "nobody answers; something drops the packets"
        cure = f"let a firewall pass TCP to {host}:{port}"
    elif isinstance(exc, OSError) and exc.errno == errno.ECONNREFUSED:
        why = "the connection is refused"
        cure = (
            "start the exchange with `traderd exchange serve`, or correct the port"
            if is_loopback(host)
            else f"see whether a firewall refuses {host}:{port}"
        )
    else:
        why = str(exc).strip() or type(exc).__name__
        cure = "look at the network: `ip route` shows whether there is a way out"
    if any(probe.env.variables.get(name) for name in PROXY_VARIABLES):
        cure += "; a proxy is set here, and traderd uses none: it needs a direct way"
    return failed(
        check, f"TCP: no connection to {host}:{port}: {why}", cure, part="tcp", cause=Cause.OUTSIDE
    )


_TLS_CURES: Final = (
    (
        "not yet valid",
        "the certificate is not valid yet, or this machine's clock is behind",
        "set the clock: timedatectl set-ntp true",
    ),
    (
        "expired",
        "the certificate has expired, or this machine's clock is ahead",
        "set the clock: timedatectl set-ntp true; if it is right, tell whoever serves it",
    ),
    (
        "self-signed",
        "the certificate is self-signed, so somebody stands between",
        "go round the proxy that opens TLS; never give it a key",
    ),
    (
        "self signed",
        "the certificate is self-signed, so somebody stands between",
        "go round the proxy that opens TLS; never give it a key",
    ),
    (
        "mismatch",
        "the certificate is another host's",
        "correct the host, or go round what answers in its place",
    ),
    (
        "unable to get local issuer",
        "nobody whom this machine trusts has signed the certificate",
        "install the package ca-certificates, or go round the proxy that opens TLS",
    ),
    (
        "wrong_version_number",
        "what answers does not speak TLS",
        "correct the port, or use http:// and ws:// on this machine",
    ),
    (
        "record_layer_failure",
        "what answers does not speak TLS",
        "correct the port, or use http:// and ws:// on this machine",
    ),
)
"""Words in OpenSSL's message, what they mean and what helps; the first that fits."""


def _no_tls(check: str, host: str, port: int, exc: Exception) -> Finding:
    cause = exc.__cause__ if isinstance(exc.__cause__, Exception) else exc
    text = f"{cause}".strip() or type(cause).__name__
    found = next(
        ((why, cure) for words, why, cure in _TLS_CURES if words in text.lower()),
        (text, "try `openssl s_client -connect " + f"{host}:{port}` to see what answers"),
    )
    if isinstance(exc, trio.TooSlowError):
        found = ("no answer to the handshake", "see what listens there: it may not speak TLS")
    return failed(
        check, f"TLS: {host}:{port}: {found[0]}", found[1], part="tls", cause=Cause.OUTSIDE
    )
