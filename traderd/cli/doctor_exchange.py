"""The doctor at the exchange: clock, status, signed REST, limits and the signed WebSocket handshake.

Owns: which part of a refusal failed (HTTP status, signature, key, clock, rights) and the cure for each.
Must not: write anything at the exchange, or go on after a key was refused.
"""

from __future__ import annotations

from typing import Final
from urllib.parse import urlsplit

import attrs

from traderd.cli.doctor_report import Cause, Finding, failed, ok, skipped, warning
from traderd.config import Config
from traderd.errors import (
    AuthenticationRefused,
    ExchangeError,
    ExchangeProtocolError,
)
from traderd.kalshi.auth import Signer
from traderd.kalshi.hosts import Endpoints
from traderd.kalshi.line import Line, open_line
from traderd.kalshi.rest import RestClient, open_rest
from traderd.kalshi.wire import rest
from traderd.model.units import NS_PER_MS, format_money
from traderd.runtime.env import Env

CLOCK: Final = "clock"
STATUS: Final = "exchange status"
SIGNED_REST: Final = "signed REST"
LIMITS: Final = "limits"
SIGNED_WEBSOCKET: Final = "signed WebSocket"
AFTER_REACH: Final = (CLOCK, STATUS, SIGNED_REST, LIMITS, SIGNED_WEBSOCKET)
"""In their order."""

SKEW_WARN_MS: Final = 1_000
"""A kept clock is never off by so much, and a Date header cannot show less."""
SKEW_FAIL_MS: Final = 5_000
"""Kalshi: the narrowest window in which a signature's time is taken."""
SET_CLOCK: Final = "set it: timedatectl set-ntp true"


@attrs.frozen(kw_only=True)
class Place:
    """Which exchange, and with which key."""

    config: Config
    endpoints: Endpoints
    signer: Signer | None
    reachable_rest: bool
    reachable_websocket: bool


async def check_exchange(place: Place, env: Env) -> list[Finding]:
    """Ask the exchange, signed where it must be.  Cancelling closes the connections."""
    if not place.reachable_rest:
        findings = [
            skipped(name, "the REST address cannot be reached") for name in AFTER_REACH[:-1]
        ]
        offset_ms = 0
    else:
        async with open_rest(
            env=env, base_url=place.endpoints.rest_url, signer=place.signer
        ) as client:
            findings = await _public(client)
            findings += await _signed(client, place)
            offset_ms = client.clock_offset_ms
    findings.append(await _websocket(place, env, offset_ms))
    return findings


# --- without a key --------------------------------------------------------------------------------


async def _public(client: RestClient) -> list[Finding]:
    # Sent by a client that may sign: the exchange judges what is signed, so the clock's fault may come as a refusal.
    try:
        status = await client.exchange_status()
    except AuthenticationRefused as exc:
        answered = skipped(STATUS, "the exchange refused the request, see below")
        clock = _clock(client.clock_offset_ms)
        if clock.cure == "" and _part(exc) == "clock":
            clock = _refused(CLOCK, exc)
        return [clock, answered]
    except ExchangeError as exc:
        unread = skipped(CLOCK, "the exchange did not answer as it should")
        return [unread, _refused(STATUS, exc)]
    return [_clock(client.clock_offset_ms), _status(status)]


def _clock(offset_ms: int) -> Finding:
    if abs(offset_ms) < SKEW_WARN_MS:
        return ok(CLOCK, "this machine and the exchange agree to the second")
    direction = "behind" if offset_ms > 0 else "ahead of"
    sentence = f"this machine's clock is {abs(offset_ms) / 1_000:.1f} s {direction} the exchange's"
    if abs(offset_ms) < SKEW_FAIL_MS:
        return warning(CLOCK, sentence, SET_CLOCK, part="clock")
    return failed(CLOCK, f"{sentence}, so signatures are refused", SET_CLOCK, part="clock")


def _status(status: rest.ExchangeStatus) -> Finding:
    resume = status.exchange_estimated_resume_time
    until = f" until about {resume}" if isinstance(resume, str) else ""
    if not status.exchange_active:
        return warning(
            STATUS,
            f"the exchange is down{until}",
            "wait: the daemon goes on by itself when it is back",
            part="pause",
        )
    if not status.trading_active:
        return warning(
            STATUS,
            f"trading is paused{until}",
            "wait: cancels work, and the daemon goes on by itself",
            part="pause",
        )
    return ok(STATUS, "open and trading")


