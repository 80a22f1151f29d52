"""What is kept of one strategy: what is under way, its timers, its report."""

import attrs

from tests.services.test_tenant_make import WithContext, config, spec
from traderd.model.ids import MarketTicker
from traderd.model.strategy_events import TenantStatus
from traderd.services import tenant as tenant_module
from traderd.services.tenant_make import make_tenants

T, U = MarketTicker("T"), MarketTicker("U")


def made():
    (tenant,) = make_tenants(config(size=3), {"mine": spec(WithContext)})
    return tenant


async def test_it_is_idle_only_when_nothing_is_under_way():
    tenant = made()
    assert tenant.idle.is_set()
    tenant.begin(T)
    tenant.begin(T)
    tenant.begin(U)
    assert not tenant.idle.is_set()
    assert tenant.report(0.0).in_flight == 3
    tenant.end(T)
    assert T in tenant.busy
    tenant.end(T)
    assert (T in tenant.busy, tenant.idle.is_set()) == (False, False)
    tenant.end(U)
    await tenant.idle.wait()


def test_a_timer_of_the_same_name_begins_anew_and_one_taken_back_never_comes():
    tenant = made()
    tenant.context.set_timer(T, 5)
    tenant.context.set_timer(U, 1, "soon")
    tenant.take_timers(100.0)
    tenant.context.set_timer(T, 9)
    tenant.context.clear_timer(U, "soon")
    tenant.take_timers(101.0)
    assert tenant.due_timers(109.0) == []
    assert tenant.due_timers(110.0) == [(T, "")]
    assert not tenant.take_timer(T, "", 109.0)
    assert tenant.take_timer(T, "", 110.0)
    assert not tenant.take_timer(T, "", 110.0)
    assert tenant.due_timers(999.0) == []


def test_timers_beyond_the_bound_are_told(monkeypatch):
    monkeypatch.setattr(tenant_module, "TIMERS_MAX", 2)
    tenant = made()
    for name in "abcd":
        tenant.context.set_timer(T, 1, name)
    tenant.context.clear_timer(T, "a")
    refused = tenant.take_timers(0.0)
    assert refused is not None
    assert refused.name == "c"
    # What was asked for after the one too many counts all the same.
    assert tenant.due_timers(2.0) == [(T, "b")]


def test_markets_that_are_followed_no_longer_are_forgotten():
    tenant = made()
    tenant.due_at |= {T: 1.0, U: 2.0}
    tenant.busy_told_at[T] = 1.0
    tenant.forget_markets({U: None})
    assert (tenant.due_at, tenant.busy_told_at) == ({U: 2.0}, {})


def test_the_report_has_parameters_and_times():
    tenant = made()
    tenant.times.note(0.004, 0.0)
    report = tenant.report(0.0)
    assert (report.status, report.callbacks, report.max_ns) == (TenantStatus.RUNNING, 1, 4_000_000)
    assert [(one.name, one.value, one.tunable) for one in report.parameters] == [
        ("size", "3", True)
    ]
    assert attrs.asdict(report)["strategy"] == "mine"
