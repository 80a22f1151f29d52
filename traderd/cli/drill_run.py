"""The rehearsal of the kill switch: a paper exchange, a real daemon, and `traderd kill` as a person would run it.

Owns: the scenarios, what is measured at the exchange's side, and the receipt.
Must not: use any account but the one of the exchange that it starts.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess  # sim-ok: the command line is a process of its own, and a drill needs real processes
import sys
import tempfile
from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any, Final

import attrs
import trio

from traderd import __version__
from traderd.cli.client import DaemonClient
from traderd.cli.json_request import CommandFailed
from traderd.config import CONTROL_SOCKET
from traderd.errors import TraderdError
from traderd.model.ids import MarketTicker
from traderd.model.orders import OrderStatus, OrderTerms, Side
from traderd.model.units import NS_PER_S, Count, Price, parse_count, parse_money
from traderd.paper.exchange import PaperExchange
from traderd.paper.ready import Ready
from traderd.paper.scenario import default_scenario
from traderd.paper.serve import ServeOptions, serve_exchange
from traderd.paper.settings import ExchangeSettings, Tier
from traderd.runtime.env import Env

SCENARIOS: Final = ("alive", "dead", "hanging")
LIMIT_S: Final = 3.0
"""What a drill must keep: from the start of the process to the proof that nothing rests."""
TIER: Final = Tier.BASIC
"""The lowest: what every account has. A default exchange has no limits, and would prove nothing."""
READY_S: Final = 30.0
TRADED_EVERY: Final = 10
"""The batches of a kill go in any order; whichever is first, some of these still rest then."""
LOOK_S: Final = 0.005
ACCOUNT: Final = "drill"
LOWEST: Final = Price(100)
"""Where the orders rest that nobody trades with: one cent."""


@attrs.frozen(kw_only=True)
class DrillOptions:
    """What a person chooses."""

    orders: int
    scenarios: tuple[str, ...]
    receipts: Path


@attrs.define(kw_only=True)
class ScenarioResult:
    """How one scenario went."""

    daemon: str
    orders: int
    verified: bool = False
    seconds_until_empty: float | None = None
    """From the start of `traderd kill` until no order rested, at the exchange's side."""
    seconds_until_verified: float | None = None
    """Until `traderd kill` had ended."""
    fills_meanwhile: int = 0
    fills_recorded: int = 0
    """By the daemon, of those meanwhile; by the next one when it was dead."""
    phases: dict[str, float] = attrs.Factory(dict)
    """How many seconds after the start of the process `traderd kill` reached each phase."""
    latched: bool = False
    """The daemon, or the next one, honours the latch."""
    problems: list[str] = attrs.Factory(list)

    @property
    def passed(self) -> bool:
        """Tell whether everything held."""
        return not self.problems


class Rig:
    """The exchange, the files and the processes of a drill."""

    def __init__(self, directory: Path, exchange: PaperExchange, ready: Ready, env: Env) -> None:
        self.directory, self.exchange, self.env = directory, exchange, env
        # Not the person's own: what holds for a real account must not decide over a rehearsal.
        self._no_settings = directory / "traderd.toml"
        self._no_settings.touch()
        self._ready = ready
        self.account_id = exchange.venue.account_ids()[0]
        self.tickers = tuple(market.ticker for market in default_scenario().markets)[:2]

    def settings(self, state_dir: Path) -> list[str]:
        """Return the options with which a process uses this exchange."""
        account = self._ready.accounts[0]
        found = {
            "exchange.embedded": "false",
            "exchange.rest_url": self._ready.rest_url,
            "exchange.ws_url": self._ready.ws_url,
            "exchange.key_id": account.key_id,
            "exchange.key_file": account.key_file,
            "market_data.markets": ",".join(self.tickers),
            "risk.max_open_orders": "2000",
            # The usual one has the person's own daemon.
            "web.port": "0",
        }
        options = ["--config", str(self._no_settings), "--environment", "sim"]
        options += ["--state-dir", str(state_dir)]
        for name, value in found.items():
            options += ["--set", f"{name}={value}"]
        return options

    def start(self, command: str, state_dir: Path, *more: str) -> subprocess.Popen[bytes]:
        """Start a `traderd` process whose output is kept beside its state."""
        clean = {
            name: value
            for name, value in self.env.variables.items()
            if not name.startswith(("TRADERD_", "KALSHI_"))
        }
        arguments = [sys.executable, "-m", "traderd", command, *self.settings(state_dir), *more]
        with (self.directory / f"{state_dir.name}.{command}.err").open("ab") as err:
            return subprocess.Popen(
                arguments,
                cwd=self.directory,
                env=clean,
                stdout=subprocess.PIPE if command == "kill" else err,
                stderr=err,
            )

    def last_words(self, state_dir: Path) -> str:
        """Return the last line that a daemon printed."""
        text = (self.directory / f"{state_dir.name}.run.err").read_text(errors="replace")
        return (text.strip().splitlines() or ["it said nothing"])[-1]

    def resting(self) -> int:
        """Return how many orders rest."""
        orders = self.exchange.venue.orders(self.account_id)
        return sum(order.status is OrderStatus.RESTING for order in orders)

    def place(self, orders: int) -> None:
        """Let orders rest without spending tokens; every tenth at the best bid, to be traded with meanwhile."""
        for number in range(orders):
            ticker = self.tickers[number % len(self.tickers)]
            price = LOWEST
            if number % TRADED_EVERY == 0:
                bids, _ = self.exchange.venue.book(ticker)
                price = bids[0][0] if bids else LOWEST
            terms = OrderTerms(
                ticker=MarketTicker(ticker),
                side=Side.BID,
                price=price,
                count=parse_count("1"),
                post_only=True,
            )
            self.exchange.venue.create_order(self.account_id, terms, None, self.exchange.now())
        self.exchange.settle()

    def trade(self) -> int:
        """Let the street take what it can of our best orders; returns the fills."""
        before = len(self.exchange.venue.fills(self.account_id))
        orders = self.exchange.venue.orders(self.account_id)
        for order in orders:
            if order.status is OrderStatus.RESTING and order.price > LOWEST:
                self.exchange.venue.street.take(
                    MarketTicker(order.ticker),
                    Side.ASK,
                    order.price,
                    Count(10**9),
                    self.exchange.now(),
                )
        self.exchange.settle()
        return len(self.exchange.venue.fills(self.account_id)) - before


