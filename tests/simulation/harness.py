"""A whole daemon and a whole exchange in one virtual world.

Owns: starting the real `run_daemon` over in-memory streams, beside an exchange that may outlive it, and killing it
the way a machine kills a process: its disk and network refuse first, then its tasks go.
Must not: replace any part of the daemon but its `Env`.
"""

from __future__ import annotations

import io
import json
import shutil
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from functools import partial
from pathlib import Path
from typing import Any, Final, TypeVar

import apsw
import attrs
import trio

from traderd.app import Daemon, run_daemon
from traderd.config import Config, load_config
from traderd.core.view import StateView
from traderd.errors import StoreError
from traderd.model.commands import CancelOrder, Command, Outcome, PlaceOrder
from traderd.model.ids import MarketTicker
from traderd.model.orders import Attribution, OrderOwner, OrderTerms, Side
from traderd.model.states import State
from traderd.model.units import Count, format_price, parse_count, parse_money, parse_price
from traderd.paper.exchange import Credentials, PaperExchange
from traderd.paper.running import run_paper_exchange
from traderd.paper.scenario import Scenario, default_scenario
from traderd.plugin_manager import PluginManager, load_plugins
from traderd.runtime.simulation import MemoryNetwork, SimEnv
from traderd.services.paper_exchange import EXTRA
from traderd.store.database import Row
from traderd.store.plugin_switches import read_switches
from traderd.store.start_record import STARTS_FILE

T = TypeVar("T")

REPOSITORY: Final = Path(__file__).parents[2]
"""Where `plugins/` with the demo strategy is."""
EXCHANGE_PORT: Final = 9_000
ACCOUNT: Final = "ann"
CASH: Final = "1000.00"
LOOK_EVERY_S: Final = 0.02
"""How often a waiting test looks, in virtual time."""
TICKERS: Final = tuple(market.ticker for market in default_scenario().markets)


def _nobody_looks(_: Any) -> None:
    pass


class ProcessDead(BaseException):
    """What a dead process would do next."""


# --- the process's outside ------------------------------------------------------------------------


class MortalStream(trio.abc.HalfCloseableStream):
    """A daemon's end of a connection, which breaks when its process dies."""

    def __init__(self, inner: Any, env: MortalEnv) -> None:
        self._inner, self._env = inner, env

    def _check(self) -> None:
        if self._env.dead:
            raise trio.BrokenResourceError("the process is dead")

    async def send_all(self, data: bytes | bytearray | memoryview) -> None:
        self._check()
        self._env.on_send(bytes(data))
        await self._inner.send_all(data)

    async def wait_send_all_might_not_block(self) -> None:
        self._check()
        await self._inner.wait_send_all_might_not_block()

    async def send_eof(self) -> None:
        self._check()
        await self._inner.send_eof()

    async def receive_some(self, max_bytes: int | None = None) -> bytes:
        self._check()
        return bytes(await self._inner.receive_some(max_bytes))

    async def aclose(self) -> None:
        self._env.streams.pop(self, None)
        await self._inner.aclose()

    def cut(self) -> None:
        """End the connection as the kernel does: what was sent still arrives."""
        self._inner.send_stream.close()
        self._inner.receive_stream.close()


