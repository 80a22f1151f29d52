"""A strategy whose decisions come from a trained policy: an ONNX file that runs in a process of its own.

It is off until `strategies.rl_policy.enabled` is true, and needs the extra: pip install 'traderd[rl]'. `decide` leaves the newest
observation of its market in a mailbox; the service `rl_policy` asks the worker process about it; the answer is acted upon when
it comes within the deadline, and dropped when it does not. So nothing here ever waits. Without an answer there is no action, and
the reason is at `GET /x/rl_policy/status`, in the log and in `traderd plugins list`; what rests is pulled after a while.
`docs/learn-a-policy.md` tells how the file beside this one was trained, and how to train another.
"""

from __future__ import annotations

import json
import struct
import sys
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Final

import attrs
import trio

from traderd.plugin_api import (
    NS_PER_S,
    POLICY_FACTS,
    VECTOR_LENGTH,
    Command,
    MarketTicker,
    Observation,
    PolicyMove,
    PolicySizes,
    Route,
    RouteAnswer,
    RouteRequest,
    Service,
    StrategyContext,
    StrategySpec,
    Timestamp,
    cancel,
    commands_for,
    hookimpl,
    parse_count,
    setting,
    tunable,
)

NAME: Final = "rl_policy"
WORKER: Final = Path(__file__).with_name("_rl_policy_worker.py")
MODEL: Final = Path(__file__).with_name("rl_policy.onnx")
CURE: Final = "pip install 'traderd[rl]'"
MEMORY: Final = 2
"""Numbers that a policy remembers of a market."""
MOVES: Final = len(PolicyMove)
HELLO_MAX_S: Final = 20.0
"""Bounds the start of a worker: it imports onnxruntime, which takes a second or two on a busy machine."""
HANG_S: Final = 2.0
"""A worker that does not answer for so long never will: it is ended, and the host starts another with its back-off."""
STALE_NS: Final = 2 * NS_PER_S
"""Bounds the age of the observation that an answer is about when it is acted upon."""
SILENT_NS: Final = 30 * NS_PER_S
"""How long quotes may rest without an answer; then they are pulled. A market that was not shown for so long has closed."""
PIPE: Final = -1
"""What the standard library's `subprocess` calls by this name."""
ASKED: Final = struct.Struct(f"<Q{VECTOR_LENGTH + MEMORY}f")
ANSWERED: Final = struct.Struct(f"<Q{2 * MOVES + MEMORY}f")


class WorkerLost(Exception):
    """The worker cannot serve; the sentence says why, and what helps."""


@attrs.frozen(kw_only=True)
class Parameters:
    """Settings under `[strategies.rl_policy]`."""

    model: str = setting("", doc="The ONNX file; empty: the one beside the plugin.")
    markets_max: int = setting(4, ge=1, le=50, doc="How many markets it trades.")
    deadline_ms: int = setting(
        50, ge=5, le=1_000, doc="A later answer of the worker is no answer: nothing is done."
    )
    order_contracts: int = tunable(5, ge=1, le=1_000, doc="Contracts of each order.")
    position_contracts_max: int = tunable(
        40, ge=1, le=10_000, doc="No order makes the position larger, long or short."
    )


@attrs.frozen(kw_only=True)
class Question:
    """What one market looks like, for the worker."""

    number: int
    ticker: MarketTicker
    at: Timestamp
    values: tuple[float, ...]
    """Vector and memory."""


@attrs.frozen(kw_only=True)
class Answer:
    """What the policy thinks of it."""

    at: Timestamp
    """Of the observation that it is about."""
    bid: PolicyMove
    ask: PolicyMove
    memory: tuple[float, ...]


