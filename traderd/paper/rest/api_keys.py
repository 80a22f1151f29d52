"""API keys over REST: an account makes, lists and deletes its own (Kalshi: API keys).

Owns: what a new key may be, and the making of key pairs off the loop.
Must not: keep a private key, or show one account another's keys.
"""

from __future__ import annotations

from functools import partial
from typing import Final, Literal, cast

import attrs
from msgspec import UNSET

from traderd.errors import BadInput
from traderd.kalshi.auth import PublicKey, generate_key, load_public_key
from traderd.kalshi.wire import account as wire
from traderd.kalshi.wire.errors import Refusal, RequestRefused
from traderd.kalshi.wire.request_body import decode_request, invalid_parameters
from traderd.paper import choices
from traderd.paper.auth_check import FULL_ACCESS, SCOPES, ApiKey
from traderd.paper.rest.call import Access, Call, Desk, Route, Routes, Slow, answer
from traderd.paper.serving.http_server import Response

KEYS_MAX: Final = 100
"""Bounds the keys of one account: every one is looked at when they are listed."""
NAME_CHARACTERS_MAX: Final = 200
"""Bounds a key's name: a label for people."""
KEY_TYPES: Final = ("rsa", "ed25519")


def routes(desk: Desk) -> Routes:
    """Return the routes of keys; a key that is locked to one subaccount manages none."""
    keys = ApiKeys(desk)
    return {
        "/api_keys": {
            "GET": Route(handler=keys.all, account_wide=True),
            "POST": Route(handler=keys.create, access=Access.WRITE, account_wide=True),
        },
        "/api_keys/generate": {
            "POST": Route(handler=keys.generate, access=Access.WRITE, account_wide=True),
        },
        "/api_keys/{}": {
            "DELETE": Route(handler=keys.delete, access=Access.WRITE, account_wide=True),
        },
    }


@attrs.frozen
class ApiKeys:
    """Handlers over one desk."""

    desk: Desk

    def all(self, call: Call) -> Response:
        """`GET /api_keys`: the account's own, oldest first."""
        bound_to_subtrader = call.query("GetApiKeys").text("fcm_subtrader_id") is not None
        keys = () if bound_to_subtrader else self.desk.keys.of(call.account_id)
        lines = [
            wire.ApiKeyLine(
                api_key_id=key.key_id,
                name=key.name,
                scopes=list(key.scopes),
                subaccount=UNSET if key.subaccount is None else key.subaccount,
            )
            for key in keys
        ]
        return answer(wire.ApiKeyList(api_keys=lines))

    def create(self, call: Call) -> Response:
        """`POST /api_keys`: 201 exactly."""
        request = decode_request(call.request.body, wire.CreateApiKeyRequest, "CreateApiKeyRequest")
        scopes = self._check(call, request)
        try:
            public_key = load_public_key(request.public_key.encode())
        except BadInput as exc:
            raise invalid_parameters(f"public_key: {exc}") from exc
        key_id = self._add(call, request, scopes, public_key)
        return answer(wire.CreatedApiKey(api_key_id=key_id), 201)

    def generate(self, call: Call) -> Slow:
        """`POST /api_keys/generate`: 201 exactly; an RSA pair takes a tenth of a second, off the loop."""
        request = decode_request(
            call.request.body, wire.GenerateApiKeyRequest, "GenerateApiKeyRequest"
        )
        kind = request.key_type or KEY_TYPES[0]
        if kind not in KEY_TYPES:
            raise invalid_parameters(f"key_type must be one of {', '.join(KEY_TYPES)}")
        self._check(call, request)
        work = partial(generate_key, cast(Literal["rsa", "ed25519"], kind))
        return Slow(work, partial(self._generated, call, request, kind))

    def _generated(
        self,
        call: Call,
        request: wire.GenerateApiKeyRequest,
        kind: str,
        pair: tuple[bytes, bytes],
    ) -> Response:
        private_pem, public_pem = pair
        # Checked again: meanwhile others may have made keys.
        scopes = self._check(call, request)
        key_id = self._add(call, request, scopes, load_public_key(public_pem))
        body = wire.GeneratedApiKey(
            api_key_id=key_id, key_type=kind, private_key=private_pem.decode("ascii")
        )
        return answer(body, 201)

    def delete(self, call: Call) -> Response:
        """`DELETE /api_keys/{api_key}`: 204 exactly; it may be the key that asks."""
        own = [key.key_id for key in self.desk.keys.of(call.account_id)]
        if call.parameter not in own:
            raise RequestRefused(Refusal(status=404, code="not_found", message="not found"))
        self.desk.keys.remove(call.parameter)
        return Response(status=204)

    def _check(
        self, call: Call, request: wire.CreateApiKeyRequest | wire.GenerateApiKeyRequest
    ) -> tuple[str, ...]:
        """Refuse a key that cannot be, and return the scopes that it will have."""
        if not 0 < len(request.name.strip()) <= NAME_CHARACTERS_MAX:
            raise invalid_parameters(f"name must have 1 to {NAME_CHARACTERS_MAX} characters")
        if request.fcm_subtrader_id:
            raise invalid_parameters("fcm_subtrader_id is for FCM members only")
        if request.subaccount is not None:
            self.desk.venue.account(call.account_id).wallet(request.subaccount)
        if len(self.desk.keys.of(call.account_id)) >= KEYS_MAX:
            raise invalid_parameters(f"an account has at most {KEYS_MAX} keys")
        return scopes_of(request.scopes)

    def _add(
        self,
        call: Call,
        request: wire.CreateApiKeyRequest | wire.GenerateApiKeyRequest,
        scopes: tuple[str, ...],
        public_key: PublicKey,
    ) -> str:
        key_id = self.desk.new_id()
        self.desk.keys.add(
            ApiKey(
                key_id=key_id,
                account_id=call.account_id,
                public_key=public_key,
                name=request.name,
                scopes=scopes,
                subaccount=request.subaccount,
            )
        )
        return key_id


def scopes_of(asked: list[str] | None) -> tuple[str, ...]:
    """Return the scopes of a new key, without repeats; none asked for are all.

    Raises:
        RequestRefused: 400: an unknown one, none at all, or `write` without `read`.
    """
    if asked is None or (not asked and not choices.EMPTY_SCOPES_ARE_REFUSED):
        return FULL_ACCESS
    scopes = tuple(dict.fromkeys(asked))
    if not scopes or any(scope not in SCOPES for scope in scopes):
        raise invalid_parameters(f"scopes must be some of {', '.join(SCOPES)}")
    if "write" in scopes and "read" not in scopes:
        raise invalid_parameters("scope write needs scope read")
    return scopes
