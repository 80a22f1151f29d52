import pytest

from tests.services.still_daemon import StillDaemon, still_daemon
from traderd.errors import IllegalTransition
from traderd.model import events as ev
from traderd.model import states as st
from traderd.model.states import State
from traderd.model.units import Money
from traderd.plugin_api import OnCrash, Service
from traderd.runtime.inbox import Policy
from traderd.services.lifecycle import TELL_EVERY
from traderd.services.stages import MARKET_DATA, SYNC, TRADING_CLIENT

NOT_READY = [State.INITIALIZING, State.ERROR, State.SHUTDOWN]


def states_of(daemon: StillDaemon) -> list[str]:
    return [event.to_state.value for event in daemon.view.transitions]


def service(on_crash: OnCrash) -> Service:
    async def run(context, *, task_status):
        task_status.started()

    return Service(name="orders", run=run, on_crash=on_crash)


async def test_the_way_up_with_trading_passes_every_state(autojump_clock, tmp_path):
    async with still_daemon(tmp_path) as daemon:
        daemon.climb()
        assert states_of(daemon) == [
            "initializing",
            "orderbook_connect",
            "trading_client_connect",
            "kalshi_data_sync",
            "ready",
        ]


async def test_the_way_up_without_trading_ends_after_the_order_books(autojump_clock, tmp_path):
    async with still_daemon(tmp_path, trading__enabled="false") as daemon:
        daemon.climb()
        assert states_of(daemon) == ["initializing", "orderbook_connect", "ready"]
        metadata = [event.metadata for event in daemon.view.transitions]
        assert metadata[0].mode == "orderbook_only"
        assert metadata[-1].trading_client is None


async def test_each_step_publishes_one_change_that_everybody_hears(autojump_clock, tmp_path):
    async with still_daemon(tmp_path) as daemon:
        with daemon.context("test").subscribe(ev.StateChanged, policy=Policy.LOSSLESS) as heard:
            daemon.climb()
            batches = [await heard.receive() for _ in range(heard.statistics().depth)]
        changes = [event for batch in batches for event in batch]
        assert [(c.from_state, c.to_state) for c in changes] == [
            (State.INITIALIZING, State.ORDERBOOK_CONNECT),
            (State.ORDERBOOK_CONNECT, State.TRADING_CLIENT_CONNECT),
            (State.TRADING_CLIENT_CONNECT, State.KALSHI_DATA_SYNC),
            (State.KALSHI_DATA_SYNC, State.READY),
        ]
        assert changes[-1].at == daemon.view.state_since


async def test_an_illegal_step_raises_and_publishes_nothing(autojump_clock, tmp_path):
    async with still_daemon(tmp_path) as daemon:
        before, published = daemon.view.transitions, daemon.shared.bus.published
        with pytest.raises(IllegalTransition, match="initializing -> acting"):
            daemon.shared.lifecycle.transition(st.ActingMetadata(orders_in_flight=1), context="x")
        with pytest.raises(IllegalTransition, match="initializing -> ready"):
            daemon.shared.lifecycle.arrived()
        assert (daemon.view.state, daemon.view.transitions) == (State.INITIALIZING, before)
        assert daemon.shared.bus.published == published


async def test_nothing_follows_a_shutdown(autojump_clock, tmp_path):
    async with still_daemon(tmp_path) as daemon:
        daemon.shared.lifecycle.stopping("SIGTERM")
        with pytest.raises(IllegalTransition):
            daemon.shared.lifecycle.failed(MARKET_DATA, "late", 1, 0.5)
        assert states_of(daemon) == ["initializing", "shutdown"]


async def test_each_stage_tells_what_it_connects_to(autojump_clock, tmp_path):
    async with still_daemon(tmp_path, market_data__markets="A,B,C") as daemon:
        daemon.climb()
        books, client, sync = [event.metadata for event in daemon.view.transitions][1:4]
        venue = daemon.shared.venue
        assert books == st.OrderbookConnectMetadata(
            ws_url=venue.ws_url, markets="A, B ...and 1 more", market_count=3, environment="sim"
        )
        assert client == st.TradingClientConnectMetadata(
            mode="trading", environment="sim", api_url=venue.rest_url
        )
        assert sync == st.KalshiDataSyncMetadata(mode="trading", sync_type="initial")