async def drill_run(
    options: DrillOptions, *, env: Env, tell: Callable[[str], None]
) -> dict[str, Any]:
    """Run the scenarios, keep the receipt and return it.  Cancelling ends the processes."""
    results: list[ScenarioResult] = []
    with tempfile.TemporaryDirectory(prefix="traderd-drill-") as name:
        directory = Path(name)
        async with trio.open_nursery() as nursery:
            served = await nursery.start(
                partial(
                    serve_exchange,
                    ServeOptions(
                        host="127.0.0.1",
                        port=0,
                        scenario=default_scenario(),
                        accounts={ACCOUNT: parse_money("1000.00")},
                        keys_dir=directory / "keys",
                        key_type="ed25519",
                        flow_rate=0.0,
                        settings=ExchangeSettings(tier=TIER),
                    ),
                    env=env,
                )
            )
            rig = Rig(directory, served.exchange, served.ready, env)
            for scenario in options.scenarios:
                tell(f"{scenario}: {options.orders} orders, daemon starting")
                result = await _run_scenario(rig, scenario, options.orders)
                results.append(result)
                tell(_line(result))
            nursery.cancel_scope.cancel(reason="the drill is over")
    return await env.run_blocking(_keep, _receipt(results, env), options.receipts)


async def _run_scenario(rig: Rig, scenario: str, orders: int) -> ScenarioResult:
    result = ScenarioResult(daemon=scenario, orders=orders)
    state_dir = rig.directory / scenario
    rig.place(orders)
    daemon = rig.start("run", state_dir)
    try:
        client = DaemonClient(state_dir / CONTROL_SOCKET, timeout_s=2.0)
        await _wait_ready(rig, client, daemon, state_dir)
        if scenario == "dead":
            daemon.kill()
            await rig.env.run_blocking(daemon.wait)
        elif scenario == "hanging":
            os.kill(daemon.pid, signal.SIGSTOP)
        await _pull(rig, state_dir, result)
        if scenario == "hanging":
            os.kill(daemon.pid, signal.SIGCONT)
        elif scenario == "dead":
            daemon = rig.start("run", state_dir)
            await _wait_ready(rig, client, daemon, state_dir)
        await _check_daemon(rig, client, result)
    except (TraderdError, trio.TooSlowError, ValueError) as exc:
        result.problems.append(str(exc) or type(exc).__name__)
    finally:
        with trio.CancelScope(shield=True):
            daemon.kill()
            await rig.env.run_blocking(daemon.wait)
    return result


