"""The table of states: everything can be reached, shutdown is final, and data cannot leak."""

import inspect
import typing

import attrs
import pytest

from tests.core.builders import READY
from traderd.errors import IllegalTransition
from traderd.model import states
from traderd.model.states import (
    STATE_OF,
    TRANSITIONS,
    ActingMetadata,
    ErrorMetadata,
    InitializingMetadata,
    KalshiDataSyncMetadata,
    OrderbookConnectMetadata,
    ReadyMetadata,
    ShutdownMetadata,
    State,
    TradingClientConnectMetadata,
    name_tickers,
    next_state,
)

METADATA = {
    State.INITIALIZING: InitializingMetadata(
        environment="sim", host="h", log_level="info", mode="trading"
    ),
    State.ORDERBOOK_CONNECT: OrderbookConnectMetadata(
        ws_url="ws://h", markets="A", market_count=1, environment="sim"
    ),
    State.TRADING_CLIENT_CONNECT: TradingClientConnectMetadata(
        mode="trading", environment="sim", api_url="http://h"
    ),
    State.KALSHI_DATA_SYNC: KalshiDataSyncMetadata(mode="trading", sync_type="initial"),
    State.READY: READY,
    State.ACTING: ActingMetadata(orders_in_flight=1),
    State.ERROR: ErrorMetadata(failed_stage="orderbook", error="e", attempt=1, retry_in_s=0.5),
    State.SHUTDOWN: ShutdownMetadata(reason="asked"),
}


def test_every_state_has_a_row_and_every_state_can_be_reached():
    assert list(TRANSITIONS) == list(State)
    reached = [State.STARTUP]
    for state in reached:
        reached.extend(target for target in TRANSITIONS[state] if target not in reached)
    assert sorted(reached, key=str) == sorted(State, key=str)


def test_shutdown_is_terminal_and_reachable_from_everywhere_else():
    assert TRANSITIONS[State.SHUTDOWN] == ()
    for state in State:
        if state is not State.SHUTDOWN:
            assert State.SHUTDOWN in TRANSITIONS[state]
            assert State.ERROR in TRANSITIONS[state]


def test_startup_is_only_ever_left():
    assert all(State.STARTUP not in targets for targets in TRANSITIONS.values())


def test_each_metadata_class_leads_to_exactly_one_state_and_each_state_has_one():
    classes = typing.get_args(states.Metadata)
    assert sorted(STATE_OF, key=str) == sorted(classes, key=str)
    targets = list(STATE_OF.values())
    assert len(targets) == len(set(targets))
    assert sorted([*targets, State.STARTUP], key=str) == sorted(State, key=str)


def test_no_metadata_class_is_left_out_of_the_union():
    here = [
        name
        for name, member in inspect.getmembers(states, inspect.isclass)
        if name.endswith("Metadata") and member.__module__ == states.__name__
    ]
    assert sorted(here) == sorted(one.__name__ for one in typing.get_args(states.Metadata))


@pytest.mark.parametrize("current", State)
@pytest.mark.parametrize("target", METADATA)
def test_a_step_is_taken_if_and_only_if_the_table_has_it(current, target):
    if target in TRANSITIONS[current]:
        assert next_state(current, METADATA[target]) is target
    else:
        with pytest.raises(IllegalTransition, match=f"{current.value} -> {target.value}"):
            next_state(current, METADATA[target])


def test_the_whole_way_up_is_legal_with_and_without_trading():
    with_trading = [
        State.INITIALIZING,
        State.ORDERBOOK_CONNECT,
        State.TRADING_CLIENT_CONNECT,
        State.KALSHI_DATA_SYNC,
        State.READY,
        State.ACTING,
        State.READY,
    ]
    without = [State.INITIALIZING, State.ORDERBOOK_CONNECT, State.READY]
    for way in (with_trading, without):
        state = State.STARTUP
        for step in way:
            state = next_state(state, METADATA[step])
        assert state is State.READY


def test_recovery_climbs_again_from_any_stage_but_never_jumps_to_ready():
    assert State.READY not in TRANSITIONS[State.ERROR]
    assert State.ACTING not in TRANSITIONS[State.ERROR]


TRADING_WORDS = (
    "trading",
    "order_",
    "orders",
    "position",
    "balance",
    "portfolio",
    "fill",
    "api_url",
)


@pytest.mark.parametrize("stage", [InitializingMetadata, OrderbookConnectMetadata])
def test_no_trading_word_is_in_the_metadata_before_trading_begins(stage):
    names = [field.name for field in attrs.fields(stage)]
    assert [name for name in names if any(word in name for word in TRADING_WORDS)] == []


def test_ready_without_trading_carries_the_trading_client_as_none_and_nothing_else_of_it():
    names = [field.name for field in attrs.fields(ReadyMetadata)]
    assert [n for n in names if any(word in n for word in TRADING_WORDS)] == ["trading_client"]
    assert METADATA[State.READY].trading_client is None


@pytest.mark.parametrize("metadata", METADATA.values(), ids=lambda one: type(one).__name__)
def test_metadata_cannot_be_changed_on_its_way(metadata):
    with pytest.raises(attrs.exceptions.FrozenInstanceError):
        setattr(metadata, attrs.fields(type(metadata))[0].name, "other")


@pytest.mark.parametrize(
    ("tickers", "shown"),
    [
        ((), ""),
        (("A",), "A"),
        (("A", "B"), "A, B"),
        (("A", "B", "C"), "A, B ...and 1 more"),
        (tuple("ABCDEFG"), "A, B ...and 5 more"),
    ],
)
def test_tickers_are_named_two_and_then_counted(tickers, shown):
    assert name_tickers(tickers) == shown