async def test_a_failed_stage_is_an_error_with_attempt_and_delay(autojump_clock, tmp_path):
    async with still_daemon(tmp_path) as daemon:
        daemon.shared.lifecycle.entering(MARKET_DATA)
        daemon.shared.lifecycle.failed(MARKET_DATA, "no answer", 3, 1.23456)
        assert daemon.view.transitions[-1].metadata == st.ErrorMetadata(
            failed_stage=MARKET_DATA, error="no answer", attempt=3, retry_in_s=1.235
        )
        assert "no answer; climbing again in 1.2 s" in daemon.log_text.getvalue()


async def test_after_an_error_the_climb_goes_on_at_the_stage_that_failed(autojump_clock, tmp_path):
    async with still_daemon(tmp_path) as daemon:
        daemon.climb()
        daemon.shared.lifecycle.failed(TRADING_CLIENT, "lost", 1, 0.5)
        daemon.shared.lifecycle.entering(TRADING_CLIENT)
        daemon.shared.lifecycle.entering(SYNC)
        daemon.shared.lifecycle.arrived()
        assert states_of(daemon)[-4:] == [
            "error",
            "trading_client_connect",
            "kalshi_data_sync",
            "ready",
        ]


async def test_becoming_ready_tells_the_account_as_it_was_read(autojump_clock, tmp_path):
    async with still_daemon(tmp_path) as daemon:
        with daemon.context("sync").subscribe(
            ev.TradingStateUpdated, policy=Policy.LOSSLESS
        ) as updates:
            daemon.sync("998.77")
            daemon.shared.lifecycle.last_update = (await updates.receive())[-1]
        daemon.snapshot(bids={"0.46": "1"}, asks={})
        daemon.climb()
        ready = daemon.view.transitions[-1].metadata
        assert (ready.markets_connected, ready.snapshots_received) == (1, 1)
        assert ready.first_snapshot_received is True
        assert ready.connection_established is False
        assert ready.trading_client == st.TradingClientSummary(
            connected=False,
            mode="trading",
            balance=Money(998_770_000),
            portfolio_value=Money(0),
            positions=0,
            orders=0,
        )


# --- acting ---------------------------------------------------------------------------------------


async def test_acting_begins_with_the_first_command_and_ends_with_the_last(
    autojump_clock, tmp_path
):
    async with still_daemon(tmp_path) as daemon:
        daemon.climb()
        lifecycle, before = daemon.shared.lifecycle, len(daemon.view.transitions)
        with lifecycle.activity():
            assert daemon.view.state is State.ACTING
            with lifecycle.activity():
                assert daemon.view.state is State.ACTING
            assert daemon.view.state is State.ACTING
        assert daemon.view.state is State.READY
        assert states_of(daemon)[before:] == ["acting", "ready"]


async def test_a_command_that_raises_ends_acting_as_well(autojump_clock, tmp_path):
    async with still_daemon(tmp_path) as daemon:
        daemon.climb()
        with pytest.raises(RuntimeError), daemon.shared.lifecycle.activity():
            raise RuntimeError
        assert daemon.view.state is State.READY


@pytest.mark.parametrize("state", NOT_READY, ids=lambda state: state.value)
async def test_a_command_outside_of_ready_changes_no_state(autojump_clock, tmp_path, state):
    async with still_daemon(tmp_path) as daemon:
        lifecycle = daemon.shared.lifecycle
        if state is State.ERROR:
            lifecycle.failed(MARKET_DATA, "lost", 1, 0.5)
        elif state is State.SHUTDOWN:
            lifecycle.stopping("SIGTERM")
        before = daemon.view.transitions
        with lifecycle.activity():
            assert daemon.view.state is state
        assert daemon.view.transitions == before


