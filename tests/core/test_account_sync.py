"""What follows from a complete reading of the account."""

import attrs
import pytest

from tests.core.builders import (
    BOOKS,
    CLIENT,
    INITIALIZING,
    OTHER,
    SHUTDOWN,
    TICKER,
    S,
    accepted,
    cleared,
    contracts,
    dollars,
    filled,
    halt,
    intended,
    kinds,
    limits,
    position_record,
    ready_engine,
    second,
    sent,
    step,
    synced,
    tell,
    terms,
    unknown,
)
from traderd.core.engine import Engine
from traderd.core.standing import position_item
from traderd.model import events as ev
from traderd.model.ids import MarketTicker
from traderd.model.orders import Side
from traderd.services.recorder import worth_keeping

HALT = position_item(TICKER)


def update_of(told: list[ev.Event]) -> ev.TradingStateUpdated:
    last = told[-1]
    assert isinstance(last, ev.TradingStateUpdated)
    return last


def count_of(engine: Engine) -> int:
    found = engine.ledger.positions.get(TICKER)
    return 0 if found is None else found.count


def test_the_first_reading_carries_in_what_no_fill_explains():
    engine = ready_engine()
    told = tell(engine, synced(position_record(-20, exposure="12.5"), sync_type="initial"))
    assert kinds(told) == ["AccountSynced", "PositionChanged", "TradingStateUpdated"]
    position = engine.ledger.positions[TICKER]
    assert (position.count, position.cost) == (contracts(-20), dollars("12.5"))
    assert position.carried_in == contracts(-20)
    assert update_of(told).differences == (
        ev.Difference(kind="carried_in", subject=TICKER, ours="0", theirs="-20"),
    )
    assert engine.conditions.halts == {}


def test_only_the_first_reading_of_a_run_carries_in():
    engine = ready_engine()
    tell(engine, synced(sync_type="initial"))
    told = tell(engine, synced(position_record(5), sync_type="initial", started=200))
    assert kinds(told) == ["AccountSynced", "HaltRaised", "TradingStateUpdated"]
    assert count_of(engine) == 0


def test_the_first_reading_of_a_later_run_carries_in_a_market_that_is_new_to_us():
    engine = ready_engine()
    tell(engine, synced(sync_type="initial"))
    engine.begin_run()
    tell(engine, synced(position_record(5), sync_type="initial", started=300))
    assert count_of(engine) == contracts(5)


@pytest.mark.parametrize("known_by", ["a fill", "a carry-in", "a carry-in that was sold again"])
def test_a_restart_does_not_overwrite_what_an_earlier_run_booked(known_by):
    engine = ready_engine()
    if known_by == "a fill":
        tell(engine, synced(sync_type="initial", started=1), filled("t1", 10))
    else:
        tell(engine, synced(position_record(10), sync_type="initial", started=1))
    if known_by == "a carry-in that was sold again":
        tell(engine, filled("t1", 10, side=Side.ASK, at_price="0.6"))
    before = attrs.evolve(engine.ledger.positions[TICKER])
    engine.begin_run()
    told = tell(engine, synced(position_record(7), sync_type="initial"))
    assert kinds(told) == ["AccountSynced", "HaltRaised", "TradingStateUpdated"]
    after = engine.ledger.positions[TICKER]
    assert attrs.astuple(after) == attrs.astuple(before)
    assert [d.kind for d in update_of(told).differences] == ["position"]


def test_a_restart_does_not_end_a_mismatch():
    engine = ready_engine()
    tell(engine, synced(sync_type="initial", started=1), synced(position_record(7)))
    assert list(engine.conditions.halts) == [HALT]
    for run in (1, 2):
        engine.begin_run()
        told = tell(
            engine, synced(position_record(7), sync_type="initial", started=100 * run + 100)
        )
        assert kinds(told) == ["AccountSynced", "TradingStateUpdated"]
        assert list(engine.conditions.halts) == [HALT]
        assert count_of(engine) == 0


def test_a_person_who_clears_a_mismatch_accepts_the_exchanges_number_once():
    engine = ready_engine()
    tell(engine, synced(sync_type="initial", started=1), filled("t1", 10))
    tell(engine, synced(position_record(7)), cleared(HALT))
    told = tell(engine, synced(position_record(6, exposure="3"), started=200))
    assert kinds(told) == ["AccountSynced", "PositionChanged", "TradingStateUpdated"]
    position = engine.ledger.positions[TICKER]
    assert (position.count, position.cost) == (contracts(6), dollars("3"))
    assert position.carried_in == contracts(-4)
    assert [d.kind for d in update_of(told).differences] == ["carried_in"]
    assert engine.conditions.halts == {}
    told = tell(engine, synced(position_record(5), started=300))
    assert kinds(told) == ["AccountSynced", "HaltRaised", "TradingStateUpdated"]
    assert count_of(engine) == contracts(6)


