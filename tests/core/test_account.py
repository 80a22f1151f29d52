"""What is kept of the exchange's words."""

from tests.core.builders import ready_engine, synced, tell
from traderd.core.account import READINGS_KEPT, Account
from traderd.core.balance_proof import Proof


def test_nothing_is_known_before_the_first_reading():
    account = Account()
    assert (account.balance, account.version, account.proof.status) == (None, 0, Proof.NOT_YET)


def test_the_newest_readings_are_kept_and_bounded():
    engine = ready_engine()
    for number in range(READINGS_KEPT + 5):
        tell(engine, synced(started=100 + number))
    assert [r.version for r in engine.account.readings][-1] == READINGS_KEPT + 5
    assert len(engine.account.readings) == READINGS_KEPT
