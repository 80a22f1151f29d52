"""A checkpoint and the events after it make the same state as all events: checked over random histories."""

from collections import Counter, deque
from functools import cache
from itertools import product
from typing import Any

import attrs
import pytest

from tests.core import builders as b
from tests.core.histories import history
from traderd.core import ledger, orders
from traderd.core.checkpoint import LEFT_OUT, put, take
from traderd.core.engine import Engine
from traderd.core.state_rows import RowReader
from traderd.model import events as ev
from traderd.model.ids import StrategyName
from traderd.model.rows import RowKind, UnreadableRow

SEEDS = range(40)
LENGTH = 900
MAKER = StrategyName("maker")
OTHERS = (
    ev.PositionAccepted(at=b.second(1), ticker=b.TICKER, by="ann"),
    ev.DifferenceIgnored(at=b.second(1), item="balance", amount=-5),
    ev.UnreadableRowsChanged(
        at=b.second(1), rows=(UnreadableRow(kind=RowKind.FILL, key="t o", words="what"),)
    ),
    ev.StrategyParameterSet(at=b.second(1), strategy=MAKER, name="edge", value="2", was="1"),
    ev.StrategyReleased(at=b.second(2), strategy=MAKER),
    ev.RequestTaken(at=b.second(3), key="k-1", verb="place", digest="ab12"),
    ev.RequestTaken(at=b.second(3), key="k-2", verb="pause", digest="cd34", forgotten=("k-0",)),
    ev.RequestAnswered(at=b.second(4), key="k-1", status=200, answer="{}"),
)
"""Facts that the histories do not draw."""


@cache
def told(seed: int) -> tuple[ev.Event, ...]:
    return tuple(history(seed, LENGTH))


def folded(events: tuple[ev.Event, ...], engine: Engine | None = None, **limits: Any) -> Engine:
    engine = engine or Engine(limits=b.limits(**limits))
    for event in events:
        engine.apply(event)
    return engine


def restored(source: Engine, **limits: Any) -> Engine:
    engine, reader = Engine(limits=b.limits(**limits)), RowReader()
    for row in take(source):
        reader.take(row)
    put(engine, reader.parts)
    return engine


def described(value: Any) -> Any:
    """Return everything that a value holds, with the order of collections, by another way than the rows go."""
    if attrs.has(type(value)):
        names = [field.name for field in attrs.fields(type(value))]
        # Folds are functions, the rest comes from elsewhere than the journal.
        names = [n for n in names if n not in {"_folds", "market_data", "limits", "rules"}]
        return type(value).__name__, {name: described(getattr(value, name)) for name in names}
    if isinstance(value, dict):
        items = [(described(key), described(item)) for key, item in value.items()]
        return type(value).__name__, items
    if isinstance(value, (list, tuple)):
        return type(value).__name__, [described(item) for item in value]
    if isinstance(value, deque):
        return "deque", value.maxlen, [described(item) for item in value]
    assert not isinstance(value, (set, Counter))
    return value


