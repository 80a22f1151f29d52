"""The checks that every request and every WebSocket passes before a route sees it.

Owns: the order of the checks, the refusals, their log lines, and the wait after wrong tokens.
Must not: know a route's content.

The threats are a web page in the same browser, whoever else uses the machine, and on a network whoever else is on it;
docs/security.md has them all. Over the Unix socket the file's mode is the check.
"""

from __future__ import annotations

import ipaddress
import math
from typing import Any, Final

import structlog
import trio
from quart import Request, Websocket

from traderd.web.access import AccessRules, Role
from traderd.web.api import Refusal
from traderd.web.seldom import Seldom
from traderd.web.wrong_tokens import WrongTokens

SAFE_METHODS: Final = ("GET", "HEAD", "OPTIONS")

SHOWN_MAX: Final = 200
"""Bounds what a log line shows of a header."""

log = structlog.get_logger("traderd.web")


class Gate:
    """Lets in or refuses; one for each application."""

    def __init__(self, rules: AccessRules) -> None:
        self._rules = rules
        self._wrong = WrongTokens()
        self._seldom = Seldom()

    def check_caller(self, asked: Request | Websocket) -> None:
        """Refuse a caller that a browser was tricked into being, and one who may not even look.

        Raises:
            Refusal: 421 for a host that is not ours, 403 for a write or a live stream from another origin, 401 where
                reads need a token, 429 after too many wrong ones.
        """
        if came_over_unix_socket(asked):
            return
        host = asked.headers.get("Host", "")
        if not self._rules.knows_host(host):
            self._say("host", asked, host=host)
            raise Refusal(
                421,
                "unknown_host",
                "This daemon does not answer to the host name of the request.",
                "Use http://127.0.0.1 or http://localhost with the same port; web.names lets in other names.",
            )
        # A program sends no Origin, a browser always does with what it writes, and with a WebSocket.
        origin = asked.headers.get("Origin")
        writes = isinstance(asked, Websocket) or asked.method not in SAFE_METHODS
        if writes and origin is not None and not self._rules.knows_origin(origin, host):
            self._say("origin", asked, origin=origin)
            raise Refusal(
                403,
                "foreign_origin",
                "The request comes from a page of another origin.",
                "Use the console of this daemon, or send no Origin header from a program.",
            )
        if self._rules.reads_need_token and self._role(asked) is Role.NOBODY:
            raise read_token_needed()

    def check_command(self, asked: Request) -> None:
        """Refuse a caller who may give no orders.

        Raises:
            Refusal: 401 without a token, 403 for one that only reads, 429 after too many wrong ones.
        """
        if came_over_unix_socket(asked):
            return
        role = self._role(asked)
        if role is Role.READER:
            self._say("read_only", asked)
            raise Refusal(
                403,
                "read_only",
                "This token only reads, and so does any that is given as a password.",
                "Send the control token as Authorization: Bearer; `control.token` in the state directory holds it.",
            )
        if role is Role.NOBODY:
            raise control_token_needed()

    def is_operator(self, asked: Request | Websocket) -> bool:
        """Tell whether the control token is there, and looked at; says and counts nothing."""
        authorization = asked.headers.get("Authorization", "")
        if not authorization or self._must_wait(peer_of(asked)):
            return False
        return self._rules.role_of(authorization) is Role.OPERATOR

    def _role(self, asked: Request | Websocket) -> Role:
        authorization, peer = asked.headers.get("Authorization", ""), peer_of(asked)
        if not authorization:
            self._say("token", asked, given=False)
            return Role.NOBODY
        now = trio.current_time()
        wait_s = self._wrong.wait_s(peer, now)
        if self._must_wait(peer):
            self._say("throttled", asked)
            raise too_many_wrong_tokens(wait_s)
        role = self._rules.role_of(authorization)
        if role is Role.OPERATOR:
            self._wrong.note_right(peer)
        if role is not Role.NOBODY:
            # Who has the token that only reads may still guess the other one, so it makes nothing good.
            return role
        self._say("token", asked, given=True)
        if wait_s:
            raise too_many_wrong_tokens(wait_s)
        self._wrong.note_wrong(peer, now)
        return role

    def _must_wait(self, peer: str) -> bool:
        # Everybody on this machine has the one address: who guesses must not lock out who knows.
        waits = self._wrong.wait_s(peer, trio.current_time()) > 0
        return waits and not is_this_machine(peer)

    def _say(self, reason: str, asked: Request | Websocket, **facts: Any) -> None:
        more = self._seldom.due(reason)
        if more is None:
            return
        shown = {
            key: value[:SHOWN_MAX] if isinstance(value, str) else value
            for key, value in (facts | more).items()
        }
        log.warning(
            "web.refused", reason=reason, path=asked.path[:SHOWN_MAX], peer=peer_of(asked), **shown
        )


def came_over_unix_socket(asked: Request | Websocket) -> bool:
    """Tell whether a connection came over the Unix socket; only `server` can say so, no header can."""
    state: dict[str, Any] = asked.scope.get("state") or {}
    return state.get("local_socket") is True


def peer_of(asked: Request | Websocket) -> str:
    """Return the address of the other end, as `server` saw it; no header can change it."""
    state: dict[str, Any] = asked.scope.get("state") or {}
    return str(state.get("peer") or "")


def is_this_machine(peer: str) -> bool:
    """Tell whether an address is of this machine; one that is not known came over no network."""
    if not peer:
        return True
    try:
        address = ipaddress.ip_address(peer)
    except ValueError:
        return False
    mapped = getattr(address, "ipv4_mapped", None)
    return address.is_loopback or (mapped is not None and mapped.is_loopback)


def control_token_needed() -> Refusal:
    """Return the refusal of a verb without the control token."""
    return Refusal(
        401,
        "token_needed",
        "This verb needs the control token.",
        "Send it as Authorization: Bearer; the file `control.token` in the daemon's state directory holds it.",
        headers={"WWW-Authenticate": "Bearer"},
    )


def read_token_needed() -> Refusal:
    """Return the refusal of a read without a token; the header makes browsers ask for it."""
    return Refusal(
        401,
        "token_needed",
        "This daemon shows nothing without a token.",
        "Send one as Authorization: Bearer, or in a browser give it as the password, with any name; the files "
        "`read.token` and `control.token` in the daemon's state directory hold them.",
        headers={"WWW-Authenticate": 'Basic realm="traderd", charset="UTF-8"'},
    )


def too_many_wrong_tokens(wait_s: float) -> Refusal:
    """Return the refusal of a caller who has to wait."""
    seconds = max(1, math.ceil(wait_s))
    return Refusal(
        429,
        "too_many_wrong_tokens",
        "Too many wrong tokens came from this address.",
        f"Try again in {seconds} s with the right one; `traderd` on the machine itself works meanwhile.",
        headers={"Retry-After": str(seconds)},
    )
