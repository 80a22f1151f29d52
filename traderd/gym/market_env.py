"""`traderd/Market-v0`: one market of the paper exchange, one decision per interval.

Owns: the episode (which market, how busy, how long), the spaces, and the reward: the change of what the strategy gained, in
dollars, fees taken off. Actions are one `PolicyMove` for the bid and one for the ask; observations are
`Observation.vector()`, which `docs/observation.md` explains number by number.
Must not: be random beyond the seed, or let anything through that the daemon's risk gate refuses.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any, Final, Literal

import gymnasium
import numpy as np
from gymnasium import spaces
from numpy.typing import NDArray

from traderd.core.observation import Observation
from traderd.core.observation_vector import VECTOR_LENGTH
from traderd.core.policy_moves import PolicyMove, PolicySizes, commands_for
from traderd.core.risk_limits import RiskLimits
from traderd.errors import BadInput
from traderd.gym.defaults import DAEMON_LIMITS
from traderd.gym.session import MarketSession, one_market
from traderd.model.commands import Command
from traderd.model.units import NS_PER_S, ONE_CONTRACT, Money, Timestamp, parse_count
from traderd.paper.flow.order_flow import DEFAULT_RATE_PER_S
from traderd.paper.scenario import Scenario, packaged_scenario

INTERVAL_S: Final = 5.0
"""Between two decisions: a fair value moves every 20 to 30 seconds, and the daemon asks a strategy once a second at most."""
DECISIONS: Final = 480
"""An episode: 40 minutes."""
VALUE_MAX: Final = 1e9
"""Bounds every number of an observation: more than any size, balance or age there is."""
SEEDS: Final = 2**31
MONEY_PER_DOLLAR: Final = 1_000_000
SECONDS_PER_MINUTE: Final = 60.0

Vector = NDArray[np.float32]


def default_rates(markets: int) -> tuple[float, ...]:
    """Return how busy the markets of an exchange of so many are, busiest first: quotes and takes a second of each.

    The street's busiest market has twice the quotes of the second, three times those of the third, and so on.
    """
    whole = sum(1 / rank for rank in range(1, markets + 1))
    return tuple(DEFAULT_RATE_PER_S / whole / rank for rank in range(1, markets + 1))


class MarketEnv(gymnasium.Env[Vector, NDArray[np.int64]]):
    """One strategy in one market of the paper exchange."""

    metadata: dict[str, Any] = {"render_modes": []}  # noqa: RUF012 - as Gymnasium declares it

    def __init__(
        self,
        *,
        scenario: Scenario | str = "default",
        tickers: Sequence[str] = (),
        interval_s: float = INTERVAL_S,
        decisions: int = DECISIONS,
        rate_per_s: float | None = None,
        order_contracts: str | int = 5,
        position_contracts: str | int = 40,
        position_penalty: float = 0.0,
        mark: Literal["close", "mid"] = "close",
        limits: RiskLimits = DAEMON_LIMITS,
    ) -> None:
        """Prepare episodes.

        Args:
            scenario: whose markets are traded, or the name of a packaged one.
            tickers: of these the seed chooses one per episode; none: of all that open at once with both sides.
            interval_s: simulated time between two decisions.
            decisions: after so many an episode is truncated; it terminates when the market closes.
            rate_per_s: quotes and takes of the street; None: the seed draws one of `default_rates`, for as many markets.
            order_contracts: of each quote and take.
            position_contracts: no order makes the position larger.
            position_penalty: dollars taken off the reward per contract held and minute, on either side.
            mark: what an open position is worth: the price at which it could be closed, or the middle of the book.
            limits: of the risk gate.

        Raises:
            BadInput: there is no such scenario or market, or nothing can be decided.
        """
        whole = packaged_scenario(scenario) if isinstance(scenario, str) else scenario
        names = tuple(tickers) or tuple(
            market.ticker
            for market in whole.markets
            if market.bids and market.asks and not market.opens_in_s
        )
        if not names or decisions < 1 or interval_s <= 0:
            raise BadInput("an episode needs a market, at least one decision and time between two")
        self._markets = tuple(one_market(whole, name) for name in names)
        self._rates = default_rates(len(names)) if rate_per_s is None else (rate_per_s,)
        self._interval_ns, self._decisions = round(interval_s * NS_PER_S), decisions
        self._sizes = PolicySizes(
            order_count=parse_count(order_contracts), position_max=parse_count(position_contracts)
        )
        self._penalty = position_penalty * interval_s / SECONDS_PER_MINUTE
        self._mark, self._limits = mark, limits
        self.observation_space = spaces.Box(
            -VALUE_MAX, VALUE_MAX, shape=(VECTOR_LENGTH,), dtype=np.float32
        )
        self.action_space = spaces.MultiDiscrete([len(PolicyMove), len(PolicyMove)])
        self.session: MarketSession
        """The episode's world, to look into; made anew by `reset`."""
        self._profit = Money(0)
        self._made = 0

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[Vector, dict[str, Any]]:
        """Begin an episode; equal seeds give equal episodes, bit by bit."""
        super().reset(seed=seed)
        draw = self.np_random.integers
        market = self._markets[int(draw(len(self._markets)))]
        rate = self._rates[int(draw(len(self._rates)))]
        self.session = MarketSession(market, seed=int(draw(SEEDS)), rate=rate, limits=self._limits)
        self._profit, self._made = Money(0), 0
        self._seen = self.session.observe()
        return self._vector(), self._info()

    def step(self, action: NDArray[np.int64]) -> tuple[Vector, float, bool, bool, dict[str, Any]]:
        """Carry the two moves out, let an interval pass, and return what is seen then."""
        bid, ask = PolicyMove(int(action[0])), PolicyMove(int(action[1]))
        self._live(commands_for(self._seen, bid, ask, self._sizes))
        before = self._profit
        self._profit = self._worth()
        reward = (self._profit - before) / MONEY_PER_DOLLAR
        if self._penalty:
            reward -= self._penalty * abs(self._seen.position) / ONE_CONTRACT
        terminated = not self.session.is_open
        truncated = not terminated and self._made >= self._decisions
        return self._vector(), reward, terminated, truncated, self._info()

    def play(self, decide: Callable[[Observation], Iterable[Command]]) -> Money:
        """Let a strategy that gives commands of its own play the episode to its end; returns its profit, marked as set."""
        while self._made < self._decisions and self.session.is_open:
            self._live(decide(self._seen))
        return self._worth()

    def _live(self, commands: Iterable[Command]) -> None:
        """Carry out what was decided, let an interval pass, and look again."""
        session = self.session
        session.send(commands)
        session.advance(Timestamp(session.now + self._interval_ns))
        self._seen = session.observe()
        self._made += 1

    def _worth(self) -> Money:
        at_mid = self._mark == "mid"
        return self.session.profit_at_mid() if at_mid else self.session.profit_at_close()

    def _vector(self) -> Vector:
        return np.frombuffer(self._seen.vector(), dtype=np.float32)

    def _info(self) -> dict[str, Any]:
        return {
            "ticker": str(self.session.ticker),
            "profit": self._profit / MONEY_PER_DOLLAR,
            "position": self._seen.position,
            "exchange_events": self.session.news_folded,
            "denied": self.session.desk.denied,
        }
