from traderd.services.tenant_clock import SLOW_MAX, SLOW_WINDOW_S, CallbackTimes, CommandBudget


def test_quantiles_are_of_the_last_callbacks_and_the_longest_of_all():
    times = CallbackTimes(budget_s=10.0)
    assert times.quantile(0.5) == 0.0
    times.note(9.0, 0.0)
    for number in range(1_000):
        times.note(number % 100 / 1_000, 0.0)
    assert 0.045 <= times.quantile(0.5) <= 0.055
    assert 0.095 <= times.quantile(0.99) <= 0.099
    assert (times.longest_s, times.callbacks) == (9.0, 1_001)


def test_a_slow_callback_is_told_once_a_window():
    times = CallbackTimes(budget_s=0.1)
    told = [times.note(0.2, now) for now in (0.0, 1.0, SLOW_WINDOW_S - 1, SLOW_WINDOW_S, 130.0)]
    assert told == [True, False, False, True, True]
    assert times.note(0.1, 131.0) is False
    assert times.over_budget == 5


def test_the_budget_is_overdrawn_by_so_many_within_the_window_only():
    times = CallbackTimes(budget_s=0.1)
    for number in range(SLOW_MAX):
        assert not times.is_overdrawn(number * 20.0)
        times.note(0.2, number * 20.0)
    assert not times.is_overdrawn(80.0), "spread over more than a window"
    for number in range(SLOW_MAX):
        times.note(0.2, 100.0 + number)
    assert times.is_overdrawn(104.0)
    times.forgive()
    assert not times.is_overdrawn(104.0)


def test_a_command_budget_is_for_any_second():
    budget = CommandBudget(per_s=3)
    assert [budget.take(2, 0.0), budget.take(2, 0.5), budget.take(1, 0.9)] == [2, 1, 0]
    assert budget.take(9, 1.0) == 2
    assert budget.take(9, 1.5) == 1
    assert budget.sent == 6