async def _pull(rig: Rig, state_dir: Path, result: ScenarioResult) -> None:
    started = rig.env.monotonic()
    process = rig.start("kill", state_dir, "--json", "--reason", "drill")
    report: dict[str, Any] = {}

    async def wait() -> None:
        out, _ = await rig.env.run_blocking(process.communicate)
        result.seconds_until_verified = round(rig.env.monotonic() - started, 3)
        report.update(json.loads(out))
        nursery.cancel_scope.cancel(reason="the process has ended")

    async def watch() -> None:
        traded = False
        while True:
            left = rig.resting()
            if not traded and left < result.orders:
                result.fills_meanwhile, traded = rig.trade(), True
            if left == 0 and result.seconds_until_empty is None:
                result.seconds_until_empty = round(rig.env.monotonic() - started, 3)
            await trio.sleep(LOOK_S)

    async with trio.open_nursery() as nursery:
        nursery.start_soon(wait)
        nursery.start_soon(watch)
    result.phases = _since_start(report, result.seconds_until_verified or 0.0)
    result.verified = bool(report.get("verified")) and rig.resting() == 0
    if not result.verified:
        result.problems.append(str(report.get("sentence", "traderd kill said nothing")))
    elif result.seconds_until_verified is None or result.seconds_until_verified > LIMIT_S:
        result.problems.append(f"it took longer than {LIMIT_S:g} s")


def _since_start(report: dict[str, Any], whole_s: float) -> dict[str, float]:
    """Return the phases that a kill reports, counted from the start of its process, whose end is the end of the last."""
    outside_s = whole_s - float(report.get("seconds", 0.0))
    phases = {name: round(outside_s + at, 3) for name, at in report.get("phases", {}).items()}
    return {"process_started": round(outside_s, 3), **phases}


async def _check_daemon(rig: Rig, client: DaemonClient, result: ScenarioResult) -> None:
    expected = len(rig.exchange.venue.fills(rig.account_id))
    with trio.move_on_after(READY_S):
        while True:
            status, fills = await _documents(rig, client)
            result.latched = any(halt["id"] == "kill" for halt in status.get("halts", ()))
            missing = max(0, expected - len(fills))
            result.fills_recorded = max(0, result.fills_meanwhile - missing)
            if result.latched and missing == 0:
                return
            await trio.sleep(0.1)
    if not result.latched:
        result.problems.append("the daemon does not honour the latch")
    result.problems.append(f"{missing} fills are not in the daemon's records")


async def _documents(rig: Rig, client: DaemonClient) -> tuple[dict[str, Any], list[Any]]:
    try:
        status = await rig.env.run_blocking(client.get, "/v3/status")
        fills = await rig.env.run_blocking(client.get, "/v3/fills?limit=1000")
    except CommandFailed:
        return {}, []
    return status, fills["fills"]


async def _wait_ready(
    rig: Rig, client: DaemonClient, daemon: subprocess.Popen[bytes], state_dir: Path
) -> None:
    with trio.fail_after(READY_S):
        while True:
            if daemon.poll() is not None:
                raise CommandFailed(
                    f"the daemon ended with {daemon.returncode}: {rig.last_words(state_dir)}", 1
                )
            status, _ = await _documents(rig, client)
            if status.get("state") in {"ready", "acting"}:
                return
            await trio.sleep(0.05)


def _line(result: ScenarioResult) -> str:
    if not result.passed:
        return f"daemon {result.daemon}: FAILED: {'; '.join(result.problems)}"
    return (
        f"daemon {result.daemon}: {result.orders} orders, none rested after {result.seconds_until_empty:.2f} s, "
        f"verified after {result.seconds_until_verified:.2f} s, {result.fills_recorded} of "
        f"{result.fills_meanwhile} fills meanwhile recorded"
    )


def _receipt(results: list[ScenarioResult], env: Env) -> dict[str, Any]:
    at = datetime.fromtimestamp(env.wall_ns() / NS_PER_S, tz=UTC)
    passed = bool(results) and all(result.passed for result in results)
    word = "passed" if passed else "FAILED"
    return {
        "drill": "kill",
        "at": at.strftime("%Y-%m-%dT%H:%M:%SZ"),
        "version": __version__,
        "passed": passed,
        "limit_s": LIMIT_S,
        "tier": TIER.value,
        "sentence": f"kill drill of {at:%Y-%m-%d %H:%M:%S} UTC {word}: {'; '.join(map(_line, results))}",
        "scenarios": [attrs.asdict(result) | {"passed": result.passed} for result in results],
    }


def _keep(receipt: dict[str, Any], directory: Path) -> dict[str, Any]:
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    path = directory / f"kill-{receipt['at'].replace(':', '')}.json"
    receipt = receipt | {"file": str(path)}
    path.write_text(json.dumps(receipt, indent=2) + "\n", encoding="utf-8")
    return receipt
