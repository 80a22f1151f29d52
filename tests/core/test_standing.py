"""What stands between us and the exchange, and what a person may do about it."""

import attrs
import pytest

from tests.core.builders import (
    TICKER,
    contracts,
    dollars,
    filled,
    position_record,
    ready_engine,
    second,
    synced,
    tell,
)
from traderd.core.engine import Engine
from traderd.core.standing import plan_reconcile, standing
from traderd.errors import BadInput
from traderd.model import events as ev
from traderd.model.commands import EVERYTHING, Reconcile
from traderd.model.rows import RowKind, UnreadableRow
from traderd.services.recorder import worth_keeping

ITEM = f"position:{TICKER}"
ROW = UnreadableRow(kind=RowKind.FILL, key="k", ticker=TICKER, words="fill k: what")


def read(*positions, started: float, balance: str = "1000") -> ev.AccountSynced:
    return attrs.evolve(synced(*positions, started=started, balance=balance), proves_balance=True)


def mismatched() -> Engine:
    """Return an engine whose fills make 2 contracts where the exchange has 5."""
    engine = ready_engine()
    tell(engine, synced(sync_type="initial"), filled(count=2, order_id="x7", key=None))
    tell(engine, synced(position_record(5), started=100))
    return engine


def stands(engine: Engine) -> list[tuple[str, bool]]:
    return [(one.item, one.is_ignored) for one in standing(engine.account, engine.conditions)]


def ignored(engine: Engine, item: str = ITEM) -> ev.DifferenceIgnored:
    (one,) = [each for each in standing(engine.account, engine.conditions) if each.item == item]
    return ev.DifferenceIgnored(at=second(110), item=item, amount=one.amount, by="ann")


@pytest.mark.parametrize("author", [one for one in ev.Author if one is not ev.Author.PERSON])
def test_only_a_person_decides_about_a_difference(author):
    refused = plan_reconcile((), Reconcile(adopt=(EVERYTHING,), author=author))
    assert isinstance(refused, str)
    assert f"a person only, not by a {author.value}" in refused


def test_a_mismatch_stands_with_both_numbers():
    (one,) = standing((engine := mismatched()).account, engine.conditions)
    assert (one.item, one.ours, one.theirs) == (ITEM, "+2", "+5")
    assert (one.amount, one.may_adopt) == (contracts(3), True)
    assert f"2 contracts of {TICKER}" in one.sentence


def test_an_ignored_position_stops_nothing_and_is_told_no_more():
    engine = mismatched()
    assert list(engine.conditions.halts) == [ITEM]
    told = tell(engine, ignored(engine))
    assert [type(each).__name__ for each in told] == ["DifferenceIgnored", "HaltCleared"]
    assert engine.conditions.halts == {}
    told = tell(engine, synced(position_record(5), started=200))
    assert told[-1].differences == ()
    assert engine.conditions.halts == {}
    # It is not taken over either.
    assert engine.ledger.positions[TICKER].count == contracts(2)
    assert stands(engine) == [(ITEM, True)]


def test_our_own_trading_does_not_change_what_was_ignored():
    engine = mismatched()
    tell(engine, ignored(engine), filled("t2", 4, order_id="x8", key=None, at=150))
    tell(engine, synced(position_record(9), started=300))
    assert engine.conditions.halts == {}


def test_an_ignored_position_comes_back_when_it_changes():
    engine = mismatched()
    tell(engine, ignored(engine))
    told = tell(engine, synced(position_record(6), started=200))
    assert list(engine.conditions.halts) == [ITEM]
    assert [each.kind for each in told[-1].differences] == ["position"]
    assert engine.account.ignored == {}


def test_an_ignored_position_that_was_gone_counts_when_it_is_back():
    engine = mismatched()
    tell(engine, ignored(engine))
    told = tell(engine, synced(position_record(2), started=200))
    # Kept by the journal, or a replay would ignore what comes back.
    assert [each.kind for each in told[-1].differences] == ["ignored_ended"]
    assert any(isinstance(each, ev.AccountSynced) for each in worth_keeping(told))
    assert (stands(engine), engine.account.ignored) == ([], {})
    tell(engine, synced(position_record(5), started=300))
    assert list(engine.conditions.halts) == [ITEM]


