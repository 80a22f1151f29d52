"""No state carries another's data: on the way up, after a failure of every stage, in recovery, and after an update.

The account has numbers that occur nowhere else, so a value of one state that travels with another is found by its digits.
"""

import attrs
import msgspec
import pytest
import trio

from tests.simulation.harness import simulated_daemon, simulated_exchange
from traderd.model import events as ev
from traderd.model import states as st
from traderd.model.commands import Calibrate
from traderd.model.states import State
from traderd.model.units import parse_money
from traderd.runtime.inbox import Policy
from traderd.services.documents import transition_document
from traderd.services.stages import CLIMB, MARKET_DATA, SYNC, TRADING_CLIENT

WORDS_OF_TRADING = ("balance", "portfolio", "position", "order", "trading", "fill", "api_url")
FIELDS = {
    State.INITIALIZING: {"environment", "host", "log_level", "mode"},
    State.ORDERBOOK_CONNECT: {"ws_url", "markets", "market_count", "environment"},
    State.TRADING_CLIENT_CONNECT: {"mode", "environment", "api_url"},
    State.KALSHI_DATA_SYNC: {"mode", "sync_type"},
    State.READY: {
        *("markets_connected", "snapshots_received", "deltas_received", "connection_established"),
        *("first_snapshot_received", "environment", "trading_client"),
    },
    State.ACTING: {"orders_in_flight"},
    State.ERROR: {"failed_stage", "error", "attempt", "retry_in_s"},
    State.SHUTDOWN: {"reason"},
}
"""The whole of what each state may say, written down here a second time on purpose."""
OWNERS = {
    "4242": (State.READY,),
    "ws://": (State.ORDERBOOK_CONNECT,),
    "http://": (State.TRADING_CLIENT_CONNECT,),
    "initial": (State.KALSHI_DATA_SYNC,),
    "KXMLBGAME": (State.ORDERBOOK_CONNECT,),
    "why it broke": (State.ERROR,),
    "the test asked": (State.SHUTDOWN,),
}
"""Values that can be told apart, and the only states that may have them."""


@attrs.define(eq=False)
class Heard:
    changes: list = attrs.Factory(list)

    async def listen(self, news):
        async for batch in news:
            self.changes += batch

    def check(self):
        for change in self.changes:
            fields = {field.name for field in attrs.fields(type(change.metadata))}
            assert st.STATE_OF[type(change.metadata)] is change.to_state
            assert fields == FIELDS[change.to_state], change.to_state
            for text in (
                msgspec.json.encode(change.metadata).decode(),
                # As consoles get it.
                str(transition_document(change, None)["metadata"]),
            ):
                for word, owners in OWNERS.items():
                    assert word not in text or change.to_state in owners, (change.to_state, text)

    def way(self):
        return [change.to_state for change in self.changes]


def test_every_state_that_is_entered_has_its_list_of_fields():
    assert set(FIELDS) == set(State) - {State.STARTUP}


def deposit(simulated, dollars):
    venue = simulated.exchange.venue
    account = venue.account(simulated.account_id)
    venue.bank.deposit(account, parse_money(dollars), simulated.exchange.now())


async def lived(tmp_path, live, **settings):
    """Run a daemon through `live` and return what was heard of its states from the first on."""
    heard = Heard()
    (tmp_path / "state").mkdir()
    async with (
        simulated_exchange(tmp_path) as at,
        simulated_daemon(tmp_path / "state", at=at, ready=False, **settings) as simulated,
    ):
        deposit(simulated, "3242.42")
        heard.changes += simulated.view.transitions
        with simulated.daemon.shared.bus.subscribe(
            ev.StateChanged, name="test", policy=Policy.LOSSLESS
        ) as news:
            async with trio.open_nursery() as nursery:
                nursery.start_soon(heard.listen, news)
                await simulated.wait_ready()
                await live(simulated)
                simulated.stop()
                await simulated.ended.wait()
                await trio.sleep(1.0)
                nursery.cancel_scope.cancel()
    return heard


async def test_on_the_way_up_and_down_and_in_work(tmp_path, autojump_clock):
    async def live(simulated):
        assert simulated.view.transitions[-1].metadata.trading_client.balance == 4_242_420_000
        await simulated.place("bid", "1", "0.0100")

    heard = await lived(tmp_path, live)
    heard.check()
    assert [state for state in FIELDS if state not in heard.way()] == [State.ERROR]


@pytest.mark.parametrize("stage", CLIMB)
async def test_when_a_stage_fails_and_is_climbed_again(tmp_path, autojump_clock, stage):
    async def live(simulated):
        assert simulated.daemon.shared.levers.restart(stage, "why it broke")
        await simulated.wait_state(State.ERROR)
        await simulated.wait_ready()

    heard = await lived(tmp_path, live)
    heard.check()
    way = heard.way()
    after = way[way.index(State.ERROR) + 1]
    assert (
        after
        is {
            MARKET_DATA: State.ORDERBOOK_CONNECT,
            TRADING_CLIENT: State.TRADING_CLIENT_CONNECT,
            SYNC: State.KALSHI_DATA_SYNC,
        }[stage]
    )
    error = next(one.metadata for one in heard.changes if one.to_state is State.ERROR)
    assert (error.failed_stage, error.error, error.attempt) == (stage, "why it broke", 1)


async def test_the_changes_of_an_update_are_of_ready_alone(tmp_path, autojump_clock):
    async def live(simulated):
        deposit(simulated, "1.00")
        assert (await simulated.send(Calibrate())).ok
        # The next time that it becomes ready tells what the update brought.
        await simulated.place("bid", "1", "0.0100")

    heard = await lived(tmp_path, live)
    heard.check()
    last = [one.metadata for one in heard.changes if one.to_state is State.READY][-1]
    assert last.trading_client.balance_change == 1_000_000
    first = next(one.metadata for one in heard.changes if one.to_state is State.READY)
    assert first.trading_client.balance_change is None


async def test_without_trading_no_word_of_it_is_in_any_metadata(tmp_path, autojump_clock):
    async def live(simulated):
        simulated.daemon.shared.levers.restart(MARKET_DATA, "why it broke")
        await simulated.wait_state(State.ERROR)
        await simulated.wait_ready()

    heard = await lived(tmp_path, live, trading__enabled="false")
    heard.check()
    for change in heard.changes:
        text = msgspec.json.encode(change.metadata).decode()
        text = text.replace('"trading_client":null', "").replace("orderbook_only", "")
        assert not any(word in text for word in WORDS_OF_TRADING), text
