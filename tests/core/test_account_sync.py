"""What follows from a complete reading of the account."""

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
from traderd.core.account_sync import position_halt_id
from traderd.core.engine import Engine
from traderd.model import events as ev

HALT = position_halt_id(TICKER)


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
        ev.Difference(kind="carried_in", subject=TICKER, ours="+0", theirs="-20"),
    )
    assert engine.conditions.halts == {}


def test_only_the_first_reading_of_a_run_carries_in():
    engine = ready_engine()
    tell(engine, synced(sync_type="initial"))
    told = tell(engine, synced(position_record(5), sync_type="initial", started=200))
    assert kinds(told) == ["AccountSynced", "HaltRaised", "TradingStateUpdated"]
    assert count_of(engine) == 0
    engine.begin_run()
    tell(engine, synced(position_record(5), sync_type="initial", started=300))
    assert count_of(engine) == contracts(5)


def test_an_update_never_overwrites_a_position_it_halts_the_market():
    engine = ready_engine()
    tell(engine, synced(sync_type="initial", started=1), filled("t1", 10))
    told = tell(engine, synced(position_record(7)))
    assert kinds(told) == ["AccountSynced", "HaltRaised", "TradingStateUpdated"]
    raised = told[1]
    assert isinstance(raised, ev.HaltRaised)
    assert (raised.halt_id, raised.author, raised.ticker) == (HALT, ev.Author.MACHINE, TICKER)
    assert raised.reason == "our fills make +10 contracts of KXA-26-Y, the exchange says +7"
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


def test_a_mismatch_that_goes_on_keeps_its_halt():
    engine = ready_engine()
    tell(engine, synced(sync_type="initial", started=1), filled("t1", 10))
    tell(engine, synced(position_record(7)))
    assert "HaltCleared" not in kinds(tell(engine, synced(position_record(7), started=200)))
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
        differences=(ev.Difference(kind="carried_in", subject=TICKER, ours="+0", theirs="+5"),),
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
    for run in range(2):
        # Each run: climb, carry in, and see a second reading of the same run disagree.
        for metadata in (INITIALIZING, BOOKS, CLIENT):
            story += tell(lived, step(lived, metadata))
        for number, count in enumerate((5 + run, 8)):
            started = 1_000 * (run + 1) + 100 * number
            read = synced(position_record(count), sync_type="initial", started=started)
            story += tell(lived, read)
        story += tell(lived, step(lived, SHUTDOWN))
        lived.begin_run()
    for event in story:
        if isinstance(event, ev.JOURNALED):
            replayed.apply(event)
    assert count_of(lived) == contracts(6)
    assert count_of(replayed) == count_of(lived)
    assert list(replayed.conditions.halts) == list(lived.conditions.halts) == [HALT]
    tell(lived, cleared(HALT))
    assert lived.conditions.halts == {}
