import pytest

from traderd.core.strategy_context import SilentLog, StrategyContext, Timer
from traderd.errors import BadInput
from traderd.model.ids import MarketTicker, StrategyName

T = MarketTicker("T")


def test_timers_are_taken_once_in_the_order_in_which_they_were_asked_for():
    context = StrategyContext(StrategyName("mine"))
    context.set_timer(T, 5)
    context.set_timer(T, 0.5, "soon")
    context.clear_timer(T)
    assert context.take_timers() == [Timer(T, "", 5), Timer(T, "soon", 0.5), Timer(T, "", None)]
    assert context.take_timers() == []


@pytest.mark.parametrize("after_s", [-1, 86_401])
def test_a_timer_that_cannot_be_is_refused(after_s):
    context = StrategyContext(StrategyName("mine"))
    with pytest.raises(BadInput, match="from 0 to 86400 seconds"):
        context.set_timer(T, after_s)
    assert context.take_timers() == []


def test_a_silent_log_takes_any_line():
    log = SilentLog()
    assert [tell("x", a=1) for tell in (log.debug, log.info, log.warning)] == [None] * 3
