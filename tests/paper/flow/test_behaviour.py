"""The table of styles."""

from __future__ import annotations

from traderd.paper.flow.behaviour import NO_PLAN, PROFILES, StreetPlan, Style


def test_every_style_with_a_street_has_its_numbers():
    assert set(PROFILES) == set(Style) - {Style.NONE}
    for profile in PROFILES.values():
        assert 0 < profile.move_s[0] < profile.move_s[1]
        assert 0 < profile.activity <= 1
        assert 0 <= profile.take_share < 1
        assert profile.cluster[0] <= profile.cluster[1]


def test_plans_that_ask_the_same_are_the_same():
    assert StreetPlan() == NO_PLAN
    assert hash(StreetPlan(style=Style.QUIET)) == hash(StreetPlan(style=Style.QUIET))
    assert StreetPlan(style=Style.QUIET) != NO_PLAN
