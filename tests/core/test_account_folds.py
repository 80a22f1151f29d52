"""Money in the engine: settlements, movements, and random histories against a naive model of Decimals."""

import random
from decimal import Decimal
from typing import Any

import attrs
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.core.builders import (
    TICKER,
    accepted,
    contracts,
    dollars,
    filled,
    intended,
    kinds,
    limits,
    position_record,
    ready_engine,
    reported,
    second,
    sent,
    synced,
    tell,
)
from traderd.core.account_folds import LEDGER_HALT
from traderd.core.engine import Engine
from traderd.core.entries import LedgerAccount as A
from traderd.errors import InvariantViolation
from traderd.model import events as ev
from traderd.model.cash import CashMove, MoveKind, Settlement
from traderd.model.ids import MarketTicker, StrategyName
from traderd.model.orders import Attribution, OrderOwner, Side
from traderd.model.units import ONE_DOLLAR, Money, Price, parse_money
from traderd.store import codec


def settled(
    count: int | str,
    *,
    value: str | None = "1",
    result: str = "yes",
    ticker: MarketTicker = TICKER,
    cost: str = "0",
    revenue: str | None = None,
    at: float = 50,
) -> ev.MarketSettled:
    signed = contracts(count)
    worth = None if value is None else Price(int(Decimal(value) * ONE_DOLLAR))
    per_contract = 0 if worth is None else worth if signed > 0 else ONE_DOLLAR - worth
    paid = Money(abs(signed) * per_contract) if revenue is None else parse_money(revenue)
    return ev.MarketSettled(
        at=second(at),
        settlement=Settlement(
            ticker=ticker,
            result=result,
            yes_count=type(signed)(max(0, signed)),
            no_count=type(signed)(max(0, -signed)),
            cost=dollars(cost),
            revenue=paid,
            fees_paid=Money(0),
            settled_at=second(at),
            value=worth,
        ),
    )


def moved(amount: str, move_id: str = "m1", *, at: float = 500, fee: str = "0") -> ev.CashMoved:
    kind = MoveKind.WITHDRAWAL if amount.startswith("-") else MoveKind.DEPOSIT
    return ev.CashMoved(
        at=second(at),
        move=CashMove(
            move_id=move_id,
            kind=kind,
            amount=dollars(amount),
            fee=dollars(fee),
            moved_at=second(at),
        ),
    )


def proving(*positions, started: float = 100, balance: str = "1000", **which) -> ev.AccountSynced:
    return attrs.evolve(
        synced(*positions, started=started, balance=balance, **which), proves_balance=True
    )


# --- transcripts ----------------------------------------------------------------------------------


def test_a_settled_position_becomes_cash_and_profit_and_never_a_mismatch():
    engine = ready_engine()
    tell(engine, synced(sync_type="initial", started=1), filled("t1", 10, at_price="0.40"))
    told = tell(engine, settled(10), synced(started=200))
    assert kinds(told) == [
        "MarketSettled",
        "PositionChanged",
        "AccountSynced",
        "TradingStateUpdated",
    ]
    position = engine.ledger.positions[TICKER]
    assert (position.count, position.cost, position.realized_pnl) == (0, 0, dollars("6"))
    assert engine.ledger.books.balance(A.SETTLEMENTS) == dollars("-6")
    assert engine.conditions.halts == {}


def test_a_settlement_counts_once_per_market_however_often_it_is_told():
    engine = ready_engine()
    tell(engine, filled("t1", 10, at_price="0.40"), settled(10))
    before = engine.ledger.books.totals()
    assert kinds(tell(engine, settled(10), settled(10, at=60))) == ["MarketSettled"] * 2
    assert engine.ledger.books.totals() == before


@pytest.mark.parametrize(
    ("event", "profit"),
    [
        (settled(10, value="0.25", result="scalar"), "-1.5"),
        (settled(10, value=None, result="void", revenue="4"), "0"),
        (settled(10, value="0", result="no"), "-4"),
    ],
    ids=["scalar", "void", "lost"],
)
def test_any_end_of_a_market_is_booked_at_what_was_paid(event, profit):
    engine = ready_engine()
    tell(engine, filled("t1", 10, at_price="0.40"), event)
    assert engine.ledger.realized_pnl == dollars(profit)
    engine.ledger.check()


def test_a_position_that_no_fill_made_is_settled_at_what_the_exchange_says_that_it_cost():
    engine = ready_engine()
    tell(engine, settled(-10, value="0", result="no", cost="7"))
    position = engine.ledger.positions[TICKER]
    assert (position.count, position.carried_in) == (0, contracts(-10))
    assert position.realized_pnl == dollars("3")


def test_the_halt_of_a_mismatch_ends_when_its_market_is_settled():
    engine = ready_engine()
    tell(engine, synced(sync_type="initial", started=1), filled("t1", 10))
    tell(engine, synced(position_record(7)))
    assert len(engine.conditions.halts) == 1
    assert kinds(tell(engine, settled(7))) == ["MarketSettled", "PositionChanged", "HaltCleared"]
    assert engine.conditions.halts == {}