class MortalEnv(SimEnv):
    """The outside of one process, which can die."""

    def __init__(self, *, seed: int, network: MemoryNetwork) -> None:
        super().__init__(seed=seed, network=network)
        self.dead = False
        self.disk_words: str | None = None
        """What the disk says instead of taking a commit; None while it is well."""
        self.streams: dict[MortalStream, None] = {}
        self.wall_step_ns = 0
        """How far somebody has set the wall clock."""
        self.on_send: Callable[[bytes], None] = _nobody_looks
        """Told of everything that the process hands to a connection, at the moment at which it goes."""
        self.on_durable: Callable[[Sequence[Row]], None] = _nobody_looks
        """Told of every batch of rows of the journal that is on the disk."""

    def wall_ns(self) -> int:
        return super().wall_ns() + self.wall_step_ns

    async def connect(self, host: str, port: int, *, tls: bool) -> trio.abc.Stream:
        if self.dead:
            raise OSError("the process is dead")
        stream = MortalStream(await super().connect(host, port, tls=tls), self)
        self.streams[stream] = None
        return stream

    async def run_blocking(self, function: Callable[..., T], *args: Any) -> T:
        if self.dead:
            raise ProcessDead
        if self.disk_words is not None and function.__name__ == "append":
            raise StoreError(self.disk_words)

        def told(*args: Any) -> T:
            result = function(*args)
            if function.__name__ == "append":
                # It is on the disk, although the caller hears of it later.
                self.on_durable(*args)
            return result

        try:
            result = await super().run_blocking(told, *args)
        except StoreError:
            # Of a disk that died with the process nobody hears.
            if self.dead:
                raise ProcessDead from None
            raise
        if self.dead:
            raise ProcessDead
        return result

    def die(self) -> None:
        """Let nothing leave the process any more."""
        self.dead = True
        for stream in tuple(self.streams):
            stream.cut()
        self.streams.clear()


# --- an exchange of its own -----------------------------------------------------------------------


@attrs.define(eq=False)
class SimulatedExchange:
    """An exchange that outlives the daemons that trade on it."""

    exchange: PaperExchange
    network: MemoryNetwork
    credentials: Credentials
    key_file: Path

    def settings(self) -> dict[str, Any]:
        """What a daemon needs to trade here."""
        return {
            "exchange.embedded": False,
            "exchange.rest_url": self.exchange.rest_url,
            "exchange.ws_url": self.exchange.ws_url,
            "exchange.key_id": self.credentials.key_id,
            "exchange.key_file": str(self.key_file),
            "market_data.markets": TICKERS,
        }


@asynccontextmanager
async def simulated_exchange(
    directory: Path,
    *,
    seed: int = 1,
    events_per_s: float = 0.0,
    scenario: Scenario | None = None,
) -> AsyncIterator[SimulatedExchange]:
    """Serve an exchange with one account; the street is still unless it is given a rate."""
    network = MemoryNetwork()
    env = SimEnv(seed=seed, network=network)
    listener, port = await env.listen("127.0.0.1", EXCHANGE_PORT)
    body_error: Exception | None = None
    async with trio.open_nursery() as nursery:
        exchange: PaperExchange = await nursery.start(
            partial(
                run_paper_exchange,
                env=env,
                listener=listener,
                address=f"127.0.0.1:{port}",
                scenario=scenario or default_scenario(),
                seed=seed,
                accounts={ACCOUNT: parse_money(CASH)},
                flow_rate=events_per_s,
            )
        )
        credentials = exchange.accounts[ACCOUNT]
        key_file = directory / "key.pem"
        key_file.write_bytes(credentials.private_pem)
        key_file.chmod(0o600)
        try:
            yield SimulatedExchange(exchange, network, credentials, key_file)
        except Exception as exc:  # noqa: BLE001 - raised again, outside the nursery's group
            body_error = exc
        nursery.cancel_scope.cancel()
    if body_error is not None:
        raise body_error


# --- the daemon -----------------------------------------------------------------------------------