@attrs.define(eq=False)
class Mailbox:
    """What lies between the strategy, which never waits, and the service that does; the newest of each market counts."""

    model: Path | None = None
    """Set by the strategy when it is made."""
    deadline_s: float = 0.05
    interval_ns: int = 5 * NS_PER_S
    """Between two decisions of a market: as in training, from the file."""
    reason: str = "its worker has not started yet"
    """Why there are no answers; empty while there are."""
    posted: int = 0
    answered: int = 0
    late: int = 0
    stale: int = 0
    """Answers in time for the worker, but too old for the strategy."""
    _questions: dict[MarketTicker, Question] = attrs.Factory(dict)
    """Bounded by the strategy's `markets_max`: a newer one takes the place of the older."""
    _answers: dict[MarketTicker, Answer] = attrs.Factory(dict)
    _news: trio.Event = attrs.Factory(trio.Event)

    def configure(self, model: Path, deadline_s: float) -> None:
        """Take over what the strategy is set to."""
        self.model, self.deadline_s = model, deadline_s
        self._news.set()

    def post(self, ticker: MarketTicker, at: Timestamp, values: tuple[float, ...]) -> None:
        """Leave a question; never waits."""
        self.posted += 1
        question = Question(number=self.posted, ticker=ticker, at=at, values=values)
        self._questions[ticker] = question
        self._answers.pop(ticker, None)
        self._news.set()

    def put(self, ticker: MarketTicker, answer: Answer) -> None:
        """Leave an answer."""
        self.answered += 1
        self._answers[ticker] = answer

    def take(self, ticker: MarketTicker) -> Answer | None:
        """Take a market's answer out, None when there is none."""
        return self._answers.pop(ticker, None)

    async def next_question(self) -> Question:
        """Wait for a question and take it out.  Cancelling loses none."""
        while not self._questions:
            await self.wait_news()
        return self._questions.pop(next(iter(self._questions)))

    async def wait_news(self) -> None:
        """Wait until a question is left, or the strategy is made."""
        self._news = trio.Event()
        await self._news.wait()

    def document(self) -> dict[str, Any]:
        """Return how it does, for people and programs."""
        counts = {name: getattr(self, name) for name in ("posted", "answered", "late", "stale")}
        model = str(self.model or "")
        return {"answers": not self.reason, "reason": self.reason, "model": model, **counts}


@attrs.define(eq=False, kw_only=True)
class Followed:
    """What the strategy knows of one of its markets."""

    seen_at: Timestamp
    heard_at: Timestamp
    """Of the last answer in time; at first, of the first look."""
    asked_at: Timestamp = Timestamp(0)
    memory: tuple[float, ...] = (0.0,) * MEMORY


MAILBOX: Final = Mailbox()
"""Of this plugin; a reload makes another one, for the strategy and the service alike."""


