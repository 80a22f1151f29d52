"""The rate of errors among the last answers."""

from traderd.core.error_rate import ErrorRate


def test_it_trips_at_the_share_of_the_window_also_when_good_answers_lie_between():
    rate = ErrorRate(window=50, percent=20)
    said = []
    for _ in range(10):
        rate.note(is_error=False)
        said.append(rate.note(is_error=True))
    assert said[:9] == [None] * 9
    assert said[9] == "10 of the last 20 answers were errors"


def test_old_answers_leave_the_window():
    rate = ErrorRate(window=10, percent=20)
    assert rate.note(is_error=True) is None
    for _ in range(10):
        rate.note(is_error=False)
    assert rate.errors == 0
    assert rate.note(is_error=True) is None
    assert rate.note(is_error=True) is not None


def test_a_good_answer_never_trips_it_and_forgiving_begins_anew():
    rate = ErrorRate(window=10, percent=10)
    assert rate.note(is_error=True) is not None
    assert rate.note(is_error=False) is None
    rate.forgive()
    assert rate.errors == 0


def test_a_window_or_share_of_0_never_trips():
    for rate in (ErrorRate(window=0, percent=20), ErrorRate(window=10, percent=0)):
        assert [rate.note(is_error=True) for _ in range(20)] == [None] * 20


def test_what_is_remembered_does_not_depend_on_the_window_that_is_set():
    """A checkpoint of one setting is true under another."""
    rate = ErrorRate(window=2, percent=100)
    for is_error in (True, True, False, True):
        rate.note(is_error=is_error)
    assert rate.errors == 1
    rate.window = 4
    assert rate.errors == 3