def test_an_adopted_position_is_the_exchanges_after_the_next_reading():
    engine = mismatched()
    told = tell(engine, ev.PositionAccepted(at=second(110), ticker=TICKER, by="ann"))
    (end,) = [each for each in told if isinstance(each, ev.HaltCleared)]
    assert (end.author, end.by) == (ev.Author.PERSON, "ann")
    tell(engine, synced(position_record(5), started=200))
    assert engine.ledger.positions[TICKER].count == contracts(5)
    assert stands(engine) == []


def test_a_position_that_was_ignored_can_be_adopted_later():
    engine = mismatched()
    tell(engine, ignored(engine), ev.PositionAccepted(at=second(110), ticker=TICKER))
    tell(engine, synced(position_record(5), started=200))
    assert engine.ledger.positions[TICKER].count == contracts(5)


def unexplained() -> Engine:
    engine = ready_engine()
    tell(engine, read(started=100), read(started=200, balance="990"))
    assert stands(engine) == [("balance", False)]
    return engine


def test_an_ignored_amount_is_told_no_more_until_it_is_another():
    engine = unexplained()
    tell(engine, ignored(engine, "balance"))
    assert stands(engine) == [("balance", True)]
    assert tell(engine, read(started=300, balance="990"))[-1].differences == ()
    told = tell(engine, read(started=400, balance="985"))
    assert [each.kind for each in told[-1].differences] == ["balance"]
    assert stands(engine) == [("balance", False)]
    assert engine.account.ignored == {}


def test_an_ignored_amount_that_was_explained_counts_when_it_is_back():
    engine = unexplained()
    tell(engine, ignored(engine, "balance"), read(started=300))
    assert stands(engine) == []
    tell(engine, read(started=400, balance="990"))
    assert stands(engine) == [("balance", False)]


def test_rows_that_cannot_be_read_stand_and_have_nothing_to_adopt():
    engine = unexplained()
    tell(engine, ev.UnreadableRowsChanged(at=second(210), rows=(ROW,)))
    found = standing(engine.account, engine.conditions)
    item = f"unreadable_row:{TICKER}"
    assert stands(engine) == [("balance", False), (item, False)]
    assert "nothing that could be adopted" in plan_reconcile(found, Reconcile(adopt=(item,)))
    assert [(verb, one.item) for verb, one in plan_reconcile(found, Reconcile(adopt=("all",)))] == [
        ("adopt", "balance")
    ]
    everything = plan_reconcile(found, Reconcile(ignore=("all",)))
    assert [(verb, one.item) for verb, one in everything] == [
        ("ignore", "balance"),
        ("ignore", item),
    ]


def test_a_plan_goes_by_item_or_ticker_and_each_counts_once():
    found = standing((engine := mismatched()).account, engine.conditions)
    assert plan_reconcile(found, Reconcile(adopt=(TICKER, ITEM, "all"))) == [("adopt", found[0])]
    refusal = plan_reconcile(found, Reconcile(adopt=("balance",)))
    assert refusal == (f"no difference 'balance' stands, so nothing was done; what stands: {ITEM}")
    assert "nothing was done" in plan_reconcile((), Reconcile(ignore=("all",)))


def test_what_is_ignored_already_is_left_out_of_all():
    engine = mismatched()
    tell(engine, ignored(engine))
    found = standing(engine.account, engine.conditions)
    assert isinstance(plan_reconcile(found, Reconcile(adopt=("all",))), str)
    assert plan_reconcile(found, Reconcile(adopt=(ITEM,))) == [("adopt", found[0])]


@pytest.mark.parametrize(
    "which", [{}, {"adopt": ("a",), "ignore": ("a",)}, {"adopt": ("a",) * 101}]
)
def test_a_wish_that_says_nothing_or_too_much_is_refused(which):
    with pytest.raises(BadInput):
        Reconcile(**which)


def test_the_amount_of_a_balance_is_the_exchanges_less_ours():
    (one,) = standing((engine := unexplained()).account, engine.conditions)
    assert (one.amount, one.ours, one.theirs) == (-dollars("10"), "$1000.00", "$990.00")
