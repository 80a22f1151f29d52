from traderd.web.wrong_tokens import (
    ADDRESSES_MAX,
    FORGOTTEN_S,
    FREE_ATTEMPTS,
    WAIT_MAX_S,
    WrongTokens,
)


def after(attempts, now=0.0):
    wrong = WrongTokens()
    for _ in range(attempts):
        wrong.note_wrong("a", now)
    return wrong


def test_the_first_attempts_cost_nothing_and_then_the_wait_doubles_up_to_a_minute():
    waits = [after(FREE_ATTEMPTS + more).wait_s("a", 0) for more in range(9)]
    assert waits == [0, 1, 2, 4, 8, 16, 32, WAIT_MAX_S, WAIT_MAX_S]
    assert after(10_000).wait_s("a", 0) == WAIT_MAX_S


def test_the_wait_ends_and_concerns_nobody_else():
    wrong = after(FREE_ATTEMPTS + 3)
    assert wrong.wait_s("a", 1.5) == 2.5
    assert wrong.wait_s("a", 4) == 0
    assert wrong.wait_s("b", 0) == 0


def test_a_right_token_and_a_quiet_quarter_of_an_hour_are_a_new_beginning():
    wrong = after(FREE_ATTEMPTS + 3)
    wrong.note_right("a")
    assert wrong.wait_s("a", 0) == 0
    wrong = after(FREE_ATTEMPTS + 3)
    wrong.note_wrong("a", FORGOTTEN_S + 1)
    assert wrong.wait_s("a", FORGOTTEN_S + 1) == 0


def test_many_addresses_do_not_fill_the_memory_and_a_busy_one_is_not_forgotten_for_them():
    wrong = after(FREE_ATTEMPTS)
    for number in range(3 * ADDRESSES_MAX):
        wrong.note_wrong(f"b{number}", 0)
        if number % 500 == 0:
            wrong.note_wrong("a", 0)
    assert len(wrong) == ADDRESSES_MAX
    assert wrong.wait_s("a", 0) > 0
