"""Flatten: no positions. Pause the scope, cancel its orders one by one, verify, then close with orders that only reduce.

Owns: the loop from a position to none, bounded in attempts, in price (`core/closing.py`) and in what it may close: never
more than is held by our own count, and the exchange is told `reduce_only` as well. An order whose outcome is unknown is
found out about before the next one leaves.
Must not: use cancel-all, which may catch orders placed in the minute after it; or turn a position.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any, Final

import trio

from traderd.config import Config
from traderd.core.closing import Close, blocked_words, closable, held_markets, plan_close
from traderd.core.conditions import scope_words
from traderd.core.dry_run import KILL_STANDS
from traderd.core.order import Order
from traderd.model import events as ev
from traderd.model.commands import (
    Answer,
    Calibrate,
    CancelOrders,
    Flatten,
    Outcome,
    Pause,
    PlaceOrder,
)
from traderd.model.ids import MarketTicker
from traderd.model.orders import Attribution, OrderOwner
from traderd.model.units import Price, counted, show_count, show_price
from traderd.plugin_api import OnCrash, Service, hookimpl
from traderd.runtime.commands import CommandRequest
from traderd.runtime.inbox import Policy
from traderd.services.context import Context

ATTEMPTS_MAX: Final = 6
"""Bounds the attempts without a fill in one market; each goes further through the book, the last as far as the collar."""
ORDERS_MAX: Final = 200
"""Bounds the orders of one flatten in one market, however large the position is beside the largest order."""
AGAIN_S: Final = 0.5
"""Between attempts that filled nothing: for the book to change."""
TELLS_S: Final = 3.0
"""How long the feed may take to tell of an order and its fills before the account is read."""
RESOLVE_S: Final = 20.0
"""Bounds the wait until an order's fate and its fills are known: longer than a request and the look that follows."""
UNKNOWN_BY_THEN: Final = "its outcome is still unknown, so nothing more is sent"


@hookimpl
def traderd_services(config: Config) -> list[Service]:
    """Contribute the service when trading is on."""
    if not config.trading_enabled:
        return []
    return [Service(name="flatten", run=run, after=("orders",), on_crash=OnCrash.HALT)]


async def run(context: Context, *, task_status: trio.TaskStatus[None]) -> None:
    """Serve Flatten until cancelled, one at a time: two would each close the same position."""
    with context.shared.commands.serve(Flatten) as requests:
        task_status.started()
        async for request in requests:
            await handle(context, request)


async def handle(context: Context, request: CommandRequest[Any, Outcome]) -> None:
    """Carry out one Flatten and answer it; cancelling leaves what is not closed, and the pause."""
    await request.carry_out(partial(_flatten, context, request.refusal))


async def _flatten(
    context: Context, refusal: Callable[[], Outcome | None], command: Flatten
) -> Outcome:
    ticker, strategy = command.ticker, command.strategy
    words = scope_words(ticker, strategy)
    if context.view.conditions.killed is not None:
        return Outcome(
            answer=Answer.DENIED,
            sentence=KILL_STANDS,
        )
    # Or what opens positions would go on doing so. On its way to its service it waits, so it is asked about there too.
    paused = await context.send(
        Pause(
            reason="flatten", ticker=ticker, strategy=strategy, author=command.author, by=command.by
        ),
        unless=refusal,
    )
    if not paused.ok:
        return paused
    cancelled = await context.send(CancelOrders(ticker=ticker, strategy=strategy))
    if not cancelled.ok:
        return Outcome(
            answer=Answer.UNKNOWN,
            sentence=f"{words} is paused, but not flattened: {cancelled.sentence}; nothing was sent to close",
        )
    items: list[Outcome] = []
    async with trio.open_nursery() as nursery:
        for each in held_markets(context.view, ticker, strategy):
            nursery.start_soon(_close_market, context, command, each, items)
    verified = await context.send(Calibrate())
    return _summary(context, command, cancelled, items, verified)


def _summary(
    context: Context,
    command: Flatten,
    cancelled: Outcome,
    items: list[Outcome],
    verified: Outcome,
) -> Outcome:
    ticker, strategy = command.ticker, command.strategy
    words = scope_words(ticker, strategy)
    left = held_markets(context.view, ticker, strategy)
    stays = f"{words} stays paused until it is resumed"
    foreign = [
        order.key
        for order in context.view.live_orders(ticker)
        if order.attribution.owner is OrderOwner.EXTERNAL
    ]
    rest = "rests" if len(foreign) == 1 else "rest"
    others = f"; {counted(len(foreign), 'order')} of others still {rest}" if foreign else ""
    if not verified.ok:
        others += f"; the exchange's positions were not read: {verified.sentence}"
    if not left:
        return Outcome(
            answer=Answer.DONE if verified.ok else Answer.UNKNOWN,
            sentence=f"{words} is flat ({cancelled.sentence}, {len(items)} positions closed); {stays}{others}",
            items=tuple(items),
        )
    # Some of it may have been filled, and what is left has a reason for each market.
    why = "; ".join(item.sentence for item in items if not item.ok) or "it was opened meanwhile"
    return Outcome(
        answer=Answer.UNKNOWN,
        sentence=f"{words} is not flat: {why}; {stays}{others}",
        items=tuple(items),
    )