class RlPolicy:
    """Asks the worker about each of its markets in turn, and does what it answers."""

    def __init__(
        self, parameters: Parameters, context: StrategyContext, mailbox: Mailbox = MAILBOX
    ) -> None:
        self._context, self._mailbox = context, mailbox
        self._markets_max = parameters.markets_max
        self._followed: dict[MarketTicker, Followed] = {}
        self._told = ""
        self.on_parameters(parameters)
        mailbox.configure(Path(parameters.model or MODEL), parameters.deadline_ms / 1_000)

    def on_parameters(self, parameters: Parameters) -> None:
        """Take changed sizes over."""
        self._sizes = PolicySizes(
            order_count=parse_count(parameters.order_contracts),
            position_max=parse_count(parameters.position_contracts_max),
        )

    def decide(self, observation: Observation) -> Sequence[Command]:
        """Do what the last answer says, and ask the next question when it is time."""
        ticker, at = observation.ticker, observation.at
        market = self._followed.get(ticker)
        if market is None:
            # A market that closed is shown no more and makes room for another.
            for gone in [one for one, it in self._followed.items() if at - it.seen_at >= SILENT_NS]:
                del self._followed[gone]
            is_full = len(self._followed) >= self._markets_max
            if is_full and not observation.orders and not observation.position:
                return ()
            market = self._followed[ticker] = Followed(seen_at=at, heard_at=at)
        market.seen_at = at
        commands = self._act(market, observation)
        # Half a second of grace: looks come once a second, and never quite on time.
        waited_ns = at - market.asked_at + NS_PER_S // 2
        if waited_ns >= self._mailbox.interval_ns and not self._is_silent():
            market.asked_at = at
            self._mailbox.post(ticker, at, (*observation.vector(), *market.memory))
            self._context.set_timer(ticker, self._mailbox.deadline_s, "answer")
        if commands or at - market.heard_at < SILENT_NS:
            return commands
        return tuple(cancel(one) for one in observation.orders if not one.changing)

    def on_timer(self, observation: Observation, name: str) -> Sequence[Command]:
        """Do what the answer says, if there is one by now."""
        market = self._followed.get(observation.ticker)
        return () if market is None else self._act(market, observation)

    def _act(self, market: Followed, observation: Observation) -> Sequence[Command]:
        answer = self._mailbox.take(observation.ticker)
        if answer is None:
            return ()
        market.memory = answer.memory
        if not 0 <= observation.at - answer.at <= STALE_NS:
            self._mailbox.stale += 1
            return ()
        market.heard_at = observation.at
        return commands_for(observation, answer.bid, answer.ask, self._sizes)

    def _is_silent(self) -> bool:
        """Tell whether there is no worker to ask, and say why, once."""
        if self._mailbox.reason != self._told:
            self._told = self._mailbox.reason
            self._context.log.warning(f"no action: {self._told}" if self._told else "it answers")
        return bool(self._told)


async def run(
    context: Any, *, mailbox: Mailbox = MAILBOX, task_status: trio.TaskStatus[None]
) -> None:
    """Keep one worker until cancelled, which ends it; raises WorkerLost when it cannot serve: the host starts anew, with back-off."""
    task_status.started()
    # It is there in every simulation; to import it would cost each daemon a megabyte.
    testing = sys.modules.get("trio.testing")
    if testing is not None and isinstance(trio.lowlevel.current_clock(), testing.MockClock):
        # A virtual clock does not wait for another process, and nothing comes into a simulation from outside.
        mailbox.reason = "a simulation has no worker process"
        await trio.sleep_forever()
    while mailbox.model is None:
        await mailbox.wait_news()
    try:
        async with worker_process(mailbox.model) as worker:
            hello = await _hello(worker)
            mailbox.interval_ns = check_facts(hello, mailbox.model)
            mailbox.reason = ""
            context.log.info(f"the policy {mailbox.model} runs in process {worker.pid}")
            await _serve(worker, mailbox)
    except WorkerLost as lost:
        mailbox.reason = str(lost)
        raise
    except (OSError, trio.BrokenResourceError, trio.ClosedResourceError) as exc:
        mailbox.reason = f"its worker ended: {str(exc) or type(exc).__name__}"
        raise WorkerLost(mailbox.reason) from exc
    finally:
        mailbox.reason = mailbox.reason or "its worker was stopped"


@asynccontextmanager
async def worker_process(model: Path) -> AsyncIterator[trio.Process]:
    """Start a worker, and kill it at the end whatever it does; raises WorkerLost when a file is missing."""
    for file in (WORKER, model):
        if not file.is_file():
            raise WorkerLost(f"there is no file {file}; docs/learn-a-policy.md says how to get it")
    process = await trio.lowlevel.open_process(  # sim-ok: a worker is a real process; it is off in simulations
        [sys.executable, "-u", str(WORKER), str(model)],
        stdin=PIPE,
        stdout=PIPE,
        # Ctrl-C in a terminal goes to the whole group; the daemon ends its worker itself, in order.
        start_new_session=True,
    )
    try:
        yield process
    finally:
        process.kill()
        with trio.CancelScope(shield=True):
            await process.wait()
            if process.stdio is not None:
                await process.stdio.aclose()


