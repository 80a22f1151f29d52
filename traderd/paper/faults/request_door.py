"""The door that every REST request goes through: what the faults do to it on its way in and out.

Owns: the order of a request's misfortunes: lost, slow, refused, carried out, spoiled, kept back, its reply lost; and
the cancel-all that goes on catching orders. Without faults it only hands the request on.
Must not: know a route's meaning beyond creating and canceling, or answer anything itself but a fault.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Final

import attrs
import trio

from traderd.model.units import NS_PER_S, Timestamp
from traderd.paper.auth_check import KeyRegistry
from traderd.paper.faults.faults import ORDERS, Faults
from traderd.paper.rest.call import refuse
from traderd.paper.serving.http_server import ConnectionDropped, Request, Response
from traderd.paper.venue.messages import VenueRefusal
from traderd.paper.venue.venue import Venue

CREATES: Final = (ORDERS, f"{ORDERS}/batched", "/portfolio/orders", "/portfolio/orders/batched")
"""Where orders are placed, in either dialect, below the API's prefix."""


@attrs.define(eq=False)
class FaultDoor:
    """Stands before one REST interface."""

    prefix: str
    """Of the API, for the paths that rules are written with."""
    faults: Faults
    answer: Callable[[Request], Awaitable[Response]]
    """Carries a request out."""
    who: Callable[[Mapping[str, str]], str | None]
    """Gives the account's name that a request's headers claim, whether or not they are true."""
    now: Callable[[], Timestamp]
    cancel_all: Callable[[str], None]
    """Cancels all of an account's orders, by its name."""
    _catching: dict[str, Timestamp] = attrs.field(factory=dict)
    """Until when an account's last cancel-all catches what it places."""

    def forget(self) -> None:
        """Let no cancel-all of before catch anything any more: the accounts start anew."""
        self._catching.clear()

    async def handle(self, request: Request) -> Response:
        """Answer one request as the faults will have it.

        Cancelling during a delayed reply does not undo what was done.

        Raises:
            ConnectionDropped: a fault takes the request or its reply away.
        """
        if not self.faults.are_on and not self._catching:
            return await self.answer(request)
        account = self.who(request.headers)
        path = request.path.removeprefix(self.prefix)
        fate = self.faults.request_fate(request.method, path, account)
        if not fate.arrives:
            raise ConnectionDropped("a fault takes the request away")
        if fate.wait_s:
            await trio.sleep(fate.wait_s)
        if fate.refusal is not None:
            response = refuse(fate.refusal)
        else:
            response = await self.answer(request)
            self._catch(request.method, path, account, response)
        if fate.spoiled is not None:
            response = refuse(fate.spoiled)
        if fate.reply_wait_s:
            await trio.sleep(fate.reply_wait_s)
        if not fate.reply_arrives:
            raise ConnectionDropped("a fault takes the reply away")
        return response

    def _catch(self, method: str, path: str, account: str | None, response: Response) -> None:
        if account is None or response.status >= 300:
            return
        if method == "DELETE" and path == ORDERS:
            window_s = self.faults.cancel_all_window_s(account)
            self._catching.pop(account, None)
            if window_s:
                self._catching[account] = Timestamp(self.now() + round(window_s * NS_PER_S))
        elif method == "POST" and path in CREATES:
            until = self._catching.get(account)
            if until is not None and self.now() < until:
                self.cancel_all(account)
            elif until is not None:
                del self._catching[account]


def claimed_account(keys: KeyRegistry, venue: Venue, headers: Mapping[str, str]) -> str | None:
    """Return the name of the account that a request says it is from, true or not; None for nobody's."""
    key = keys.claimed(headers)
    if key is None:
        return None
    try:
        return venue.account(key.account_id).name
    except VenueRefusal:
        # A key may be there before its account.
        return None
