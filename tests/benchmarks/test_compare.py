"""Rows of a benchmark: who is absent is named, nobody is favoured by the order, and what falls short is an error."""

import json

from benchmarks import compare
from benchmarks.compare import Peer, bound_row, rate_row, report, side_by_side


def peer(name, cost_us, *, distribution="", goal=2.0, calls=None):
    def run():
        if calls is not None:
            calls.append(name)
        return cost_us

    return Peer(name=name, distribution=distribution, goal=goal, run=run)


def test_a_peer_that_is_not_installed_is_told_and_does_not_hold():
    rows = side_by_side(
        "x",
        lambda: 1.0,
        [peer("gone", 9.0, distribution="no-such-distribution"), peer("here", 3.0)],
    )
    gone, here = rows
    assert (gone.peer, gone.ratio, gone.holds) == (None, None, False)
    assert gone.peer_name == "gone: ABSENT, no-such-distribution is not installed"
    assert (here.ours, here.peer, here.ratio, here.holds) == (1.0, 3.0, 3.0, True)


def test_the_version_of_a_peer_is_in_its_row():
    (row,) = side_by_side("x", lambda: 1.0, [peer("attrs", 1.0, distribution="attrs")])
    assert row.peer_name.startswith("attrs 2")
    assert not row.holds


def test_the_rounds_go_forth_and_back_after_one_that_does_not_count():
    calls = []

    def ours():
        calls.append("ours")
        return 1.0

    peers = [peer("a", 1.0, calls=calls), peer("b", 1.0, calls=calls)]
    side_by_side("x", ours, peers, rounds=2)
    assert calls == ["ours", "a", "b", "ours", "a", "b", "b", "a", "ours"]


def test_medians_are_compared_and_not_the_round_that_was_disturbed():
    costs = iter([50.0, 1.0, 1.0, 90.0])
    (row,) = side_by_side("x", lambda: next(costs), [peer("a", 2.0)], rounds=3)
    assert (row.ours, row.ratio) == (1.0, 2.0)


def test_a_bound_and_a_rate_hold_when_they_are_just_reached():
    assert bound_row("x", 100.0, 100.0, "MB").holds
    assert not bound_row("x", 100.1, 100.0, "MB").holds
    assert rate_row("x", 50_000, 50_000).holds
    assert not rate_row("x", 49_000, 50_000).holds


def test_a_report_has_all_rows_and_fails_with_one_that_does_not_hold(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(compare, "HERE", tmp_path / "benchmarks")
    monkeypatch.setattr(compare, "RESULTS", tmp_path / "benchmarks" / "results")
    rows = side_by_side("x", lambda: 1.0, [peer("a", 3.0)])
    assert report(rows, "good.json") == 0
    rows += side_by_side("y", lambda: 1.0, [peer("gone", 1.0, distribution="no-such-distribution")])
    assert report(rows, "bad.json") == 1
    written = json.loads((tmp_path / "benchmarks" / "results" / "bad.json").read_text())
    assert [
        set(row) >= {"name", "ours", "peer", "peer_name", "ratio", "goal", "holds"}
        for row in written
    ] == [
        True,
        True,
    ]
    assert "ABSENT, no-such-distribution is not installed; DOES NOT HOLD" in capsys.readouterr().out