@pytest.mark.parametrize("seed", SEEDS)
def test_checkpoint_and_tail_make_the_state_that_all_events_make(seed):
    events = told(seed)
    whole = described(folded(events))
    for cut in (0, LENGTH // 7, LENGTH // 2, LENGTH - 1, LENGTH):
        engine = restored(folded(events[:cut]))
        assert described(folded(events[cut:], engine)) == whole, f"seed {seed}, cut at {cut}"


@pytest.mark.parametrize("seed", SEEDS)
def test_checkpoints_of_checkpoints_lose_nothing(seed):
    events, engine = told(seed), Engine(limits=b.limits())
    for start in range(0, LENGTH, 100):
        engine = restored(folded(events[start : start + 100], engine))
    assert described(engine) == described(folded(events))


def test_the_histories_have_nearly_every_kind_of_fact():
    seen = {type(event) for seed in SEEDS for event in told(seed)}
    assert len(seen) == 31


@pytest.mark.parametrize("seed", SEEDS[:3])
def test_facts_of_persons_and_odd_rows_are_in_a_checkpoint_as_well(seed):
    events = (*told(seed)[:300], *OTHERS)
    engine = restored(folded(events))
    assert described(engine) == described(folded(events))


def test_what_was_let_go_of_in_memory_is_so_after_a_checkpoint_as_well(monkeypatch):
    for module, name in product((ledger, orders), dir(ledger) + dir(orders)):
        if name.endswith("KEPT_MAX") and hasattr(module, name):
            monkeypatch.setattr(module, name, 5)
    for seed in SEEDS[:10]:
        events = told(seed)
        engine = restored(folded(events[: LENGTH // 2]))
        assert described(folded(events[LENGTH // 2 :], engine)) == described(folded(events))


def test_a_fill_or_settlement_told_again_after_a_checkpoint_counts_once():
    """D: the keys by which facts are known again are part of the state."""
    events = told(3)
    whole = folded(events)
    engine = restored(whole)
    money = whole.ledger.cash, whole.ledger.realized_pnl, whole.ledger.fill_count
    again = [e for e in events if isinstance(e, (ev.OrderFilled, ev.MarketSettled, ev.CashMoved))]
    assert len(again) > 100
    for event in again:
        engine.apply(event)
    assert (engine.ledger.cash, engine.ledger.realized_pnl, engine.ledger.fill_count) == money


def test_a_late_fill_of_an_order_that_ended_before_the_checkpoint_counts_for_its_strategy():
    made = [b.intended(), b.sent(), b.accepted(), b.reported(b.S.CANCELED)]
    engine = restored(folded(tuple(made)))
    engine.apply(b.filled(count=4))
    assert engine.orders.get("c1").filled == b.contracts(4)
    assert engine.ledger.strategies.books["person"].fill_count == 1


def test_an_order_is_one_order_by_whichever_name_it_is_found():
    engine = restored(folded((b.intended(), b.sent(), b.accepted())))
    order = engine.orders.get("c1")
    assert order is engine.orders.get("x1")
    assert engine.orders.live() == (order,)


def test_a_checkpoint_is_true_under_other_settings():
    old = {"breaker_errors": 5, "breaker_window": 50, "breaker_percent": 20}
    new = {"breaker_errors": 9, "breaker_window": 7, "breaker_percent": 90}
    for seed in SEEDS[:10]:
        events = told(seed)
        engine = restored(folded(events, **old), **new)
        assert described(engine) == described(folded(events, **new))
        assert engine.conditions.breaker_limit == 9
        assert engine.risk.errors.window == 7


def test_every_part_of_the_engine_is_in_it_or_left_out_by_name():
    engine = Engine(limits=b.limits())
    parts = {"engine": engine, "errors": engine.risk.errors}
    parts |= {name: getattr(engine, name) for name in LEFT_OUT if name not in parts}
    for name, left_out in LEFT_OUT.items():
        assert left_out <= {field.name for field in attrs.fields(type(parts[name]))}


def changing_records(value: Any, found: dict[int, Any]) -> dict[int, Any]:
    """Return every record of ours that can change and that a value leads to, folds and their closures included."""
    if isinstance(value, (dict, list, tuple, deque)):
        items = (*value.keys(), *value.values()) if isinstance(value, dict) else value
        for item in items:
            changing_records(item, found)
        return found
    if id(value) in found:
        return found
    kind = type(value)
    if attrs.has(kind):
        if not attrs.inspect(kind).is_frozen:
            found[id(value)] = value
        for field in attrs.fields(kind):
            if field.name != "_folds":
                changing_records(getattr(value, field.name), found)
        return found
    cells = getattr(value, "__closure__", None) or ()
    for inner in (getattr(value, "__self__", None), *(cell.cell_contents for cell in cells)):
        if inner is not None and inner is not value:
            changing_records(inner, found)
    return found


def test_what_the_folds_hold_on_to_is_what_the_engine_shows():
    """Else what happens after a start is folded into a state that nobody looks at."""
    engine = restored(folded(told(1)))
    shown, held = changing_records(engine, {}), changing_records(tuple(engine._folds.values()), {})
    assert len(held) > 10
    names = {type(record).__name__ for key, record in held.items() if key not in shown}
    assert names <= {"_Watch"}


def test_what_people_change_after_a_start_from_a_checkpoint_is_noted():
    engine = restored(folded(told(1)))
    for event in OTHERS:
        engine.apply(event)
    assert engine.ticks.tuned == {MAKER: {"edge": "2"}}
    assert engine.ticks.released == {MAKER: b.second(2)}


def test_a_checkpoint_of_another_shape_changes_nothing():
    reader = RowReader()
    for row in take(folded(told(1))):
        reader.take(row)
    parts = {name: dict(fields) for name, fields in reader.parts.items()}
    del parts["ledger"]["fill_count"]
    engine = Engine(limits=b.limits())
    before = described(engine)
    with pytest.raises(LookupError, match="other fields"):
        put(engine, parts)
    assert described(engine) == before