def test_a_list_of_positions_that_lags_behind_a_settlement_is_no_mismatch():
    """R15: positions are stale right after a settlement too."""
    engine = ready_engine()
    tell(engine, synced(sync_type="initial", started=1), filled("t1", 10), settled(10))
    told = tell(engine, synced(position_record(10), started=200))
    assert kinds(told) == ["AccountSynced", "TradingStateUpdated"]


def test_a_position_that_is_gone_from_an_ended_market_waits_for_its_settlement():
    engine = ready_engine()
    tell(engine, synced(sync_type="initial", started=1), filled("t1", 10))
    gone = attrs.evolve(synced(started=200), settling=(TICKER,))
    told = tell(engine, gone)
    assert [d.kind for d in told[-1].differences] == ["position_settling"]
    assert engine.conditions.halts == {}
    later = attrs.evolve(synced(started=300), settling=(TICKER,))
    assert tell(engine, later)[-1].differences == ()
    much_later = attrs.evolve(synced(started=5_000), settling=(TICKER,))
    assert kinds(tell(engine, much_later))[1] == "HaltRaised"


def test_a_movement_of_cash_counts_once_and_not_when_it_is_older_than_the_first_balance():
    engine = ready_engine()
    tell(engine, moved("5", "old", at=50), proving(sync_type="initial"))
    assert engine.ledger.cash == dollars("1000")
    tell(engine, moved("5"), moved("5"), moved("-2", "m2", fee="0.5"), moved("5", "old", at=600))
    assert engine.ledger.cash == dollars("1002.5")
    assert engine.ledger.books.balance(A.OUTSIDE) == dollars("-2.5")


def test_a_fee_that_no_schedule_explains_is_an_event_and_no_halt():
    engine = ready_engine()
    tell(engine, filled("t1", 10, at_price="0.52", fee="0.1748"))
    told = tell(engine, filled("t2", 10, at_price="0.52", fee="0.9"))
    assert kinds(told) == ["OrderFilled", "PositionChanged", "FeeDiffered"]
    differed = told[-1]
    assert isinstance(differed, ev.FeeDiffered)
    assert (differed.charged, differed.expected) == (dollars("0.9"), dollars("0.1748"))
    assert engine.ledger.fees.differed == 1
    assert engine.ledger.fees_booked == dollars("1.0748")
    assert engine.conditions.halts == {}


def test_entries_that_do_not_sum_to_zero_halt_and_book_nothing(monkeypatch):
    """I11: the check of every transaction stays on."""
    engine = ready_engine()

    def broken(_: object) -> None:
        raise InvariantViolation("the entries of fill t1 sum to 1 and not to 0")

    with monkeypatch.context() as patch:
        patch.setattr("traderd.core.entries.Transaction.check", broken)
        told = tell(engine, filled("t1", 10))
        assert kinds(told) == ["OrderFilled", "HaltRaised"]
        assert kinds(tell(engine, filled("t2", 10))) == ["OrderFilled"]
    halt = engine.conditions.halts[LEDGER_HALT]
    assert halt.author is ev.Author.MACHINE
    assert engine.ledger.fill_count == 0
    assert engine.ledger.position(TICKER).count == 0


def test_accounts_that_disagree_with_the_positions_are_found_by_the_next_reading():
    engine = ready_engine()
    tell(engine, synced(sync_type="initial", started=1), filled("t1", 10))
    engine.ledger.positions[TICKER].cost = Money(1)
    told = tell(engine, synced(position_record(10), started=200))
    assert kinds(told) == ["AccountSynced", "HaltRaised", "TradingStateUpdated"]


def test_profit_goes_to_whose_order_it_was_even_when_that_is_known_late():
    engine = ready_engine()
    maker = Attribution(owner=OrderOwner.STRATEGY, strategy=StrategyName("maker"))
    tell(engine, intended(attribution=maker), sent(), filled("t1", 4, key=None))
    assert engine.ledger.strategies.books == {}
    tell(engine, accepted())
    assert engine.ledger.strategies.books["maker"].fill_count == 1
    tell(engine, filled("t2", 1, order_id="theirs", key="theirs", side=Side.ASK))
    tell(engine, reported(filled=1, order_id="theirs", key="theirs"))
    assert set(engine.ledger.strategies.books) == {"maker", "external"}


def test_a_fill_of_nobodys_order_is_external_once_a_complete_reading_lists_no_order():
    engine = ready_engine()
    tell(engine, filled("t1", 4, key=None, order_id="theirs"), intended(), sent())
    tell(engine, synced(sync_type="initial"))
    assert engine.ledger.strategies.books == {}, "ours is on its way and may be it"
    tell(engine, accepted(), synced(position_record(4), started=200))
    assert engine.ledger.strategies.books["external"].fill_count == 1


# --- random histories -----------------------------------------------------------------------------