def test_an_acceptance_that_was_not_needed_is_used_up_by_a_reading_that_agrees():
    engine = ready_engine()
    tell(engine, synced(sync_type="initial", started=1), filled("t1", 10))
    tell(engine, synced(position_record(7)), cleared(HALT))
    told = tell(engine, synced(position_record(10), started=200))
    assert kinds(told) == ["AccountSynced", "TradingStateUpdated"]
    # It is a difference, so that the journal keeps the reading that used the acceptance up.
    assert update_of(told).differences == (
        ev.Difference(kind="position_agrees", subject=TICKER, ours="+10", theirs="+10 as well"),
    )
    assert worth_keeping(told) == told[:1]
    told = tell(engine, synced(position_record(7), started=300))
    assert kinds(told) == ["AccountSynced", "HaltRaised", "TradingStateUpdated"]


def test_an_acceptance_waits_for_a_reading_that_can_judge_and_outlives_a_restart():
    engine = ready_engine()
    tell(engine, synced(sync_type="initial", started=1), filled("t1", 10))
    tell(engine, synced(position_record(7)), cleared(HALT), filled("t2", 1, at=198))
    told = tell(engine, synced(position_record(8), started=200))
    assert kinds(told) == ["AccountSynced", "TradingStateUpdated"]
    assert update_of(told).differences == ()
    engine.begin_run()
    tell(engine, synced(position_record(8), sync_type="initial", started=300))
    assert (count_of(engine), engine.conditions.halts) == (contracts(8), {})


@pytest.mark.parametrize(
    "said",
    [
        cleared(HALT, ev.Author.MACHINE),
        cleared("mine"),
        cleared(position_item(OTHER)),
        cleared("never raised"),
    ],
    ids=["by a machine", "another halt", "another market", "no halt"],
)
def test_nothing_but_a_persons_word_on_that_very_mismatch_accepts_it(said):
    engine = ready_engine()
    tell(engine, synced(sync_type="initial", started=1), filled("t1", 10))
    other = halt(position_item(OTHER), ev.Author.MACHINE, ticker=OTHER)
    tell(engine, synced(position_record(7)), halt("mine", ticker=TICKER), other)
    tell(engine, said)
    tell(engine, synced(position_record(7), started=200))
    assert count_of(engine) == contracts(10)
    assert HALT in engine.conditions.halts


def test_what_the_first_reading_could_not_judge_is_carried_in_by_the_next_that_can():
    engine = ready_engine()
    tell(engine, filled("t1", 5, at=99))
    told = tell(engine, synced(position_record(25), sync_type="initial"))
    assert kinds(told) == ["AccountSynced", "TradingStateUpdated"]
    told = tell(engine, synced(position_record(25), started=105))
    assert kinds(told) == ["AccountSynced", "TradingStateUpdated"]
    told = tell(engine, synced(position_record(25), started=135))
    assert kinds(told) == ["AccountSynced", "PositionChanged", "TradingStateUpdated"]
    position = engine.ledger.positions[TICKER]
    assert (position.count, position.carried_in) == (contracts(25), contracts(20))
    told = tell(engine, synced(position_record(26), started=165))
    assert kinds(told) == ["AccountSynced", "HaltRaised", "TradingStateUpdated"]


def test_a_young_fill_of_an_old_market_gives_no_right_to_be_carried_in():
    engine = ready_engine()
    tell(engine, synced(sync_type="initial", started=1), filled("t1", 5))
    engine.begin_run()
    tell(engine, filled("t2", 1, at=99))
    tell(engine, synced(position_record(25), sync_type="initial"))
    told = tell(engine, synced(position_record(25), started=135))
    assert kinds(told) == ["AccountSynced", "HaltRaised", "TradingStateUpdated"]
    assert count_of(engine) == contracts(6)


def test_a_market_that_is_gone_from_the_reading_halts_and_says_that_it_may_be_settled():
    engine = ready_engine()
    tell(engine, synced(sync_type="initial", started=1), filled("t1", 10))
    told = tell(engine, synced())
    assert [d.kind for d in update_of(told).differences] == ["position_gone"]
    assert engine.conditions.halts[HALT].reason == (
        "our fills make +10 contracts of KXA-26-Y, the exchange says no position any more; "
        "the market may have been settled; clearing this halt accepts the exchange's word"
    )
    tell(engine, cleared(HALT), synced(started=200))
    position = engine.ledger.positions[TICKER]
    assert (position.count, position.cost, engine.conditions.halts) == (0, 0, {})