# --- with a key -----------------------------------------------------------------------------------


async def _signed(client: RestClient, place: Place) -> list[Finding]:
    if place.signer is None:
        return [skipped(name, "there is no usable key") for name in (SIGNED_REST, LIMITS)]
    try:
        balance = await client.balance()
    except ExchangeError as exc:
        refused = _refused(SIGNED_REST, exc, place)
        return [refused, skipped(LIMITS, "signed requests do not work")]
    found = ok(SIGNED_REST, f"the key is accepted, the account has {format_money(balance.balance)}")
    return [found, await _limits(client)]


async def _limits(client: RestClient) -> Finding:
    try:
        limits = await client.learn_limits()
    except ExchangeError as exc:
        return _refused(LIMITS, exc)
    tier = limits.usage_tier or "not named"
    sentence = (
        f"tier {tier}: {limits.read.refill_rate:g} read tokens a second (at most {limits.read.bucket_capacity:g}), "
        f"{limits.write.refill_rate:g} write tokens (at most {limits.write.bucket_capacity:g})"
    )
    if min(limits.read.refill_rate, limits.write.refill_rate) < 1:
        return warning(
            LIMITS, sentence, "the account may send next to nothing; ask Kalshi", part="tier"
        )
    return ok(LIMITS, sentence)


async def _websocket(place: Place, env: Env, offset_ms: int) -> Finding:
    if place.signer is None:
        return skipped(SIGNED_WEBSOCKET, "there is no usable key")
    if not place.reachable_websocket:
        return skipped(SIGNED_WEBSOCKET, "the WebSocket address cannot be reached")
    url = place.endpoints.ws_url
    now_ms = env.wall_ns() // NS_PER_MS + offset_ms
    headers = place.signer.headers("GET", urlsplit(url).path, now_ms)
    try:
        async with open_line(
            env=env,
            url=url,
            headers=headers,
            on_messages=_hear_nothing,
            on_lost=_do_nothing,
            skew_ms=offset_ms,
        ):
            pass
    except ExchangeError as exc:
        return _refused(SIGNED_WEBSOCKET, exc, place)
    return ok(SIGNED_WEBSOCKET, "the handshake is accepted")


def _hear_nothing(line: Line, messages: list[bytes]) -> None:
    pass


def _do_nothing() -> None:
    pass


# --- refusals -------------------------------------------------------------------------------------

_AUTHENTICATION_PARTS: Final = (
    ("timestamp", "clock"),
    ("clock is", "clock"),
    ("NOT_FOUND", "key id"),
    ("INCORRECT_API_KEY_SIGNATURE", "signature"),
)
"""Words of Kalshi's 401 and what they are about; a clock that is off explains whatever else is said."""


def _part(exc: ExchangeError) -> str:
    if isinstance(exc, AuthenticationRefused):
        if exc.status == 403:
            return "rights"
        text = f"{exc.code} {exc.message} {exc.details}"
        return next((part for word, part in _AUTHENTICATION_PARTS if word in text), "key")
    if isinstance(exc, ExchangeProtocolError):
        return "protocol"
    return "http"


def _cure(part: str, place: Place | None) -> str:
    environment = "" if place is None else place.config.environment
    where = {
        "paper": "Kalshi's demo (demo.kalshi.co)",
        "sim": "the paper exchange",
    }.get(environment, "Kalshi (kalshi.com)")
    return {
        "clock": SET_CLOCK,
        "key id": f"the exchange does not know this key id: use one that was made at {where}, or make it anew",
        "signature": "the key file is not that of the key id: put both from the same key into the settings",
        "key": f"make a new key at {where} and put its id and file into the settings",
        "rights": "give the key the rights to read and write, and no lock to a subaccount",
        "protocol": "see whether the address is that of an exchange, and whether traderd is the newest",
        "http": "wait and try again: the exchange or what stands before it has trouble",
    }[part]


def _refused(check: str, exc: ExchangeError, place: Place | None = None) -> Finding:
    part = _part(exc)
    sentence = f"{'HTTP' if part == 'http' else part}: {exc}"
    cause = Cause.OUTSIDE if part in {"http", "protocol"} else Cause.SET_UP
    return failed(check, sentence, _cure(part, place), part=part, cause=cause)
