"""What a verb would do now, in words: orders with keys, counts and prices, and the worst cost in dollars.

Owns: the answer to every dry run; it is a question to the state, so nothing can be sent by it.
Must not: change anything.
"""

from __future__ import annotations

from collections.abc import Sequence

from traderd.core.closing import Close, blocked_words, held_markets, plan_close
from traderd.core.conditions import KILL_HALT, scope_words
from traderd.core.order import Order
from traderd.core.standing import plan_reconcile
from traderd.core.strategy_books import label_of
from traderd.core.view import StateView
from traderd.model import commands as cm
from traderd.model.events import Author
from traderd.model.ids import MarketTicker, StrategyName
from traderd.model.orders import OrderOwner, order_words
from traderd.model.units import Money, Timestamp, counted, show_money, show_price

PREFIX = "dry run, nothing is done: "
KILL_STANDS = (
    f"the kill switch stands and lets nothing but cancels leave: `traderd halt`, `traderd clear-halt {KILL_HALT}`, "
    "and flatten then"
)
"""Why nothing can be flattened, in the dry run and in the real one."""


def rehearse(view: StateView, command: cm.DryRun, now: Timestamp) -> cm.Outcome:
    """Return what would happen; `items` names every order that would be cancelled or sent."""
    match command.of:
        case cm.Pause(ticker=ticker, strategy=strategy):
            return _told(
                f"no new risk would be taken in {scope_words(ticker, strategy)}; {_rest(view)}"
            )
        case cm.Resume(ticker=ticker, strategy=strategy):
            return _resume(view, ticker, strategy)
        case cm.Halt(ticker=ticker, strategy=strategy):
            words = scope_words(ticker, strategy)
            return _told(f"{words} would be halted until its halt is cleared; {_rest(view)}")
        case cm.ClearHalt(halt_id=halt_id, author=author):
            return _clear(view, halt_id, author)
        case cm.CancelOrder(key=key):
            return _cancel_one(view, key)
        case cm.CancelOrders():
            return _cancels(chosen_orders(view, command.of))
        case cm.Flatten():
            return _flatten(view, command.of, now)
        case cm.Kill(only_ours=only_ours):
            return _kill(view, only_ours=only_ours)
        case cm.Reconcile():
            return _reconcile(view, command.of)
        case _:
            raise AssertionError(f"{type(command.of).__name__} has no dry run")


def chosen_orders(view: StateView, command: cm.CancelOrders) -> tuple[Order, ...]:
    """Return the orders that a CancelOrders is about; the strategy `person` has the orders of persons."""
    return tuple(
        order
        for order in view.own_live_orders(command.ticker)
        if command.owner in {None, order.attribution.owner}
        and command.strategy in {None, label_of(order.attribution)}
    )


def _told(sentence: str, items: Sequence[cm.Outcome] = ()) -> cm.Outcome:
    return cm.Outcome(answer=cm.Answer.DONE, sentence=PREFIX + sentence, items=tuple(items))


def _denied(sentence: str) -> cm.Outcome:
    return cm.Outcome(answer=cm.Answer.DENIED, sentence=PREFIX + sentence)


def _rest(view: StateView) -> str:
    count = len(view.live_orders())
    return f"{counted(count, 'open order')} would stay"


def _resume(
    view: StateView, ticker: MarketTicker | None, strategy: StrategyName | None
) -> cm.Outcome:
    words = scope_words(ticker, strategy)
    if (ticker, strategy) not in view.conditions.pauses:
        return _denied(f"{words} is not paused, so there is nothing to resume")
    halts = ", ".join(view.conditions.halts)
    return _told(
        f"the pause of {words} would end{f'; halts that would stand: {halts}' if halts else ''}"
    )


def _clear(view: StateView, halt_id: str, author: Author) -> cm.Outcome:
    halt = view.conditions.halts.get(halt_id)
    if halt is None:
        return _denied(f"there is no halt {halt_id!r}")
    if not view.conditions.may_clear(halt, author):
        return _denied(f"halt {halt_id!r} may be cleared by a person only")
    return _told(f"halt {halt_id!r} would end: {halt.reason}")


def _reconcile(view: StateView, command: cm.Reconcile) -> cm.Outcome:
    plan = plan_reconcile(view.standing(), command)
    if isinstance(plan, str):
        return _denied(plan)
    return _told(
        f"{counted(len(plan), 'difference')} of the last reading would be settled",
        [
            cm.Outcome(answer=cm.Answer.DONE, sentence=f"{verb} {one.item}: {one.sentence}")
            for verb, one in plan
        ],
    )


def _cancel_one(view: StateView, key: str) -> cm.Outcome:
    order = view.order(key)
    if order is None:
        return _denied(f"no order {key!r} is known")
    return _cancels((order,) if order.status.is_live else ())


def _cancels(orders: Sequence[Order]) -> cm.Outcome:
    if not orders:
        return _told("no order is open that this would cancel")
    return _told(
        f"{counted(len(orders), 'order')} would be cancelled; a cancel costs $0.00",
        [_cancel(o) for o in orders],
    )


def _cancel(order: Order) -> cm.Outcome:
    return cm.Outcome(
        answer=cm.Answer.DONE,
        key=order.key,
        sentence=f"cancel {order_words(order.ticker, order.side, order.remaining, order.price)}",
    )


def _flatten(view: StateView, command: cm.Flatten, now: Timestamp) -> cm.Outcome:
    ticker, strategy = command.ticker, command.strategy
    if view.conditions.killed is not None:
        return _denied(KILL_STANDS)
    cancels = chosen_orders(view, cm.CancelOrders(ticker=ticker, strategy=strategy))
    items, cost, count, stuck = [_cancel(order) for order in cancels], 0, 0, 0
    cancelled = {order.key: None for order in cancels}
    for each in held_markets(view, ticker, strategy):
        close = plan_close(
            view,
            each,
            strategy,
            now=now,
            at_worst=command.at_worst,
            whole=True,
            without=cancelled,
        )
        if not isinstance(close, Close):
            stuck += 1
            items.append(cm.Outcome(answer=cm.Answer.DENIED, sentence=close.sentence))
            continue
        count += 1
        cost += close.worst_cost
        out_of_reach = close.out_of_reach
        why = (
            ""
            if out_of_reach is None
            else f"; the best price now is {show_price(out_of_reach)}, so nothing would be filled"
        )
        if close.blocked_by is not None:
            why = f"; not all of it may be closed: {blocked_words(close.blocked_by)}"
        items.append(cm.Outcome(answer=cm.Answer.DONE, sentence=f"{close.describe()}{why}"))
    words = scope_words(ticker, strategy)
    if not items:
        return _told(f"{words} is flat and has no order; it would be paused")
    return _told(
        f"{words} would be paused, {counted(len(cancels), 'order')} cancelled and {counted(count, 'position')} closed, at worst "
        f"{show_money(Money(cost))} lost to price and fees"
        f"{f'; {stuck} could not be closed now' if stuck else ''}",
        items,
    )


def _kill(view: StateView, *, only_ours: bool) -> cm.Outcome:
    orders = [
        order
        for order in view.live_orders()
        if not only_ours or order.attribution.owner is not OrderOwner.EXTERNAL
    ]
    whose = "that this daemon placed" if only_ours else "of the account, also those of others,"
    return _told(
        f"nothing but cancels would leave until `traderd clear-halt {KILL_HALT}`, and every order "
        f"{whose} would be cancelled, {len(orders)} as far as is known here; a cancel costs $0.00",
        [_cancel(order) for order in orders],
    )