def test_an_update_never_overwrites_a_position_it_halts_the_market():
    engine = ready_engine()
    tell(engine, synced(sync_type="initial", started=1), filled("t1", 10))
    told = tell(engine, synced(position_record(7)))
    assert kinds(told) == ["AccountSynced", "HaltRaised", "TradingStateUpdated"]
    raised = told[1]
    assert isinstance(raised, ev.HaltRaised)
    assert (raised.halt_id, raised.author, raised.ticker) == (HALT, ev.Author.MACHINE, TICKER)
    assert raised.reason == (
        "our fills make +10 contracts of KXA-26-Y, the exchange says +7; "
        "clearing this halt accepts the exchange's word"
    )
    assert count_of(engine) == contracts(10)
    denied = engine.judge(terms())
    assert denied is not None
    assert denied.rule == "halt"
    assert engine.judge(terms(ticker=OTHER)) is None


def test_the_halt_of_a_mismatch_ends_by_itself_when_a_reading_agrees():
    engine = ready_engine()
    tell(engine, synced(sync_type="initial", started=1), filled("t1", 10))
    tell(engine, synced(position_record(7)), halt("mine"), halt("mine too", ticker=TICKER))
    told = tell(engine, synced(position_record(10), started=200))
    assert kinds(told) == ["AccountSynced", "HaltCleared", "TradingStateUpdated"]
    assert list(engine.conditions.halts) == ["mine", "mine too"]


def test_a_mismatch_that_goes_on_keeps_its_halt_and_is_not_raised_again():
    engine = ready_engine()
    tell(engine, synced(sync_type="initial", started=1), filled("t1", 10))
    tell(engine, synced(position_record(7)))
    told = tell(engine, synced(position_record(7), started=200))
    assert kinds(told) == ["AccountSynced", "TradingStateUpdated"]
    assert [d.kind for d in update_of(told).differences] == ["position"]
    assert list(engine.conditions.halts) == [HALT]


def test_a_fill_that_is_younger_than_the_reading_gives_grace():
    engine = ready_engine()
    tell(engine, synced(sync_type="initial", started=1), filled("t1", 10, at=99))
    told = tell(engine, synced(started=100))
    assert kinds(told) == ["AccountSynced", "TradingStateUpdated"]
    assert kinds(tell(engine, synced(started=109.5)))[1] == "HaltRaised"


def test_a_reading_that_cannot_judge_a_market_does_not_end_its_halt():
    engine = ready_engine()
    tell(engine, synced(sync_type="initial", started=1), filled("t1", 10))
    tell(engine, synced(position_record(7)), filled("t2", 1, at=199))
    told = tell(engine, synced(position_record(7), started=200))
    assert kinds(told) == ["AccountSynced", "TradingStateUpdated"]
    assert list(engine.conditions.halts) == [HALT]


def test_a_reading_never_removes_an_order_or_a_position():
    engine = ready_engine()
    tell(
        engine,
        synced(sync_type="initial", started=1),
        *(intended("c1"), sent("c1"), accepted("c1", "x1")),
        *(intended("c2"), sent("c2"), unknown("c2")),
        *(intended("c3"), sent("c3")),
        filled("t1", 4),
    )
    tell(engine, synced())
    assert [order.status for order in engine.orders.live()] == [S.RESTING, S.UNKNOWN, S.SENT]
    assert count_of(engine) == contracts(4)


def test_the_last_word_of_a_reading_is_where_the_account_stands_and_what_changed():
    engine = ready_engine()
    first = tell(engine, synced(position_record(5), sync_type="initial", balance="100"))
    assert update_of(first) == ev.TradingStateUpdated(
        at=second(101),
        sync_type="initial",
        version=1,
        balance=dollars("100"),
        balance_change=dollars("0"),
        portfolio_value=dollars("0"),
        position_count=1,
        position_count_change=1,
        order_count=0,
        order_count_change=0,
        differences=(ev.Difference(kind="carried_in", subject=TICKER, ours="0", theirs="+5"),),
    )
    tell(engine, intended(), sent(), accepted(), filled("t1", 4, ticker=OTHER, at=150))
    missed = ev.Difference(kind="fill_missed", subject="t1", ours="not booked", theirs="bid 4")
    second_ = update_of(
        tell(
            engine,
            synced(
                position_record(5),
                position_record(4, ticker=OTHER),
                started=200,
                balance="98.25",
                differences=(missed,),
            ),
        )
    )
    assert (second_.version, second_.balance_change) == (2, dollars("-1.75"))
    assert (second_.position_count, second_.position_count_change) == (2, 1)
    assert (second_.order_count, second_.order_count_change) == (1, 1)
    assert second_.differences == (missed,)
    account = engine.account
    assert (account.balance, account.read_at) == (dollars("98.25"), second(201))
    assert account.first_read_at == second(100)


