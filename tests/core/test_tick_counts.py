"""The funnel: every tick counts once, so the outcomes add up, also when rows are given up."""

import random
import sys

from traderd.core import tick_counts
from traderd.core.tick_counts import OTHERS, TickCounts
from traderd.model import events as ev
from traderd.model.ids import MarketTicker, StrategyName
from traderd.model.strategy_events import TickCause, TickOutcome
from traderd.model.units import Timestamp

A = StrategyName("a")


def tick(at: int, outcome=TickOutcome.NO_SIGNAL, *, ticker="T", strategy=A, rule="", sentence=""):
    return ev.TickEnded(
        at=Timestamp(at),
        strategy=strategy,
        ticker=MarketTicker(ticker),
        cause=TickCause.BOOK,
        outcome=outcome,
        rule=rule,
        sentence=sentence,
    )


def test_the_last_reason_and_its_time_are_kept():
    counts = TickCounts()
    for at, sentence in ((1, "first"), (5, "last")):
        counts.count(tick(at, TickOutcome.DENIED, rule="size", sentence=sentence))
    (row,) = counts.rows.values()
    assert (row.count, row.last_at, row.sentence) == (2, 5, "last")


def test_the_row_that_counted_last_is_the_last_one():
    counts = TickCounts()
    for at, ticker in enumerate(("T", "U", "T")):
        counts.count(tick(at, ticker=ticker))
    assert [ticker for _, ticker, _, _ in counts.rows] == ["U", "T"]


def test_markets_that_end_alike_share_one_reason():
    counts, words = TickCounts(), ["looked", "at", "late"]
    for at, ticker in enumerate(("T", "U", "V")):
        counts.count(tick(at, ticker=ticker, sentence=" ".join(words)))
        counts.count(tick(at, TickOutcome.ORDER, ticker=ticker))
    told = [
        row.sentence
        for (*_, outcome, _), row in counts.rows.items()
        if outcome is not TickOutcome.ORDER
    ]
    assert told == ["looked at late"] * 3
    assert told[0] is told[1] is told[2]
    counts.count(tick(9, ticker="T", sentence="another"))
    assert sorted({row.sentence for row in counts.rows.values()}) == [
        "",
        "another",
        "looked at late",
    ]


def test_rows_beyond_the_bound_are_added_together_and_nothing_is_lost(monkeypatch):
    monkeypatch.setattr(tick_counts, "ROWS_MAX", 20)
    counts, rng = TickCounts(), random.Random(1)
    for at in range(5_000):
        outcome = rng.choice(list(TickOutcome))
        name = StrategyName(rng.choice("ab"))
        counts.count(tick(at, outcome, ticker=f"T{rng.randrange(50)}", strategy=name))
    for name in counts.ticks:
        kept = sum(row.count for (who, *_), row in counts.rows.items() if who == name)
        assert kept == counts.ticks[name]
    assert sum(counts.ticks.values()) == 5_000
    assert any(ticker == OTHERS for _, ticker, _, _ in counts.rows)
    # One row for the rest of each outcome of each strategy, besides those that are kept.
    assert len(counts.rows) <= 20 + 2 * len(TickOutcome)


def test_the_rows_that_did_not_count_for_longest_are_given_up_some_at_once(monkeypatch):
    monkeypatch.setattr(tick_counts, "ROWS_MAX", 60)
    counts = TickCounts()
    for at in range(60):
        counts.count(tick(at, ticker=f"T{at}"))
    counts.count(tick(60, ticker="T1"))
    assert len(counts.rows) == 60
    counts.count(tick(61, ticker="T60"))
    kept = {ticker: row for (_, ticker, _, _), row in counts.rows.items()}
    # The oldest is the first of the others, and each one more makes room.
    assert set(kept) == {OTHERS, *(f"T{at}" for at in range(61))} - {"T0", "T2", "T3"}
    assert (kept[OTHERS].count, kept[OTHERS].last_at, kept["T1"].count) == (3, 3, 2)


def test_a_market_that_counts_again_takes_no_more_room():
    counts = TickCounts()
    for at in range(3_000):
        counts.count(tick(at, ticker=f"T{at % 1_000}"))
    (rows,) = counts._rows.values()
    assert sys.getsizeof(rows) <= sys.getsizeof(dict.fromkeys(map(str, range(1_000))))


def test_a_changed_parameter_holds_until_the_run_ends_or_the_strategy_is_taken_away():
    counts = TickCounts()
    change = ev.StrategyParameterSet(at=Timestamp(1), strategy=A, name="x", value="2", was="1")
    counts.tune(change)
    counts.replace(ev.StrategyReplaced(at=Timestamp(2), strategy=A))
    assert counts.tuned == {"a": {"x": "2"}}
    counts.replace(ev.StrategyReplaced(at=Timestamp(3), strategy=A, removed=True))
    assert counts.tuned == {}
    counts.tune(change)
    counts.begin_run()
    assert counts.tuned == {}


def test_a_release_and_a_report_are_remembered():
    counts = TickCounts()
    counts.release(ev.StrategyReleased(at=Timestamp(7), strategy=A))
    counts.report(ev.StrategiesReported(at=Timestamp(8), reports=()))
    assert (counts.released, counts.reported_at) == ({"a": 7}, 8)


def test_a_strategy_counts_as_taken_away_until_one_of_its_name_runs_or_the_run_ends():
    counts = TickCounts()
    away = ev.StrategyReplaced(at=Timestamp(5), strategy=A, removed=True)
    counts.replace(away)
    assert counts.removed == {A: 5}
    counts.replace(ev.StrategyReplaced(at=Timestamp(6), strategy=A))
    assert counts.removed == {}
    counts.replace(away)
    counts.begin_run()
    assert counts.removed == {}