@attrs.define(eq=False)
class SimulatedDaemon:
    """A running daemon and the levers of its world."""

    env: MortalEnv
    log: io.StringIO
    scope: trio.CancelScope = attrs.Factory(trio.CancelScope)
    ended: trio.Event = attrs.Factory(trio.Event)
    _daemon: Daemon | None = None
    _exchange: PaperExchange | None = None

    @property
    def daemon(self) -> Daemon:
        """The composed daemon."""
        assert self._daemon is not None, "the daemon has not begun"
        return self._daemon

    @property
    def view(self) -> StateView:
        """Its state, read-only."""
        return self.daemon.shared.view

    @property
    def state(self) -> State:
        """Where it is on its way."""
        return self.view.state

    @property
    def exchange(self) -> PaperExchange:
        """The exchange that it trades on."""
        if self._exchange is None:
            self._exchange = self.daemon.shared.extras[EXTRA]
        assert self._exchange is not None
        return self._exchange

    @property
    def account_id(self) -> str:
        """The account that it trades with."""
        (account_id,) = self.exchange.venue.account_ids()
        return account_id

    # --- waiting ----------------------------------------------------------------------------------

    async def wait_until(self, condition: Callable[[], Any], *, within_s: float = 60.0) -> None:
        """Look until the condition holds; fail with the last log lines when it does not in time."""
        with trio.move_on_after(within_s):
            while not condition():  # noqa: ASYNC110 - any condition may be waited for
                await trio.sleep(LOOK_EVERY_S)
        if not condition():
            tail = "\n".join(line["event"] for line in self.lines()[-25:])
            raise AssertionError(
                f"not within {within_s:g} s; the daemon is {self.state.value}\n{tail}"
            )

    async def wait_state(self, *states: State, within_s: float = 90.0) -> None:
        """Wait until the daemon is in one of these states."""
        await self.wait_until(lambda: self.state in states, within_s=within_s)

    async def wait_ready(self, within_s: float = 90.0) -> None:
        """Wait until it can trade."""
        await self.wait_state(State.READY, within_s=within_s)

    # --- acting -----------------------------------------------------------------------------------

    async def send(self, command: Command) -> Outcome:
        """Send a command and return its outcome."""
        return await self.daemon.shared.commands.send(command)

    async def place(
        self,
        side: str,
        count: str,
        price: str,
        *,
        ticker: str = TICKERS[0],
        strategy: bool = False,
        **terms: Any,
    ) -> Outcome:
        """Place one order in people's words; a person's unless a `strategy`'s."""
        owner = OrderOwner.STRATEGY if strategy else OrderOwner.PERSON
        return await self.send(
            PlaceOrder(
                terms=order_terms(side, count, price, ticker=ticker, **terms),
                attribution=Attribution(owner=owner),
            )
        )

    def hush_feeds(self) -> None:
        """Let the exchange's WebSockets say nothing of what happens from now on."""
        self.exchange.feed.publish = self.exchange.venue.take_outbox  # type: ignore[assignment]

    def trade_through(self, side: str, price: str, *, ticker: str = TICKERS[0]) -> None:
        """Let the street take everything up to a price; `side` is the street's."""
        self.exchange.venue.street.take(
            MarketTicker(ticker),
            Side(side),
            parse_price(price),
            Count(10**9),
            self.exchange.now(),
        )
        self.exchange.settle()

    def touch(self, ticker: str = TICKERS[0]) -> tuple[str, str]:
        """Return best bid and ask as the exchange has them, as texts."""
        bids, asks = self.exchange.venue.book(ticker)
        return format_price(bids[0][0]), format_price(asks[0][0])

    async def cancel(self, key: str | None) -> Outcome:
        """Cancel one order."""
        assert key is not None
        return await self.send(CancelOrder(key=key))

    def stop(self) -> None:
        """Begin the ordered stop."""
        self.daemon.stop("the test asked")

    def kill(self) -> None:
        """End the process at once; nothing of it reaches disk or network any more."""
        self.env.die()
        self.scope.cancel(reason="the process was killed")

    # --- what happened ----------------------------------------------------------------------------

    def lines(self) -> list[dict[str, Any]]:
        """Return every log line so far."""
        return [json.loads(line) for line in self.log.getvalue().splitlines()]

    def count(self, words: str) -> int:
        """Return how many log lines have these words."""
        return sum(words in line["event"] for line in self.lines())

    def said(self, words: str) -> bool:
        """Tell whether a log line has these words."""
        return any(words in line["event"] for line in self.lines())

    def states(self) -> list[str]:
        """Return the states that were entered, oldest first."""
        return [change.to_state.value for change in self.view.transitions]


