"""Reads what the exchange publishes of its fees, for the series and events of the followed markets.

Owns: when they are read: at the start, for each market that comes along, and again every hour. What cannot be read is told
once and tried again; until then the fills of a series tell by what it is charged.
Must not: judge a fee (see `core/fee_model.py`).
"""

from __future__ import annotations

from typing import Final

import trio

from traderd.config import Config
from traderd.core.fees import USUAL_MULTIPLIER
from traderd.errors import ExchangeError
from traderd.model import events as ev
from traderd.model.fees import PublishedFees
from traderd.model.ids import EventTicker
from traderd.plugin_api import Service, hookimpl
from traderd.services.context import Context

ROUND_S: Final = 5.0
"""How often it is looked whether somebody's fees are not known yet."""
READS_PER_ROUND: Final = 5
"""Bounds the reads of one round: nobody waits for them, and every other request goes first."""
REFRESH_S: Final = 3_600.0
"""After how long they are read again; a change is announced long before it holds."""
AGAIN_S: Final = 300.0
"""After how long a read that failed is tried again."""
PART: Final = "fees"


@hookimpl
def traderd_services(config: Config) -> list[Service]:
    """Contribute the reader when trading is on."""
    if not config.trading_enabled:
        return []
    return [Service(name="fees", run=run, after=("risk",))]


async def run(context: Context, *, task_status: trio.TaskStatus[None]) -> None:
    """Read until cancelled, at once and then round by round; cancelling loses nothing."""
    reader = FeeReader(context)
    task_status.started()
    while True:
        if context.view.working:
            await reader.round()
        await trio.sleep(ROUND_S)


class FeeReader:
    """Knows whose fees are due."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._due_at: dict[str, float] = {}
        """When each series and event is to be read next."""
        self._refused: dict[str, str] = {}
        """Why the last read of each failed, as it was logged."""

    async def round(self) -> None:
        """Read the first few that are due."""
        now = self._context.env.monotonic()
        wanted = self._wanted()
        # What is followed no more is forgotten, so that this never grows.
        self._due_at = {of: at for of, at in self._due_at.items() if of in wanted}
        self._refused = {of: words for of, words in self._refused.items() if of in wanted}
        due = [of for of in wanted if self._due_at.get(of, now) <= now]
        for of in due[:READS_PER_ROUND]:
            await self._read(of, is_event=wanted[of])

    def _wanted(self) -> dict[str, bool]:
        # Series before events: what they say holds for all that follows.
        view = self._context.view
        series: dict[str, bool] = {}
        events: dict[str, bool] = {}
        for ticker in view.followed:
            series[ticker.partition("-")[0]] = False
            market = view.market(ticker)
            if market is not None:
                events[str(market.event_ticker)] = True
        return {**series, **events}

    async def _read(self, of: str, *, is_event: bool) -> None:
        context = self._context
        reads = context.venue.rest.fees
        try:
            fees = await (reads.event(EventTicker(of)) if is_event else reads.series(of))
        except ExchangeError as exc:
            self._due_at[of] = context.env.monotonic() + AGAIN_S
            self._tell_failure(of, str(exc))
            return
        self._refused.pop(of, None)
        self._due_at[of] = context.env.monotonic() + REFRESH_S
        known = context.view.ledger.fees.published.get(of)
        if fees == known or (known is None and not fees.all()):
            return
        context.publish(ev.FeesPublished(at=context.now(), fees=fees))
        self._tell(fees)

    def _tell_failure(self, of: str, words: str) -> None:
        # Once per change: an outage must not fill the log with one sentence.
        if self._refused.get(of) != words:
            self._refused[of] = words
            self._context.log.warning(
                f"the fees of {of} are not known, its fills tell them: {words}", of=of
            )

    def _tell(self, fees: PublishedFees) -> None:
        log = self._context.log
        if fees.terms is None:
            log.info(f"{fees.of} is charged like its series", of=fees.of)
            return
        later = f", {len(fees.changes)} changes announced" if fees.changes else ""
        log.info(
            f"fees of {fees.of}: multiplier {fees.terms.multiplier / 1000:g}, makers' rate "
            f"{fees.terms.maker_rate / 10_000:g} of contracts x price x (1 - price){later}",
            of=fees.of,
        )
        if any(terms.multiplier > USUAL_MULTIPLIER for terms in fees.all()):
            log.warning(
                f"fees of {fees.of} are above the usual ones: new orders count with them at once, and what rests there "
                "may pass a limit by the difference",
                of=fees.of,
            )