def test_a_run_in_the_journal_begins_where_it_began_in_life():
    lived, replayed = Engine(limits=limits()), Engine(limits=limits())
    lived.begin_run()
    story: list[ev.Event] = []
    for run in range(3):
        # Each run: climb, carry in a new market, see a second reading disagree; a person accepts that in
        # the second run only, so the third takes the number over, and halts once more.
        for metadata in (INITIALIZING, BOOKS, CLIENT):
            story += tell(lived, step(lived, metadata))
        new = position_record(1, ticker=MarketTicker(f"KXNEW-{run}"))
        for number, count in enumerate((5 + run, 8 + run)):
            started = 1_000 * (run + 1) + 100 * number
            read = synced(new, position_record(count), sync_type="initial", started=started)
            story += tell(lived, read)
        if run == 1:
            story += tell(lived, cleared(HALT))
        story += tell(lived, step(lived, SHUTDOWN))
        lived.begin_run()
    for event in story:
        if isinstance(event, ev.JOURNALED):
            replayed.apply(event)
    replayed.begin_run()
    assert count_of(lived) == contracts(7)
    carried = {ticker: p.carried_in for ticker, p in lived.ledger.positions.items()}
    assert carried == {
        TICKER: contracts(7),
        "KXNEW-0": contracts(1),
        "KXNEW-1": contracts(1),
        "KXNEW-2": contracts(1),
    }
    assert {t: p.carried_in for t, p in replayed.ledger.positions.items()} == carried
    assert replayed.conditions.halts == lived.conditions.halts
    assert HALT in lived.conditions.halts
    assert attrs.asdict(replayed.account) == attrs.asdict(lived.account)


def test_what_readings_found_is_counted_by_kind():
    engine = ready_engine()
    tell(engine, synced(position_record(-20, exposure="12.5"), sync_type="initial"))
    tell(engine, synced(position_record(-15, exposure="12.5")), synced(position_record(-15)))
    assert dict(engine.account.differences) == {"carried_in": 1, "position": 2}


def test_the_next_reading_of_fills_starts_where_this_one_did_by_the_exchanges_clock():
    engine = ready_engine()
    tell(engine, synced(started=100))
    # Readings of earlier versions told only ours.
    assert engine.account.fills_read_from == second(100)
    theirs = attrs.evolve(synced(started=3_700), exchange_started_at=second(130))
    tell(engine, theirs)
    assert engine.account.fills_read_from == second(130)
    tell(engine, attrs.evolve(theirs, exchange_started_at=second(160), fills_whole=False))
    assert engine.account.fills_read_from == second(130)
    # It may go back as well: a fill that is read twice counts once.
    tell(engine, attrs.evolve(theirs, exchange_started_at=second(120)))
    assert engine.account.fills_read_from == second(120)


@pytest.mark.parametrize("ours", [100, 3_700, -3_500])
def test_a_fill_is_young_by_the_exchanges_clock_whatever_ours_says(ours):
    engine = ready_engine()
    tell(engine, synced(sync_type="initial", started=50), filled("t1", 10, at=70))
    reading = attrs.evolve(
        synced(position_record(15), started=ours), exchange_started_at=second(100)
    )
    assert update_of(tell(engine, reading)).differences[0].kind == "position"
    young = attrs.evolve(reading, exchange_started_at=second(75))
    engine = ready_engine()
    tell(engine, synced(sync_type="initial", started=50), filled("t1", 10, at=70))
    assert update_of(tell(engine, young)).differences == ()


def test_waiting_for_a_settlement_does_not_begin_in_the_future():
    """An earlier run whose clock was ahead must not lengthen the wait of this one."""
    engine = ready_engine()
    tell(engine, synced(sync_type="initial", started=50), filled("t1", 10, at=70))
    engine.account.settling_since[TICKER] = second(90_000)
    tell(engine, attrs.evolve(synced(started=200), settling=(TICKER,)))
    assert engine.account.settling_since[TICKER] == second(201)