@asynccontextmanager
async def simulated_daemon(
    state_dir: Path,
    *,
    seed: int = 1,
    at: SimulatedExchange | None = None,
    strategies: bool = False,
    ready: bool = True,
    crash_guard: bool = False,
    **settings: Any,
) -> AsyncIterator[SimulatedDaemon]:
    """Run the daemon; leaving the block cancels it, after which it must be gone.

    Args:
        state_dir: where its journal is; the same directory again is the same daemon restarted.
        seed: of its chance, and of the embedded exchange.
        at: the exchange to trade on; None embeds one, whose street is still by default.
        strategies: run the demo strategy that `sim` runs.
        ready: wait for `ready` before the block begins.
        crash_guard: count the ends of earlier runs; most tests kill faster than a machine could.
        settings: of the configuration, with two underscores for the dot.
    """
    flags: dict[str, Any] = {"state_dir": str(state_dir), "web.enabled": False}
    flags |= {"exchange.seed": seed, "exchange.events_per_s": 0.0} if at is None else at.settings()
    # Tests that do not speak of rates place as fast as they like.
    flags |= {"risk.max_messages_per_s": 0, "risk.max_market_messages_per_s": 0}
    flags |= {name.replace("__", "."): value for name, value in settings.items()}
    config = load_config(variables={}, directory=state_dir, flags=flags)
    if not crash_guard:
        (state_dir / STARTS_FILE).unlink(missing_ok=True)
    env = MortalEnv(seed=seed, network=at.network if at else MemoryNetwork())
    simulated = SimulatedDaemon(
        env=env, log=io.StringIO(), exchange=at.exchange if at is not None else None
    )
    main = partial(
        run_daemon,
        config,
        env=env,
        log_stream=simulated.log,
        directory=REPOSITORY,
        plugins=None if strategies else own_plugins(config, state_dir),
    )
    body_error: Exception | None = None
    async with trio.open_nursery() as nursery:
        simulated._daemon = await nursery.start(_run_process, simulated, main)
        try:
            if ready:
                await simulated.wait_ready()
            yield simulated
        except Exception as exc:  # noqa: BLE001 - raised again, outside the nursery's group
            body_error = exc
        simulated.scope.cancel(reason="the test is over")
    if env.dead:
        # The kernel would close the file of a dead process; what was not committed is lost.
        with suppress(apsw.IOError):
            simulated.daemon.shared.journal._database._connection.close(True)
    if body_error is not None:
        raise body_error


def own_plugins(config: Config, directory: Path) -> PluginManager:
    """Return the plugins of a daemon that has none of the examples, of which one trades."""
    off = read_switches(config.state_path())
    disabled = {name: switch.sentence for name, switch in off.items()}
    return load_plugins([directory / "plugins"], disabled=disabled)


async def _run_process(
    simulated: SimulatedDaemon,
    main: Callable[..., Awaitable[None]],
    *,
    task_status: trio.TaskStatus[Daemon],
) -> None:
    try:
        with simulated.scope:
            try:
                await main(task_status=task_status)
            except* ProcessDead:
                assert simulated.env.dead
    finally:
        simulated.ended.set()


# --- words ----------------------------------------------------------------------------------------


def order_terms(
    side: str, count: str, price: str, *, ticker: str = TICKERS[0], **terms: Any
) -> OrderTerms:
    """Return what an order asks for, from people's words."""
    return OrderTerms(
        ticker=MarketTicker(ticker),
        side=Side(side),
        price=parse_price(price),
        count=parse_count(count),
        **terms,
    )


def fresh(directory: Path) -> Path:
    """Return an empty directory, made anew."""
    shutil.rmtree(directory, ignore_errors=True)
    directory.mkdir(parents=True)
    return directory
