"""The numbers of state, services, inboxes, journal, orders and money."""

import pytest

from tests.services.still_daemon import MARKET, still_daemon
from traderd.core.shedding import Load
from traderd.model import events as ev
from traderd.model.orders import Side
from traderd.model.units import NS_PER_MS, NS_PER_S
from traderd.services.daemon_metrics import DAEMON_METRICS, TRADING_METRICS
from traderd.services.metric_table import read_daemon

ALL = {metric.name: metric for metric in (*DAEMON_METRICS, *TRADING_METRICS)}


def value(daemon, name, *labels):
    """Return one sample, None when there is none."""
    reading = read_daemon(daemon.context("web"), version="0.1.0")
    return ALL[name].samples(reading).get(labels)


@pytest.fixture
async def traded(tmp_path):
    async with still_daemon(tmp_path) as daemon:
        daemon.climb()
        daemon.list_market()
        daemon.snapshot(bids={"0.46": "10"}, asks={"0.48": "10"})
        daemon.sync("998.7725")
        daemon.fill(daemon.place(Side.BID, "20", "0.47"), "10", "0.47", "0.10")
        yield daemon


async def test_the_state_is_one_of_all_that_there_are(traded, autojump_clock):
    assert value(traded, "traderd_state", "ready") == 1
    states = ALL["traderd_state"].samples(read_daemon(traded.context("web"), version=""))
    assert (len(states), sum(states.values())) == (9, 1)
    assert value(traded, "traderd_build_info", "0.1.0", "sim") == 1


async def test_health_is_one_of_three_words(traded, autojump_clock):
    assert value(traded, "traderd_health", "unhealthy") == 1
    traded.publish(ev.HealthChecked(at=traded.now(), healthy=True, problems=()))
    assert value(traded, "traderd_health", "healthy") == 1
    assert value(traded, "traderd_health", "unhealthy") == 0


async def test_money_is_told_in_dollars(traded, autojump_clock):
    assert value(traded, "traderd_balance_dollars") == 998.7725
    assert value(traded, "traderd_fees_dollars") == 0.1
    assert value(traded, "traderd_unrealized_pnl_dollars") == -0.1
    assert value(traded, "traderd_realized_pnl_dollars") == 0


async def test_before_the_first_reading_there_is_no_balance(autojump_clock, tmp_path):
    async with still_daemon(tmp_path) as daemon:
        assert value(daemon, "traderd_balance_dollars") is None
        assert value(daemon, "traderd_account_age_seconds") is None
        assert value(daemon, "traderd_journal_commit_seconds") is None


async def test_orders_fills_and_positions_are_counted(traded, autojump_clock):
    assert (value(traded, "traderd_open_orders"), value(traded, "traderd_positions")) == (1, 1)
    assert value(traded, "traderd_orders", "resting") == 1
    assert value(traded, "traderd_orders", "executed") == 0
    assert value(traded, "traderd_fills_total") == 1


async def test_denials_halts_and_differences_are_told_by_their_kind(traded, autojump_clock):
    at = traded.now()
    order = traded.view.live_orders()[0]
    denied = ev.OrderDenied(
        at=at,
        terms=order.terms,
        attribution=order.attribution,
        rule="price_collar",
        sentence="too far",
    )
    halt = ev.HaltRaised(at=at, halt_id="h", author=ev.Author.PERSON, reason="rain")
    traded.publish(denied, denied, halt, ev.TradingPaused(at=at, reason="lunch"))
    assert value(traded, "traderd_order_denials_total", "price_collar") == 2
    assert value(traded, "traderd_halts", "person") == 1
    assert value(traded, "traderd_halts", "machine") == 0
    assert (value(traded, "traderd_paused"), value(traded, "traderd_venue_paused")) == (1, 0)
    traded.view.account.differences["fill_missed"] += 1
    assert value(traded, "traderd_reconciliation_differences_total", "fill_missed") == 1


async def test_a_service_and_its_inboxes_are_told_by_name(traded, autojump_clock):
    at = traded.now()
    for status in ("running", "restarting"):
        traded.publish(ev.ServiceChanged(at=at, name="risk", status=status, detail=""))
    assert value(traded, "traderd_service_up", "risk") == 0
    assert value(traded, "traderd_service_restarts_total", "risk") == 1
    with traded.context("risk").subscribe(ev.TradingResumed, depth=1):
        for _ in range(3):
            traded.publish(ev.TradingResumed(at=at))
        assert value(traded, "traderd_inbox_depth_events", "risk") == 1
        assert value(traded, "traderd_inbox_dropped_events_total", "risk") == 2
    assert value(traded, "traderd_inbox_depth_events", "risk") == 0
    assert value(traded, "traderd_inbox_dropped_events_total", "risk") == 2


async def test_how_late_the_loop_ran_is_told_with_its_worst(traded, autojump_clock):
    meter, data = traded.shared.feed_meter, traded.view.market_data
    for second in range(60):
        meter.look(float(second), data, Load(delay_ns=NS_PER_S if second == 7 else NS_PER_MS))
    assert value(traded, "traderd_loop_lag_seconds", "0.5") == 0.001
    assert value(traded, "traderd_loop_lag_seconds", "1") == 1.0


async def test_the_journal_is_told(traded, autojump_clock):
    assert value(traded, "traderd_journal_failed") == 0
    rows = value(traded, "traderd_journal_rows") + value(traded, "traderd_journal_pending_rows")
    assert rows > 0


def test_no_label_holds_a_market_or_an_order():
    labels = {label for metric in ALL.values() for label in metric.labels}
    assert labels == {
        *("state", "health", "service", "inbox", "quantile", "author", "status", "rule", "kind"),
        *("version", "environment"),
    }
    assert MARKET not in "".join(ALL)
