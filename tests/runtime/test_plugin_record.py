import pytest

from traderd.runtime.plugin_record import (
    CALL_BUDGET_S,
    STRIKE_WINDOW_S,
    STRIKES_MAX,
    CallTimes,
    Guard,
    Origin,
    PluginRecord,
    PluginState,
)


def record(origin: Origin = Origin.DROP_IN) -> PluginRecord:
    return PluginRecord(name="mine", where="/x/mine.py", origin=origin)


def test_the_third_strike_within_the_window_quarantines():
    one = record()
    assert [one.strike(at, "broke") for at in (0.0, 1.0, 2.0)] == [False, False, True]
    assert one.state is PluginState.QUARANTINED
    assert one.reason == "3 failures within 10 min, the last: broke"
    assert "traderd plugins reload mine" in one.cure
    assert not one.strike(3.0, "broke")


def test_strikes_that_are_old_do_not_count():
    one = record()
    for number in range(10):
        assert not one.strike(number * STRIKE_WINDOW_S / (STRIKES_MAX - 1), "broke")
    assert one.state is PluginState.RUNNING


def test_what_is_ours_is_never_quarantined():
    one = record(Origin.BUILT_IN)
    assert not any(one.strike(0.0, "broke") for _ in range(10))


def test_times_tell_how_the_newest_calls_were():
    times = CallTimes()
    assert times.percentile_ms(0.5) is None
    for number in range(1, 101):
        times.note(number / 1_000)
    assert times.percentile_ms(0.5) == 51.0
    assert times.percentile_ms(0.99) == 100.0
    assert (times.calls, times.worst_s) == (100, 0.1)


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def guarded(function, **options):
    one, clock, told = record(), Clock(), []
    guard = Guard(record=one, clock=clock, on_strike=lambda *what: told.append(what[1:]))
    return one, clock, told, guard.wrap("f", function, when_quarantined=lambda: "closed", **options)


def test_a_guarded_call_answers_as_the_function_does_and_is_measured():
    one, _, told, call = guarded(lambda x: x + 1)
    assert call(1) == 2
    assert one.calls["f"].calls == 1
    assert told == []


def test_what_it_raises_is_raised_on_and_is_a_strike():
    one, _, told, call = guarded(lambda: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        call()
    assert told == [("f raised ZeroDivisionError: division by zero", False)]
    assert one.calls["f"].failures == 1


def test_a_call_past_its_budget_is_a_strike_whose_answer_counts():
    def slow():
        clock.now += CALL_BUDGET_S * 2
        return 5

    _, clock, told, call = guarded(slow)
    assert call() == 5
    assert told == [("f took 1.00 s, the budget is 0.5 s", False)]


def test_an_answer_of_the_wrong_type_is_a_failure():
    _, _, told, call = guarded(lambda: 5, check=lambda answer: "must be a text")
    with pytest.raises(TypeError, match="f must be a text"):
        call()
    assert len(told) == 1


def test_a_quarantined_plugin_is_not_called_any_more():
    one, _, _, call = guarded(lambda: "open")
    one.quarantine("enough")
    assert call() == "closed"
    assert one.calls["f"].calls == 0


def test_a_function_that_calls_exit_is_a_failure_like_any_other():
    def leave():
        raise SystemExit(2)

    one, _, told, wrapped = guarded(leave)
    for _ in range(STRIKES_MAX):
        with pytest.raises(RuntimeError, match=r"f called sys.exit\(2\)"):
            wrapped()
    assert wrapped() == "closed"
    assert [is_last for _, is_last in told] == [False, False, True]
    assert one.calls["f"].failures == STRIKES_MAX