async def test_a_command_that_outlives_an_error_is_acting_again_when_ready(
    autojump_clock, tmp_path
):
    async with still_daemon(tmp_path) as daemon:
        daemon.climb()
        lifecycle = daemon.shared.lifecycle
        with lifecycle.activity():
            lifecycle.failed(SYNC, "lost", 1, 0.5)
            lifecycle.entering(SYNC)
            lifecycle.arrived()
            assert daemon.view.state is State.ACTING
        assert states_of(daemon)[-4:] == ["kalshi_data_sync", "ready", "acting", "ready"]


async def test_a_stop_during_a_command_stays_a_stop(autojump_clock, tmp_path):
    async with still_daemon(tmp_path) as daemon:
        daemon.climb()
        with daemon.shared.lifecycle.activity():
            daemon.shared.lifecycle.stopping("SIGTERM")
        assert states_of(daemon)[-2:] == ["acting", "shutdown"]


async def test_the_routine_of_acting_is_no_news_in_the_log(autojump_clock, tmp_path):
    async with still_daemon(tmp_path) as daemon:
        daemon.climb()
        assert "kalshi_data_sync -> ready" in daemon.log_text.getvalue()
        with daemon.shared.lifecycle.activity():
            assert daemon.view.state is State.ACTING
        assert "acting" not in daemon.log_text.getvalue()


# --- services -------------------------------------------------------------------------------------


async def test_a_services_status_is_published(autojump_clock, tmp_path):
    async with still_daemon(tmp_path) as daemon:
        daemon.shared.lifecycle.service_changed("web", "restarting", "in 0.5 s: broke")
        changed = daemon.view.services["web"]
        assert (changed.status, changed.detail) == ("restarting", "in 0.5 s: broke")
        assert "service web is restarting" in daemon.log_text.getvalue()


async def test_the_loss_of_a_service_that_orders_need_is_a_halt(autojump_clock, tmp_path):
    async with still_daemon(tmp_path) as daemon:
        daemon.shared.lifecycle.service_lost(service(OnCrash.HALT), "KeyError: 1")
        halt = daemon.view.conditions.halts["service:orders"]
        assert (halt.author, halt.ticker) == (ev.Author.MACHINE, None)
        assert halt.reason == "service orders keeps failing: KeyError: 1"


async def test_the_loss_of_another_is_said_or_stays_its_own(autojump_clock, tmp_path):
    async with still_daemon(tmp_path) as daemon:
        daemon.shared.lifecycle.service_lost(service(OnCrash.RESTART), "KeyError: 1")
        assert daemon.view.conditions.degraded == {}
        daemon.shared.lifecycle.service_lost(service(OnCrash.DEGRADE), "KeyError: 1")
        assert daemon.view.conditions.degraded == {"orders": "KeyError: 1"}
        assert daemon.view.conditions.halts == {}


async def test_an_outage_that_stays_the_same_is_told_once_and_a_new_one_again(
    autojump_clock, tmp_path
):
    async with still_daemon(tmp_path) as daemon:
        daemon.climb()
        lifecycle, log = daemon.shared.lifecycle, daemon.log_text
        for attempt in range(1, TELL_EVERY):
            lifecycle.service_changed(TRADING_CLIENT, "failed", "HTTP 503")
            lifecycle.failed(TRADING_CLIENT, "HTTP 503", attempt, 0.01)
            lifecycle.entering(TRADING_CLIENT)
        text = log.getvalue()
        assert text.count("failed: HTTP 503; climbing again at once") == 1
        assert text.count("-> error") == text.count("error -> trading_client_connect") == 1
        assert "service trading_client" not in text
        lifecycle.failed(TRADING_CLIENT, "HTTP 503", TELL_EVERY, 1.0)
        lifecycle.entering(TRADING_CLIENT)
        lifecycle.failed(TRADING_CLIENT, "HTTP 502", TELL_EVERY + 1, 1.0)
        assert log.getvalue().count("climbing again in 1.0 s") == 2
        lifecycle.entering(TRADING_CLIENT)
        lifecycle.entering(SYNC)
        lifecycle.arrived()
        lifecycle.failed(TRADING_CLIENT, "HTTP 502", 1, 2.0)
        assert log.getvalue().count("climbing again in 2.0 s") == 1, "a new outage is news"
