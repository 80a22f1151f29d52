"""The gate knows what a frame waits for, and wakes who waits."""

from traderd.paper.serving.gate import Gate


class Waiter:
    def __init__(self, gate: Gate, *, keeps: bool = False) -> None:
        self.gate = gate
        self.keeps = keeps
        self.released: list[int] = []

    def release(self, ticket: int) -> None:
        self.released.append(ticket)
        if self.keeps:
            self.gate.wait(self)


def test_a_gate_is_open_until_it_is_held_and_after_its_release():
    gate = Gate()
    assert gate.ticket == 0
    gate.hold(1)
    gate.hold(3)
    assert gate.ticket == 3
    gate.release(1)
    assert gate.ticket == 3
    gate.release(3)
    assert gate.ticket == 0


def test_a_release_of_more_than_is_held_opens_the_gate():
    gate = Gate()
    gate.hold(2)
    gate.release(9)
    assert gate.ticket == 0


def test_a_ticket_that_was_released_holds_nothing():
    gate = Gate()
    gate.release(5)
    gate.hold(5)
    assert gate.ticket == 0
    gate.hold(7)
    gate.hold(6)
    gate.hold(4)
    assert gate.ticket == 7


def test_who_waits_is_woken_once_unless_it_waits_again():
    gate = Gate()
    once, again = Waiter(gate), Waiter(gate, keeps=True)
    gate.wait(once)
    gate.wait(again)
    gate.release(1)
    gate.release(2)
    assert (once.released, again.released) == ([1], [1, 2])
