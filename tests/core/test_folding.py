"""What a fold is made of."""

from __future__ import annotations

from traderd.core.folding import both, nothing, quiet


def test_a_quiet_fold_folds_and_nothing_follows():
    seen = []
    assert quiet(seen.append)("event") == []
    assert seen == ["event"]


def test_what_is_only_kept_has_no_consequence():
    assert nothing("event") == []


def test_two_folds_are_done_in_order_and_both_consequences_are_told():
    done = both(lambda event: [event, "first"], lambda event: ["second"])
    assert done("event") == ["event", "first", "second"]


def test_what_is_no_news_to_the_first_is_not_told_to_the_second():
    watched = []
    assert both(lambda _: None, quiet(watched.append))("event") is None
    assert watched == []


def test_without_a_first_the_second_is_all():
    assert both(None, lambda _: ["second"])("event") == ["second"]