@attrs.define
class Naive:
    """The same account in Decimals, kept the way a person would on paper."""

    cash: Decimal = Decimal(1000)
    held: dict[str, int] = attrs.Factory(dict)

    def trade(self, ticker: str, side: Side, price: Decimal, count: int, fee: Decimal) -> None:
        before = self.held.get(ticker, 0)
        after = before + side.sign * count
        paid = price if side is Side.BID else 1 - price
        pairs = (abs(before) + count - abs(after)) // 2
        self.cash += (-paid * count + pairs) - fee
        self.held[ticker] = after

    def settle(self, ticker: str, value: Decimal) -> None:
        count = self.held.pop(ticker, 0)
        self.cash += count * value if count > 0 else -count * (1 - value)


def history(seed: int, length: int) -> tuple[list[ev.Event], Naive]:
    """Return facts as the exchange would tell them, and the account that they lead to."""
    rng, naive, facts = random.Random(seed), Naive(), []
    open_markets = [MarketTicker(f"KX{n}-26-Y") for n in range(3)]
    for number in range(length):
        what = rng.random()
        at = 200 + number
        if what < 0.8 and open_markets:
            ticker, side = rng.choice(open_markets), rng.choice(tuple(Side))
            cents, count, fee = rng.randint(1, 99), rng.randint(1, 20), rng.randint(0, 900)
            naive.trade(ticker, side, Decimal(cents) / 100, count, Decimal(fee) / 10_000)
            facts.append(
                filled(
                    f"t{number}",
                    count,
                    side=side,
                    at_price=f"0.{cents:02d}",
                    fee=f"0.{fee:04d}",
                    ticker=ticker,
                    order_id=f"x{rng.randint(0, 5)}-{ticker}-{side.value}",
                    key=None,
                    at=at,
                )
            )
        elif what < 0.9 and len(open_markets) > 1:
            ticker = open_markets.pop()
            value = rng.choice((Decimal(0), Decimal(1), Decimal("0.37")))
            count = naive.held.get(ticker, 0)
            naive.settle(ticker, value)
            if count:
                facts.append(
                    settled(count, value=str(value), result="scalar", ticker=ticker, at=at)
                )
        else:
            amount = rng.randint(-500, 500) or 1
            naive.cash += amount
            facts.append(moved(str(amount), f"m{number}", at=at))
    return facts, naive


def opened() -> Engine:
    engine = Engine(limits=limits())
    engine.begin_run()
    tell(engine, proving(sync_type="initial", started=100))
    return engine


def money_of(engine: Engine) -> Any:
    ledger = engine.ledger
    return (
        ledger.books.totals(),
        {t: (p.count, p.cost, p.realized_pnl, p.fees_paid) for t, p in ledger.positions.items()},
        ledger.fill_count,
    )


@settings(deadline=None, max_examples=60)
@given(st.integers(0, 10**9), st.integers(0, 60))
def test_any_history_agrees_with_a_naive_account_and_sums_to_zero_at_every_step(seed, length):
    facts, naive = history(seed, length)
    engine = opened()
    for fact in facts:
        tell(engine, fact)
        engine.ledger.check()
    assert engine.ledger.cash == int(naive.cash * 1_000_000)
    held = {t: n * 100 for t, n in naive.held.items() if n}
    assert {p.ticker: p.count for p in engine.ledger.open_positions()} == held
    worth = engine.ledger.cash + engine.ledger.books.balance(A.POSITION_COST)
    assert worth == dollars("1000") - engine.ledger.books.balance(A.OUTSIDE) + (
        engine.ledger.realized_pnl - engine.ledger.fees_paid
    )


@settings(deadline=None, max_examples=40)
@given(st.integers(0, 10**9), st.integers(0, 40))
def test_applying_any_event_twice_changes_nothing(seed, length):
    facts, _ = history(seed, length)
    once, twice = opened(), opened()
    tell(once, *facts)
    for fact in facts:
        tell(twice, fact)
        before = money_of(twice)
        tell(twice, fact)
        assert money_of(twice) == before
    tell(twice, *facts)
    assert money_of(twice) == money_of(once)


@settings(deadline=None, max_examples=40)
@given(st.integers(0, 10**9), st.integers(0, 40))
def test_the_journal_gives_the_same_ledger_back(seed, length):
    """I18: what was told, written as rows, read and folded is the same money."""
    facts, _ = history(seed, length)
    lived = Engine(limits=limits())
    lived.begin_run()
    told = tell(lived, proving(sync_type="initial", started=100), *facts)
    replayed = Engine(limits=limits())
    for position, event in enumerate(told):
        if isinstance(event, ev.JOURNALED):
            replayed.apply(codec.decode(*codec.encode(event), position=position))
    assert money_of(replayed) == money_of(lived)
    assert attrs.asdict(replayed.account.proof) == attrs.asdict(lived.account.proof)


@settings(deadline=None, max_examples=40)
@given(st.integers(0, 10**9), st.integers(0, 40))
def test_the_order_in_which_news_arrives_changes_no_cash(seed, length):
    facts, naive = history(seed, length)
    random.Random(seed).shuffle(facts)
    engine = opened()
    tell(engine, *facts)
    engine.ledger.check()
    assert engine.ledger.cash == int(naive.cash * 1_000_000)
