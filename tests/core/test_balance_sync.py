"""From reading to reading: opened, proved, unexplained, explained, accepted."""

import attrs

from tests.core.builders import (
    TICKER,
    accepted,
    dollars,
    filled,
    intended,
    position_record,
    ready_engine,
    reported,
    second,
    sent,
    synced,
    tell,
)
from traderd.core.balance_proof import Proof
from traderd.core.balance_sync import balance_gap
from traderd.core.engine import Engine
from traderd.model import events as ev
from traderd.model.units import Timestamp


def read(
    engine: Engine, balance: str, *positions, started: float, sync_type: str = "update"
) -> list[str]:
    event = synced(*positions, balance=balance, started=started, sync_type=sync_type)
    update = tell(engine, attrs.evolve(event, proves_balance=True))[-1]
    assert isinstance(update, ev.TradingStateUpdated)
    return [difference.kind for difference in update.differences]


def opened(balance: str = "1000") -> Engine:
    engine = ready_engine()
    assert read(engine, balance, started=100, sync_type="initial") == ["opening_balance"]
    return engine


def test_the_first_quiet_reading_opens_the_accounts_and_later_ones_prove_them():
    engine = opened()
    assert engine.ledger.cash == dollars("1000")
    assert read(engine, "1000", started=130) == []
    proof = engine.account.proof
    assert (proof.status, proof.proved_at) == (Proof.PROVED, second(131))


def test_a_reading_of_an_earlier_version_opens_nothing():
    engine = ready_engine()
    tell(engine, synced(sync_type="initial"))
    assert engine.ledger.opened_at is None
    assert engine.account.proof.status is Proof.NOT_YET


def test_while_money_moves_nothing_is_opened_and_no_mismatch_counts():
    engine = ready_engine()
    tell(engine, filled("t1", 10, at=99))
    assert read(engine, "995", position_record(10), started=100, sync_type="initial") == []
    assert "opening_balance" in read(engine, "995", position_record(10), started=120)
    tell(engine, filled("t2", 10, at=199))
    assert read(engine, "995", position_record(20), started=200) == []
    assert engine.account.proof.status is Proof.UNDECIDED
    assert read(engine, "990", position_record(20), started=230) == []
    assert engine.account.proof.status is Proof.PROVED


def test_an_amount_that_nothing_explains_is_told_once_and_stands_with_its_beginning():
    engine = opened()
    assert read(engine, "975", started=130) == ["balance"]
    assert read(engine, "975", started=160) == []
    proof = engine.account.proof
    assert (proof.status, proof.unexplained) == (Proof.UNEXPLAINED, dollars("-25"))
    assert proof.since == second(131)
    assert [c.kind for c in proof.candidates] == ["withdrawal", "transfer"]
    assert "-$25.00 of the balance is unexplained" in proof.sentence
    assert read(engine, "970", started=190) == ["balance"]
    assert proof.since == second(191)
    assert read(engine, "1000", started=220) == ["balance_explained"]
    assert (proof.status, proof.unexplained, proof.since) == (Proof.PROVED, 0, None)


def test_a_person_can_accept_it_and_then_it_is_equal():
    engine = opened()
    read(engine, "975", started=130)
    tell(engine, ev.BalanceAccepted(at=second(140), amount=dollars("-25")))
    assert read(engine, "975", started=160) == ["balance_explained"]
    assert engine.ledger.cash == dollars("975")


def test_an_amount_that_stands_while_orders_move_all_the_time_counts_in_the_end():
    engine = opened()
    tell(engine, intended(), sent(), accepted())
    for at in (130, 155, 180, 205):
        tell(engine, reported(at=at))
        found = read(engine, "895", started=at + 1)
    assert found == ["balance"]
    assert engine.account.proof.status is Proof.UNEXPLAINED


def test_what_orders_tied_up_at_the_opening_is_corrected_when_it_turns_out_to_be_less():
    engine = ready_engine()
    tell(engine, intended(), sent(), accepted(at=2))
    # 10 @ 0.50: 5 dollars, and up to 8.75 cents if the series charges makers.
    assert read(engine, "995", started=100, sync_type="initial") == ["opening_balance"]
    assert engine.account.proof.opening_doubt == dollars("0.0875")
    order = engine.orders.live()[0]
    engine.orders.vanish(order, second(110), "gone")
    assert read(engine, "1000", started=200) == []
    assert (engine.account.proof.status, engine.ledger.cash) == (Proof.PROVED, dollars("1000"))
    assert engine.account.proof.opening_doubt == 0


def test_the_gap_can_be_asked_for_before_a_reading_is_folded():
    engine = ready_engine()
    assert balance_gap(engine, dollars("7"), second(1)) == 0
    engine = opened()
    assert balance_gap(engine, dollars("1012.34"), second(200)) == dollars("12.34")
    tell(engine, filled("t1", 1, ticker=TICKER, at=199))
    assert balance_gap(engine, dollars("1012.34"), Timestamp(second(200))) == 0


def test_a_reading_whose_balance_is_older_than_an_order_teaches_no_meaning():
    engine = opened()
    tell(engine, intended(at=100), sent(at=100), accepted(at=129))
    # 10 @ 0.50 rest by now, and the balance was read a moment before: whole only by chance.
    assert read(engine, "1000", started=130) == []
    assert not engine.account.proof.sure_of_meaning
    assert read(engine, "994.9125", started=160) == []
    proof = engine.account.proof
    assert (proof.status, proof.collateral_is_taken_off) == (Proof.PROVED, True)


def test_whether_money_moved_is_judged_by_the_exchanges_clock_for_fills_and_by_ours_for_orders():
    engine = opened()
    tell(engine, filled("t1", 10, at=130))
    # Our clock is an hour behind: the fill is not of the future.
    behind = attrs.evolve(
        synced(position_record(10), balance="995", started=-3_400),
        proves_balance=True,
        exchange_started_at=second(200),
    )
    tell(engine, behind)
    assert engine.account.proof.status is Proof.PROVED
    missing = engine.ledger.cash - dollars("1")
    assert balance_gap(engine, missing, second(-3_400), second(200)) == -dollars("1")
    assert balance_gap(engine, missing, second(200), second(135)) == 0
    assert balance_gap(engine, missing, second(200)) == -dollars("1")


def test_the_accounts_are_opened_by_the_exchanges_clock():
    """A deposit bears the exchange's time, and must be told from what the opening balance contains."""
    engine = ready_engine()
    event = attrs.evolve(
        synced(started=3_700, sync_type="initial"),
        proves_balance=True,
        exchange_started_at=second(100),
    )
    tell(engine, event)
    assert engine.ledger.opened_at == second(100)
