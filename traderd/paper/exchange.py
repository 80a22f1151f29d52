"""The whole paper exchange: a venue, its street, its accounts, its two interfaces and its faults.

Owns: the tasks of one exchange and its clock. Every call of the venue is followed at once by `settle`, which sends
what happened to the subscribers, so REST and WebSocket tell one story; with a state file nobody hears anything that
is not on the disk.
Must not: hold a rule of trading, or know who traded with whom outside (`core` is never imported).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from random import Random
from typing import Final, NoReturn

import attrs
import trio

from traderd.errors import StoreError
from traderd.kalshi.auth import PublicKey, generate_key, load_public_key
from traderd.model.units import NS_PER_S, Money, Timestamp
from traderd.paper.auth_check import ApiKey, KeyRegistry
from traderd.paper.faults.faults import Faults
from traderd.paper.faults.position_memory import PositionMemory
from traderd.paper.faults.request_door import FaultDoor, claimed_account
from traderd.paper.faults.shifted_env import ShiftedEnv
from traderd.paper.feed import api as feed_api
from traderd.paper.feed.api import FeedApi
from traderd.paper.flow.order_flow import OrderFlow
from traderd.paper.ids import SeededIds
from traderd.paper.rate_limits import RateLimits
from traderd.paper.rest import api as rest_api
from traderd.paper.rest.api import RestApi
from traderd.paper.rest.call import Desk
from traderd.paper.scenario import Scenario, build_venue, street_plans, weekly_pauses
from traderd.paper.serving.http_server import (
    DEFAULT_LIMITS,
    ConnectionDropped,
    HttpLimits,
    HttpServer,
    Request,
    RequestHandler,
    Response,
    SessionHandler,
    UpgradeHandler,
)
from traderd.paper.serving.request_log import RequestLog
from traderd.paper.settings import DEFAULT_SETTINGS, ExchangeSettings, Tier
from traderd.paper.state.keeper import Past
from traderd.paper.state.key_rows import key_of, key_row
from traderd.paper.state.recorder import Recorder
from traderd.paper.state.restore import restore
from traderd.paper.state.rows import GrantRow
from traderd.paper.venue.venue import Venue
from traderd.runtime.env import Env

EXPIRY_CHECK_S: Final = 1.0
"""Bounds how long an expiry that came in while we slept can go unnoticed: expiry times are whole seconds."""


@attrs.frozen(kw_only=True)
class Credentials:
    """What a trader needs to use an account."""

    name: str
    account_id: str
    key_id: str
    private_pem: bytes = attrs.field(repr=False)


@attrs.frozen(kw_only=True)
class Opening:
    """How an account began: what a reset gives back to it."""

    account_id: str
    name: str
    cash: Money


class PaperExchange:
    """One running exchange; made by `running.run_paper_exchange`."""

    def __init__(
        self,
        *,
        env: Env,
        address: str,
        scenario: Scenario,
        seed: int = 0,
        limits: HttpLimits = DEFAULT_LIMITS,
        settings: ExchangeSettings = DEFAULT_SETTINGS,
        ids: Callable[[], str] | None = None,
        recorder: Recorder | None = None,
        past: Past | None = None,
        log: Callable[[str], None] | None = None,
    ) -> None:
        """Build an exchange that is reachable at `address` (`host:port`) once it is served.

        Args:
            env: the outside world.
            address: as clients write it.
            scenario: what the venue starts with.
            seed: of the faults' chances.
            limits: bounds of the listener's clients.
            settings: what its operator may choose.
            ids: gives ids; None takes random ones.
            recorder: writes what happens to the state file; None forgets everything at the end.
            past: what the state file holds; None begins with the scenario.
            log: takes one line for each request; None writes none.

        Raises:
            StoreError: the past contradicts itself.
        """
        self.rest_url = f"http://{address}{rest_api.PREFIX}"
        self.ws_url = f"ws://{address}{feed_api.PATH}"
        self.accounts: dict[str, Credentials] = {}
        """The accounts that were made here, by name."""
        self.faults = Faults(rng=Random(f"faults {seed}"), elapsed_s=env.monotonic)
        self.keys = KeyRegistry(on_change=self._note_key)
        self.scenario = scenario
        self.settings = settings
        # A fault may make the exchange's clock wrong, for everything that it tells and judges by.
        self._env = ShiftedEnv(env, self.faults.clock_offset_ns)
        self._last = Timestamp(env.wall_ns())
        self._ids = ids or env.new_id
        self._recorder = recorder
        self._openings: dict[str, Opening] = {}
        self._flow_scope = trio.CancelScope()
        self.venue: Venue
        """Replaced as a whole by `reset`: read it anew each time."""
        self.feed: FeedApi
        self._door = FaultDoor(
            prefix=rest_api.PREFIX,
            faults=self.faults,
            answer=self._answer,
            who=self._who,
            now=self.now,
            cancel_all=self._cancel_all,
        )
        handle: RequestHandler = self._door.handle
        upgrade: UpgradeHandler = self._upgrade
        if log is not None:
            lines = RequestLog(env=env, who=self._who, write=log)
            handle, upgrade = lines.handler(handle), lines.upgrader(upgrade)
        self.server = HttpServer(env=self._env, handle=handle, upgrade=upgrade, limits=limits)
        self.resumed = past is not None
        """Whether the state file brought back a past."""
        if past is not None:
            self._restore(past)
        else:
            self._install(self._new_venue())

    # --- the venue --------------------------------------------------------------------------------

    def _new_venue(self) -> Venue:
        return build_venue(
            self.scenario, ids=self._ids, now=self.now(), tracks=self._recorder is not None
        )

    def _install(self, venue: Venue, grants: Iterable[GrantRow] = ()) -> None:
        self.venue = venue
        self.feed = FeedApi(env=self._env, venue=venue, keys=self.keys, faults=self.faults)
        self._memory = PositionMemory(venue, self.faults)
        limits = RateLimits(self.settings.tier, on_grant=self._note_grant)
        for row in grants:
            limits.grant(row.account_id, row.tier, self.now())
        desk = Desk(
            venue=venue,
            keys=self.keys,
            settings=self.settings,
            new_id=self._ids,
            positions=self._memory.positions,
            limits=limits,
        )
        self._rest = RestApi(env=self._env, desk=desk, now=self.now, settle=self.settle)
        if self._recorder is not None:
            self._recorder.follow(venue, self.feed.release)

    def _restore(self, past: Past) -> None:
        venue = Venue(ids=self._ids, pauses=weekly_pauses(self.scenario), tracks=True)
        held = restore(venue, past)
        # The wall clock may have stepped back while nobody was here.
        self._last = max(self._last, held.ledger.at)
        if isinstance(self._ids, SeededIds):
            self._ids.count = held.ledger.ids
        for row in held.keys:
            self.keys.add(key_of(row))
        self._install(venue, held.grants)
        if self._recorder is not None:
            self._recorder.forget_noted()

    def reset(self) -> None:
        """Begin anew: the scenario's start, the same keys, every account with the cash it was opened with.

        Every WebSocket is dropped, so that no client goes on with books of before.
        """
        self.feed.drop(None)
        self._install(self._new_venue())
        self._door.forget()
        for opening in self._openings.values():
            self.venue.open_account(opening.account_id, opening.cash, self.now(), name=opening.name)
        if self._recorder is not None:
            self._recorder.begin_anew(
                key_row(key, is_there=True)
                for account_id in self.venue.account_ids()
                for key in self.keys.of(account_id)
            )
        self._flow_scope.cancel()
        self.settle()

    # --- time and news ----------------------------------------------------------------------------

    def now(self) -> Timestamp:
        """Return the exchange's time: the wall clock, but it waits when that steps back."""
        self._last = max(self._last, Timestamp(self._env.wall_ns()))
        return self._last

    def settle(self) -> None:
        """Do what is due and broadcast what happened; call it after every call of the venue."""
        now = self.now()
        due = self.venue.next_due()
        if due is not None and due <= now:
            self.venue.advance(now)
        self._memory.note(now)
        if self._recorder is not None:
            ticket = self._recorder.record(now)
            if ticket is not None:
                self.feed.hold(ticket)
        self.feed.publish()

    async def wait_durable(self) -> None:
        """Return when everything that happened is on the disk; at once without a state file.

        Cancelling is safe. Raises StoreError: the disk failed, and with it the exchange.
        """
        if self._recorder is not None and not self._recorder.keeper.is_durable:
            await self._recorder.keeper.wait_durable()

    async def _answer(self, request: Request) -> Response:
        response = await self._rest.handle(request)
        try:
            await self.wait_durable()
        except StoreError as exc:
            # What the client asked for may be lost, so it gets no answer at all.
            raise ConnectionDropped(str(exc)) from exc
        return response

    def _upgrade(self, request: Request) -> Response | SessionHandler:
        # The feed is another one after a reset.
        return self.feed.upgrade(request)

    def pause(self, *, whole_exchange: bool = False) -> None:
        """Take no orders until `resume`; cancels are still taken unless the whole exchange is paused."""
        self.venue.pauses.begin(self.now(), whole_exchange=whole_exchange)
        self.settle()

    def resume(self) -> None:
        """End a pause."""
        self.venue.pauses.end()
        self.settle()

    # --- accounts ---------------------------------------------------------------------------------

    def create_account(self, name: str, cash: Money) -> Credentials:
        """Open an account with a fresh Ed25519 key.

        Raises:
            VenueRefusal: the cash is negative.
        """
        private_pem, public_pem = generate_key("ed25519")
        key_id = self._ids()
        account_id = self.open_account(cash, key_id, load_public_key(public_pem), name=name)
        made = Credentials(name=name, account_id=account_id, key_id=key_id, private_pem=private_pem)
        self.accounts[name] = made
        return made

    def open_account(
        self, cash: Money, key_id: str, public_key: PublicKey, *, name: str = ""
    ) -> str:
        """Open an account for a key that exists and return the account's id.

        One of this name that a state file brought back keeps its money. Raises VenueRefusal.
        """
        account_id = self._account_named(name) or self._ids()
        if account_id not in self.venue.account_ids():
            self.venue.open_account(account_id, cash, self.now(), name=name)
        self._openings[account_id] = Opening(account_id=account_id, name=name, cash=cash)
        self.keys.add(
            ApiKey(key_id=key_id, account_id=account_id, public_key=public_key, name=name)
        )
        self.settle()
        return account_id

    def _cancel_all(self, name: str) -> None:
        account_id = self._account_named(name)
        if account_id is not None:
            self.venue.cancel_all(account_id, None, self.now())
            self.settle()

    def _who(self, headers: Mapping[str, str]) -> str | None:
        return claimed_account(self.keys, self.venue, headers)

    def _account_named(self, name: str) -> str | None:
        for account_id in self.venue.account_ids() if name else ():
            if self.venue.account(account_id).name == name:
                return account_id
        return None

    def _note_key(self, key: ApiKey, is_there: bool) -> None:
        if self._recorder is not None:
            self._recorder.note(key_row(key, is_there=is_there))

    def _note_grant(self, account_id: str, tier: Tier) -> None:
        if self._recorder is not None:
            self._recorder.note(GrantRow(account_id=account_id, tier=tier))

    # --- tasks ------------------------------------------------------------------------------------

    async def run_street(self, seed: int, rate: float) -> NoReturn:
        """Let the street trade until cancelled, anew after every reset."""
        while True:
            with trio.CancelScope() as self._flow_scope:
                plans = street_plans(self.scenario)
                flow = OrderFlow(self.venue, Random(seed), rate, plans)
                if flow.is_needed:
                    await self._run_flow(flow)
                await trio.sleep_forever()

    async def _run_flow(self, flow: OrderFlow) -> NoReturn:
        while True:
            delay_s, action = flow.next_action(self.now())
            await trio.sleep(delay_s)
            flow.apply(action, self.now())
            self.settle()

    async def run_expiries(self) -> NoReturn:
        """Do on time what falls due until cancelled."""
        while True:
            due = self.venue.next_due()
            wait_s = math.inf if due is None else max(0, due - self.now()) / NS_PER_S
            await trio.sleep(min(wait_s, EXPIRY_CHECK_S))
            self.settle()
