"""The whole paper exchange: a venue, its street, its accounts, its two interfaces and its faults.

Owns: the tasks of one exchange and its clock. Every call of the venue is followed at once by `settle`, which sends
what happened to the subscribers, so REST and WebSocket tell one story.
Must not: hold a rule of trading, or know who traded with whom outside (`core` is never imported).
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from functools import partial
from random import Random
from typing import Final, NoReturn

import attrs
import trio

from traderd.kalshi.auth import PublicKey, generate_key, load_public_key
from traderd.model.units import NS_PER_S, Money, Timestamp
from traderd.paper.auth_check import ApiKey, KeyRegistry
from traderd.paper.faults import Faults
from traderd.paper.feed import api as feed_api
from traderd.paper.feed.api import FeedApi
from traderd.paper.flow.order_flow import DEFAULT_RATE_PER_S, OrderFlow
from traderd.paper.rest import api as rest_api
from traderd.paper.rest.api import RestApi
from traderd.paper.scenario import Scenario, build_venue
from traderd.paper.serving.http_server import DEFAULT_LIMITS, HttpLimits, HttpServer
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


class PaperExchange:
    """One running exchange; made by `run_paper_exchange`."""

    def __init__(self, *, env: Env, address: str, scenario: Scenario, limits: HttpLimits) -> None:
        """Build an exchange that is reachable at `address` (`host:port`) once it is served."""
        self.rest_url = f"http://{address}{rest_api.PREFIX}"
        self.ws_url = f"ws://{address}{feed_api.PATH}"
        self.accounts: dict[str, Credentials] = {}
        """The accounts that were made here, by name."""
        self.faults = Faults()
        self.keys = KeyRegistry()
        self._env = env
        self._last = Timestamp(env.wall_ns())
        # Ids are never seeded: a trader's journal outlives the exchange, and a repeated trade id would be
        # taken for a fill it knows already.
        self.venue = build_venue(scenario, ids=env.new_id, now=self._last)
        self.feed = FeedApi(env=env, venue=self.venue, keys=self.keys, faults=self.faults)
        rest = RestApi(
            env=env,
            venue=self.venue,
            keys=self.keys,
            faults=self.faults,
            now=self.now,
            settle=self.settle,
        )
        self.server = HttpServer(
            env=env, handle=rest.handle, upgrade=self.feed.upgrade, limits=limits
        )

    def now(self) -> Timestamp:
        """Return the exchange's time: the wall clock, but it waits when that steps back."""
        self._last = max(self._last, Timestamp(self._env.wall_ns()))
        return self._last

    def settle(self) -> None:
        """Expire what is due and broadcast what happened; call it after every call of the venue."""
        now = self.now()
        due = self.venue.next_due()
        if due is not None and due <= now:
            self.venue.expire_due(now)
        self.feed.publish()

    def create_account(self, name: str, cash: Money) -> Credentials:
        """Open an account with a fresh Ed25519 key.

        Raises:
            VenueRefusal: the cash is negative.
        """
        private_pem, public_pem = generate_key("ed25519")
        key_id = self._env.new_id()
        account_id = self.open_account(cash, key_id, load_public_key(public_pem))
        made = Credentials(name=name, account_id=account_id, key_id=key_id, private_pem=private_pem)
        self.accounts[name] = made
        return made

    def open_account(self, cash: Money, key_id: str, public_key: PublicKey) -> str:
        """Open an account for a key that exists and return the account's id; raises VenueRefusal."""
        account_id = self._env.new_id()
        self.venue.open_account(account_id, cash)
        self.keys.add(ApiKey(key_id=key_id, account_id=account_id, public_key=public_key))
        return account_id

    async def run_street(self, flow: OrderFlow) -> NoReturn:
        """Let the street trade until cancelled."""
        while True:
            delay_s, action = flow.next_action(self.now())
            await trio.sleep(delay_s)
            flow.apply(action, self.now())
            self.settle()

    async def run_expiries(self) -> NoReturn:
        """Expire orders and close markets on time until cancelled."""
        while True:
            due = self.venue.next_due()
            wait_s = math.inf if due is None else max(0, due - self.now()) / NS_PER_S
            await trio.sleep(min(wait_s, EXPIRY_CHECK_S))
            self.settle()


async def run_paper_exchange(
    *,
    env: Env,
    listener: trio.abc.Listener[trio.abc.Stream],
    address: str,
    scenario: Scenario,
    seed: int,
    accounts: Mapping[str, Money] | None = None,
    flow_rate: float = DEFAULT_RATE_PER_S,
    limits: HttpLimits = DEFAULT_LIMITS,
    task_status: trio.TaskStatus[PaperExchange] = trio.TASK_STATUS_IGNORED,
) -> None:
    """Serve a paper exchange until cancelled; `task_status` gets it once clients can connect.

    Cancelling ends every connection without farewell.

    Args:
        env: clock, ids and streams.
        listener: where clients come in; closed at the end.
        address: `host:port` as clients write it.
        scenario: markets, opening books, and the accounts to make.
        seed: of the street's behaviour; equal seeds give equal flows.
        accounts: accounts to make instead of the scenario's, with their cash.
        flow_rate: street actions a second; 0 makes a street that does nothing.
        limits: bounds of the listener's clients.
        task_status: for `nursery.start`.
    """
    exchange = PaperExchange(env=env, address=address, scenario=scenario, limits=limits)
    wanted = {spec.name: spec.money for spec in scenario.accounts}
    for name, cash in (wanted if accounts is None else accounts).items():
        exchange.create_account(name, cash)
    async with trio.open_nursery() as nursery:
        await nursery.start(partial(exchange.server.serve, listener))
        nursery.start_soon(exchange.run_expiries)
        # A street needs a market that opens with both sides to have an idea of its price.
        markets = exchange.venue.markets()
        if flow_rate > 0 and any(all(exchange.venue.book(each.ticker)) for each in markets):
            flow = OrderFlow(exchange.venue, Random(seed), flow_rate)
            nursery.start_soon(exchange.run_street, flow)
        task_status.started(exchange)
