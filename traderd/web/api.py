"""The verbs and the live stream, and the words that all routes share.

Owns: how a verb's outcome or its failure becomes an HTTP answer.
Must not: decide who may ask (`gate` does) or compute anything about trading. The reads are in `reads`.

Every handler is `async def`: quart runs plain functions in a thread, where they would read live state.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Mapping
from typing import Any, Final, cast

import attrs
import msgspec
import trio
from quart import Response, request, websocket
from quart_trio import QuartTrio

from traderd.errors import BadInput, ExchangeError, OutcomeUnknown, StoreError
from traderd.web.live import LiveHub
from traderd.web.repeats import KeyReused, OutcomeLost, Repeats
from traderd.web.schema_words import Schema
from traderd.web.source import Answer, ConsoleSource, JsonObject

COMMAND_BUDGET_S: Final = 30.0
"""Bounds one command: long enough to cancel every order at the exchange's slowest documented rate."""

VERB: Final = re.compile(r"[a-z][a-z0-9_-]{0,39}")

CLOSE_GOING_AWAY: Final = 1001
"""RFC 6455, section 7.4.1: the endpoint goes away, here because the daemon stops."""


class Refusal(Exception):
    """An answer other than success, with a sentence for people and a cure."""

    def __init__(
        self,
        status: int,
        code: str,
        sentence: str,
        cure: str,
        *,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(status, code, sentence, cure)
        self.headers = dict(headers or {})
        self.status = status
        self.code = code
        self.sentence = sentence
        self.cure = cure


@attrs.frozen(kw_only=True)
class ReadRoute:
    """A read that another part of the daemon contributes, such as `/metrics`."""

    path: str
    content_type: str
    body: Callable[[], str | bytes]
    summary: str
    schema: Schema = attrs.Factory(lambda: {"type": "string"})
    """What the body fits; a text when it is not JSON."""


def json_answer(value: Any, status: int = 200) -> Response:
    """Return `value` as a JSON answer."""
    return Response(msgspec.json.encode(value), status=status, content_type="application/json")


def error_document(code: str, sentence: str, cure: str) -> JsonObject:
    """Return an error in the one shape that all of them have."""
    return {"error": {"code": code, "sentence": sentence, "cure": cure}}


def add_commands(
    app: QuartTrio, source: ConsoleSource, *, check_command: Callable[[], None]
) -> None:
    """Add the verbs; `check_command` raises Refusal when the current request may give no orders."""
    repeats = Repeats(source.requests)

    async def command(verb: str) -> Response:
        check_command()
        if VERB.fullmatch(verb) is None:
            raise Refusal(
                404, "unknown_verb", "There is no such verb.", "See `traderd --help` for the verbs."
            )
        body = await command_body()
        key = request.headers.get("Idempotency-Key")
        if key is None:
            status, outcome = await run_command(source, verb, body)
            return json_answer(outcome, status)
        return await once(key, verb, body)

    async def once(key: str, verb: str, body: JsonObject) -> Response:
        raw = cast(bytes, await request.get_data(as_text=False))
        asked = (verb, hashlib.sha256(raw).hexdigest())
        try:
            (status, outcome), was_given = await repeats.once(
                key, asked, lambda: _final_answer(source, verb, body)
            )
        except KeyReused:
            raise Refusal(
                409,
                "key_reused",
                "This Idempotency-Key was used for another request.",
                "Take a new key for each thing that is to be done.",
            ) from None
        except OutcomeLost as lost:
            raise Refusal(
                409,
                "outcome_lost",
                f"This {verb} was taken on at {lost.taken_at}, but traderd ended or failed before it knew the outcome: "
                "it may have been done or not, and it is not done again.",
                f"Look for what happened since {lost.taken_at}, in /v3/orders and /v3/fills or by /v3/status; "
                "what is still to be done wants a new key.",
            ) from None
        answer = json_answer(outcome, status)
        if was_given:
            answer.headers["Idempotency-Replayed"] = "true"
        return answer

    app.add_url_rule("/v3/commands/<verb>", "command", command, methods=["POST"])


async def _final_answer(source: ConsoleSource, verb: str, body: JsonObject) -> Answer:
    try:
        return await run_command(source, verb, body)
    except Refusal as refusal:
        # An answer like others: it is kept, and told to be given again.
        return refusal.status, error_document(refusal.code, refusal.sentence, refusal.cure)
    except BadInput as error:
        return 400, error_document("bad_input", f"{error}", "Correct the value and send it again.")


def wanted_state() -> str | None:
    """Return the `state_version` that the current request was decided by, None when it does not matter.

    Who decided by halts and pauses that are not these any more is to look again.
    """
    wanted = request.headers.get("If-Match", "*").strip()
    return None if wanted == "*" else wanted.strip('"')


async def command_body() -> JsonObject:
    """Return the JSON object that the current request carries; no body is an empty one.

    Cancelling is safe, nothing was done yet.

    Raises:
        Refusal: 415 for another content type, 400 for anything that is not a JSON object.
    """
    raw = await request.get_data(as_text=False)
    if not raw:
        return {}
    if request.mimetype != "application/json":
        # A form cannot send this type without asking first, so this stops posts from foreign pages too.
        raise Refusal(
            415,
            "not_json",
            "The body of a command is JSON.",
            "Send the header Content-Type: application/json.",
        )
    try:
        body = msgspec.json.decode(raw)
    except (msgspec.DecodeError, UnicodeError, RecursionError) as error:
        raise Refusal(
            400, "bad_json", "The body is not valid JSON.", "Send one JSON object."
        ) from error
    if not isinstance(body, dict):
        raise Refusal(400, "bad_json", "The body is not a JSON object.", "Send one JSON object.")
    return body


async def run_command(source: ConsoleSource, verb: str, body: JsonObject) -> Answer:
    """Run one command to its end, also when the client is gone.

    Quart cancels a handler whose client disconnects; half a cancel-all would be worse than either outcome,
    so the command is shielded, and bounded.

    Raises:
        BadInput: a value of the body is wrong; nothing was done.
        Refusal: the exchange, the store or time did not allow it.
    """
    try:
        with trio.fail_after(COMMAND_BUDGET_S, shield=True):
            return await source.command(verb, body, wanted_state())
    except (trio.TooSlowError, OutcomeUnknown) as error:
        raise Refusal(
            504,
            "outcome_unknown",
            f"It is not known yet whether {verb} took effect.",
            "Look at /v3/orders before you try again; the daemon finds out by itself.",
        ) from error
    except ExchangeError as error:
        raise Refusal(
            502, "exchange", f"{error}", "See /v3/health; try again when the exchange answers."
        ) from error
    except StoreError as error:
        raise Refusal(
            503, "store", f"{error}", "Free disk space or repair the journal first."
        ) from error


def add_live_stream(app: QuartTrio, hub: LiveHub, stop: trio.Event) -> None:
    """Add the WebSocket."""

    async def live() -> None:
        with hub.join() as client:
            # Quart would accept only at the first send or receive, which may be long after.
            await websocket.accept()
            await hub.attend(client, send=websocket.send, receive=websocket.receive, stop=stop)
            await websocket.close(CLOSE_GOING_AWAY, "the daemon is stopping")

    app.add_websocket("/v3/ws", "live", live)
