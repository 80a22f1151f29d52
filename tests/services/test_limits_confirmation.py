"""Control C17: lowering a limit is immediate, raising one waits for a person, and only for a person."""

import pytest

from tests.services.still_daemon import still_daemon
from tests.services.test_reload import wanting
from tests.simulation.harness import TICKERS, fresh, simulated_daemon, simulated_exchange
from traderd.model.commands import Answer, ConfirmLimits, DryRun, Reload
from traderd.model.events import Author
from traderd.services.limits_confirmation import LIMITS_PART

RAISED = "risk.max_open_orders from 2 to 3"


async def places(simulated, number: int) -> list[Answer]:
    outcomes = [
        await simulated.place("bid", "1", f"0.0{price}00", ticker=TICKERS[0])
        for price in range(1, number + 1)
    ]
    for outcome in outcomes:
        if outcome.ok:
            assert (await simulated.cancel(outcome.key)).ok
    return [outcome.answer for outcome in outcomes]


async def test_a_raised_limit_waits_for_a_person_and_its_confirmation_is_kept(
    tmp_path, autojump_clock
):
    two, three = [Answer.DONE, Answer.DONE, Answer.DENIED], [Answer.DONE] * 3
    async with simulated_exchange(tmp_path) as at:
        state = fresh(tmp_path / "state")
        async with simulated_daemon(state, at=at, risk__max_open_orders=2) as first:
            # Whatever the first start says holds.
            assert await places(first, 3) == two
            assert LIMITS_PART not in first.view.conditions.degraded
        for _ in range(2):
            # Also when it starts once more without anybody's word.
            async with simulated_daemon(state, at=at, risk__max_open_orders=3) as raised:
                assert await places(raised, 3) == two
                assert raised.view.conditions.degraded[LIMITS_PART] == (
                    f"the lower ones hold: {RAISED}; `traderd confirm-limits` lets the higher ones hold"
                )
                assert raised.count("a limit was raised since the last run") == 1
        async with simulated_daemon(state, at=at, risk__max_open_orders=3) as raised:
            dry = await raised.send(DryRun(of=ConfirmLimits(by="ann")))
            assert dry.sentence == f"dry run, nothing is done: these would hold: {RAISED}"
            assert raised.view.limits.max_open_orders == 2
            done = await raised.send(ConfirmLimits(by="ann"))
            assert done.sentence == f"these hold from now on: {RAISED}"
            assert raised.said(f"limits raised by person ann: {RAISED} [C17]")
            assert LIMITS_PART not in raised.view.conditions.degraded
            assert await places(raised, 3) == three
            again = await raised.send(ConfirmLimits(by="ann"))
            assert again.answer is Answer.DENIED
            assert "no limit waits" in again.sentence
        async with simulated_daemon(state, at=at, risk__max_open_orders=3) as kept:
            assert await places(kept, 3) == three
            assert LIMITS_PART not in kept.view.conditions.degraded
        async with simulated_daemon(state, at=at, risk__max_open_orders=2) as lowered:
            assert await places(lowered, 3) == two
        async with simulated_daemon(state, at=at, risk__max_open_orders=3) as raised:
            # What was confirmed once is no licence for later.
            assert await places(raised, 3) == two


async def test_the_breaker_goes_by_the_lower_limit_until_the_higher_one_is_confirmed(
    tmp_path, autojump_clock
):
    async with simulated_exchange(tmp_path) as at:
        state = fresh(tmp_path / "state")
        low = {"risk__breaker_errors": 2, "risk__breaker_percent": 10, "risk__breaker_window": 50}
        async with simulated_daemon(state, at=at, **low):
            pass
        high = {"risk__breaker_errors": 9, "risk__breaker_percent": 90, "risk__breaker_window": 20}
        async with simulated_daemon(state, at=at, **high) as raised:
            engine = raised.view._engine
            rate = engine.risk.errors
            held = (engine.conditions.breaker_limit, rate.percent, rate.window)
            assert held == (2, 10, 50)
            assert (await raised.send(ConfirmLimits(by="ann"))).ok
            held = (engine.conditions.breaker_limit, rate.percent, rate.window)
            assert held == (9, 90, 20)


@pytest.mark.parametrize("author", [Author.MACHINE, Author.PLUGIN])
async def test_nobody_but_a_person_may_confirm(tmp_path, autojump_clock, author):
    async with simulated_exchange(tmp_path) as at:
        state = fresh(tmp_path / "state")
        async with simulated_daemon(state, at=at, risk__max_open_orders=2):
            pass
        async with simulated_daemon(state, at=at, risk__max_open_orders=3) as raised:
            for command in (ConfirmLimits(author=author), DryRun(of=ConfirmLimits(author=author))):
                refused = await raised.send(command)
                assert refused.answer is Answer.DENIED
                assert f"not by a {author.value}" in refused.sentence
            # A plugin has no way in at all, whatever author it names.
            plugin = raised.daemon.supervisor._contexts["actor"]
            refused = await plugin.send(ConfirmLimits(by="ann"))
            assert refused.answer is Answer.DENIED
            assert "not by the service actor" in refused.sentence
            assert raised.view.limits.max_open_orders == 2


async def test_the_first_start_has_nothing_to_confirm(tmp_path, autojump_clock):
    async with still_daemon(tmp_path, risk__max_open_orders="20") as daemon:
        assert daemon.view.limits.max_open_orders == 20


async def test_a_reload_of_something_else_does_not_let_the_waiting_raise_through(
    tmp_path, autojump_clock
):
    """C17: what a start may not do in silence, a reload may not do either."""
    async with simulated_exchange(tmp_path) as at:
        state = fresh(tmp_path / "state")
        async with simulated_daemon(state, at=at, risk__max_open_orders=2):
            pass
        async with simulated_daemon(state, at=at, risk__max_open_orders=5) as raised:
            wanting(raised, risk={"max_order_contracts": "50"})
            assert (await raised.send(Reload(by="ann"))).ok
            assert raised.view.limits.max_open_orders == 2
            wanting(raised, risk={"max_open_orders": 3})
            between = await raised.send(Reload(by="ann"))
            # Lower than the settings before, and more than what holds.
            assert between.answer is Answer.DENIED
            assert raised.view.limits.max_open_orders == 2
            assert LIMITS_PART in raised.view.conditions.degraded
            assert (await raised.send(Reload(raise_limits=True, by="ann"))).ok
            assert raised.view.limits.max_open_orders == 3
            assert LIMITS_PART not in raised.view.conditions.degraded
