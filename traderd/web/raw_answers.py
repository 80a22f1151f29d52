"""Answers that no route gives: to what is not HTTP, to broken upgrades, and to one connection too many.

Owns: their bytes, in the one shape that every error of the interface has.
Must not: send them (`server` does).

Hypercorn answers what it cannot parse by itself, with a status and nothing else. Its bytes for that are known, and no route of ours
answers without a body and a type, so they are exchanged where they leave. A test sends such requests over the wire.
"""

from __future__ import annotations

from typing import Final

import msgspec

_HEADERS: Final = (
    "Content-Type: application/json\r\n"
    "X-Content-Type-Options: nosniff\r\n"
    "Content-Security-Policy: default-src 'none'\r\n"
    "Cache-Control: no-store\r\n"
    "Connection: close\r\n"
)


def _answer(status: int, reason: str, code: str, sentence: str, cure: str) -> bytes:
    body = msgspec.json.encode({"error": {"code": code, "sentence": sentence, "cure": cure}})
    head = f"HTTP/1.1 {status} {reason}\r\n{_HEADERS}Content-Length: {len(body)}\r\n\r\n"
    return head.encode("ascii") + body


def _bare(status: int) -> bytes:
    # hypercorn, protocol/h11.py and ws_stream.py: `_send_error_response`, as h11 writes it.
    return b"HTTP/1.1 %d \r\ncontent-length: 0\r\nconnection: close\r\n\r\n" % status


FULL_ANSWER: Final = _answer(
    503,
    "Service Unavailable",
    "too_many_connections",
    "Too many connections are open.",
    "Close some and try again.",
)

INSTEAD: Final = {
    _bare(400): _answer(
        400,
        "Bad Request",
        "not_http",
        "The request is not HTTP/1.1, or the upgrade is not one to a WebSocket of version 13.",
        "Send it with a client for HTTP or WebSocket; https:// works only where web.tls_certificate is set.",
    ),
    _bare(431): _answer(
        431,
        "Request Header Fields Too Large",
        "head_too_large",
        "The head of the request is longer than 16 KiB.",
        "Send fewer or shorter headers.",
    ),
    _bare(501): _answer(
        501,
        "Not Implemented",
        "unknown_transfer_encoding",
        "The body comes in a transfer encoding that is not known here.",
        "Send Content-Length, or Transfer-Encoding: chunked.",
    ),
}
"""By what hypercorn would send, what goes out instead."""