async def _close_market(
    context: Context, command: Flatten, ticker: MarketTicker, items: list[Outcome]
) -> None:
    why = await _close_in_steps(context, command, ticker)
    left = closable(context.view, ticker, command.strategy)
    if left == 0:
        items.append(Outcome(answer=Answer.DONE, sentence=f"{ticker} is flat"))
        return
    sentence = f"{show_count(left, signed=True)} of {ticker} are left: {why}"
    context.log.error(f"flatten: {sentence}", ticker=ticker)
    items.append(Outcome(answer=Answer.UNAVAILABLE, sentence=sentence))


async def _close_in_steps(context: Context, command: Flatten, ticker: MarketTicker) -> str:
    """Send one closing order after the other; returns why it ended, of no interest once it is flat."""
    attempt, anchor = 0, None
    for _ in range(ORDERS_MAX):
        before = closable(context.view, ticker, command.strategy)
        if before == 0:
            return ""
        close = plan_close(
            context.view,
            ticker,
            command.strategy,
            now=context.now(),
            at_worst=command.at_worst,
            through=_reach(context, attempt),
            not_beyond=anchor,
        )
        if not isinstance(close, Close):
            why: str = close.sentence
            final = False
        else:
            if anchor is None and command.at_worst is None and close.best is not None:
                # The collar is about the price there was when a person said `flatten`.
                anchor = Price(
                    close.best + context.view.limits.price_collar * close.terms.side.sign
                )
            problem, final = await _send(context, command, close)
            why = (
                problem
                or f"nothing was filled at {show_price(close.terms.price)} or better{_beyond(command, close)}"
            )
        if closable(context.view, ticker, command.strategy) != before:
            # Of what was asked for a part may have filled: the rest is asked for anew, from the touch on.
            attempt = 0
            continue
        attempt += 1
        if final or attempt >= ATTEMPTS_MAX:
            return why
        await trio.sleep(AGAIN_S)
    return f"{ORDERS_MAX} orders were not enough"


def _beyond(command: Flatten, close: Close) -> str:
    if close.blocked_by is not None:
        return f"; {blocked_words(close.blocked_by)}"
    if (best := close.out_of_reach) is None:
        return ""
    why = (
        "beyond the collar: name --at-worst to take it"
        if command.at_worst is None
        else f"worse than the {show_price(command.at_worst)} that --at-worst allows"
    )
    return f"; the book has only {show_price(best)} now, {why}"


def _reach(context: Context, attempt: int) -> Price:
    collar = context.view.limits.price_collar
    return Price(collar * attempt // (ATTEMPTS_MAX - 1))


async def _send(context: Context, command: Flatten, close: Close) -> tuple[str | None, bool]:
    """Send one order and wait until its fate and its fills are known; returns why not, and whether that is final."""
    owner = (
        Attribution(owner=OrderOwner.PERSON)
        if command.strategy in {None, OrderOwner.PERSON.value}
        else Attribution(owner=OrderOwner.STRATEGY, strategy=command.strategy)
    )
    context.log.info(f"flatten: {close.describe()}", ticker=close.terms.ticker)
    outcome = await context.send(
        PlaceOrder(
            terms=close.terms, attribution=owner, price_is_worst=command.at_worst is not None
        )
    )
    if outcome.key is not None and not await _wait_known(context, outcome.key):
        return f"order {outcome.key}: {UNKNOWN_BY_THEN}", True
    if outcome.answer is Answer.UNKNOWN and outcome.key is None:
        return outcome.sentence, True
    if outcome.answer in {Answer.DENIED, Answer.REJECTED}:
        return outcome.sentence, True
    return (None if outcome.ok else outcome.sentence), False


async def _wait_known(context: Context, key: str) -> bool:
    """Wait until an order has ended and every fill of it is booked; False when that takes too long."""
    with context.subscribe(ev.OrderChanged, ev.OrderFilled, policy=Policy.LOSSLESS) as changes:
        for seconds in (TELLS_S, RESOLVE_S):
            with trio.move_on_after(seconds):
                await _until(lambda: _is_known(context.view.order(key)), changes.receive)
            if _is_known(context.view.order(key)):
                return True
            # The feed is late or gone: the account is read instead.
            await context.send(Calibrate())
    return _is_known(context.view.order(key))


async def _until(condition: Callable[[], bool], news: Callable[[], Any]) -> None:
    while not condition():
        await news()


def _is_known(order: Order | None) -> bool:
    return order is not None and not order.status.is_live and not order.fills_missing
