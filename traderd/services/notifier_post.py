"""One POST to somewhere outside, for notifiers.

Owns: its time, and that no error names more of an address than its
host: paths and queries of such addresses are secrets.
Must not: follow a redirect or try again.
"""

from __future__ import annotations

import ssl
from collections.abc import Mapping
from typing import Final
from urllib.parse import urlsplit

import attrs
import trio

from traderd.kalshi.errors import TRANSPORT_FAILURES, transport_error
from traderd.kalshi.transport import make_http_client
from traderd.model.units import Timestamp
from traderd.runtime.addresses import address_fault
from traderd.runtime.env import Env
from traderd.services.extensions import HttpAnswer, NotDelivered

POST_BUDGET_S: Final = 8.0
"""Bounds one POST: a phone's push service answers within a second, and a queue waits behind it."""
ANSWER_BYTES_MAX: Final = 64 * 1024
"""Bounds what is read of an answer; what it says about a message fits into a hundredth of that."""


@attrs.define(eq=False)
class Poster:
    """Implements `extensions.Post` over the Env's streams."""

    env: Env
    _tls: ssl.SSLContext | None = None

    async def __call__(self, url: str, *, body: bytes, headers: Mapping[str, str]) -> HttpAnswer:
        """Send one POST and return the answer.  Cancelling closes the connection."""
        if fault := address_fault(url):
            raise NotDelivered(f"the address cannot be used: {fault}", is_final=True)
        parts = urlsplit(url)
        origin = f"{parts.scheme}://{parts.netloc}"
        if parts.scheme == "https" and self._tls is None:
            # Reads the list of authorities from the disk (30 ms).
            self._tls = await self.env.run_blocking(ssl.create_default_context)
        try:
            with trio.fail_after(POST_BUDGET_S):
                return await self._post(origin, url, body, headers)
        except TRANSPORT_FAILURES as exc:
            words = transport_error(exc, endpoint=parts.hostname or "", writes=False)
            # Not chained into what is shown: an error of the library may hold the whole address.
            raise NotDelivered(f"{words}") from None

    def now(self) -> Timestamp:
        """Return the wall clock."""
        return Timestamp(self.env.wall_ns())

    async def _post(
        self, origin: str, url: str, body: bytes, headers: Mapping[str, str]
    ) -> HttpAnswer:
        plain = {"Accept-Encoding": "identity", **headers}
        client = make_http_client(self.env, base_url=origin, ssl_context=self._tls)
        async with (
            client,
            client.stream("POST", url, content=body, headers=plain) as answer,
        ):
            content = bytearray()
            # Read to its end within the time, so that no iterator of the library is left half way; kept only in part.
            async for chunk in answer.aiter_raw():
                content += chunk[: ANSWER_BYTES_MAX - len(content)]
            return HttpAnswer(
                status=answer.status_code,
                headers={name.lower(): value for name, value in answer.headers.items()},
                body=bytes(content),
            )