async def _hello(worker: trio.Process) -> Mapping[str, str]:
    """Read the first line; raises WorkerLost when the worker cannot open its file, or says nothing."""
    assert worker.stdout is not None, "it was asked for"
    line = b""
    with trio.move_on_after(HELLO_MAX_S) as waited:
        while not line.endswith(b"\n"):
            more = await worker.stdout.receive_some()
            line += more
            if not more:
                raise WorkerLost(
                    f"its worker ended before it was ready (exit code {worker.poll()})"
                )
    if waited.cancelled_caught:
        raise WorkerLost(f"its worker was not ready within {HELLO_MAX_S:g} s")
    said = json.loads(line)
    if "error" in said:
        error, missing = str(said["error"]), "ModuleNotFoundError" in str(said["error"])
        raise WorkerLost(
            f"{error}; run: {CURE}" if missing else f"the policy cannot be opened: {error}"
        )
    return dict(said["facts"])


def check_facts(facts: Mapping[str, str], model: Path) -> int:
    """Return the interval of a policy that fits this version, in ns; raises WorkerLost for one that does not."""
    for name, ours in POLICY_FACTS.items():
        if facts.get(name) != ours:
            raise WorkerLost(
                f"{model} was trained for {name} {facts.get(name, 'none')} and this traderd has {ours}; "
                "train it anew (docs/learn-a-policy.md)"
            )
    return int(facts.get("interval_ms", "5000")) * (NS_PER_S // 1_000)


async def _serve(worker: trio.Process, mailbox: Mailbox) -> None:
    """Ask and answer until the worker fails, which is a WorkerLost."""
    while True:
        question = await mailbox.next_question()
        with trio.move_on_after(HANG_S) as waited:
            begun = trio.current_time()
            answer = await _ask(worker, question)
            if trio.current_time() - begun <= mailbox.deadline_s:
                mailbox.put(question.ticker, answer)
            else:
                mailbox.late += 1
        if waited.cancelled_caught:
            mailbox.late += 1
            raise WorkerLost(f"its worker did not answer within {HANG_S:g} s and was ended")


async def _ask(worker: trio.Process, question: Question) -> Answer:
    pipes = worker.stdio
    assert pipes is not None, "both were asked for"
    await pipes.send_all(ASKED.pack(question.number, *question.values))
    record = b""
    while len(record) < ANSWERED.size:
        more = await pipes.receive_some(ANSWERED.size - len(record))
        if not more:
            raise WorkerLost(f"its worker ended (exit code {worker.poll()})")
        record += more
    # One question is under way at a time, so this is its answer.
    _, *values = ANSWERED.unpack(record)
    return Answer(
        at=question.at,
        bid=_best(values[:MOVES]),
        ask=_best(values[MOVES : 2 * MOVES]),
        memory=tuple(values[2 * MOVES :]),
    )


def _best(ratings: Sequence[float]) -> PolicyMove:
    return PolicyMove(max(range(MOVES), key=lambda move: ratings[move]))


@hookimpl
def traderd_strategies() -> list[StrategySpec]:
    """Offer the strategy; it runs when `strategies.rl_policy.enabled` is true."""
    return [StrategySpec(name=NAME, make=RlPolicy, parameters=Parameters)]


@hookimpl
def traderd_services(config: Any) -> list[Service]:
    """Offer the worker's keeper, when the strategy is to run."""
    enabled = str(config.strategies.get(NAME, {}).get("enabled", "")).lower()
    return [Service(name=NAME, run=run)] if enabled in ("true", "1", "yes") else []


@hookimpl
def traderd_routes(config: Any) -> list[Route]:
    """Offer how it does, and why it does nothing."""

    async def status(_: RouteRequest) -> RouteAnswer:
        return RouteAnswer.json(MAILBOX.document())

    return [Route(path="status", answer=status, meaning="Whether the policy answers.")]
