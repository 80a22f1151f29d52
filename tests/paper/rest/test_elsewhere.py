"""The right shape of nothing."""

import pytest

from tests.paper.rest.reads import Reader
from tests.paper.venues import market, venue


def reader() -> Reader:
    built = venue(market("KXA-1-A"), market("KXB-1-A"), market("KXC-1-A"), market("KXD-1-A"))
    for ticker, category, tags in (
        ("KXA", "Sports", ("Baseball",)),
        ("KXB", "Economics", ()),
        ("KXC", "Sports", ("Tennis", "Baseball")),
        ("KXD", "", ("Lost",)),
    ):
        series = built.one_series(ticker)
        series.category, series.tags = category, tags
    return Reader(built)


FORECAST = "/series/KXA/events/KXA-1/forecast_percentile_history"


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/milestones?limit=100", {"milestones": [], "cursor": ""}),
        ("/structured_targets", {"structured_targets": [], "cursor": ""}),
        (
            "/structured_targets?page_size=2000&ids=a&ids=b",
            {"structured_targets": [], "cursor": ""},
        ),
        ("/incentive_programs", {"incentive_programs": [], "next_cursor": ""}),
        ("/incentive_programs?status=active&type=volume&limit=10000", None),
        ("/multivariate_event_collections", {"multivariate_contracts": [], "cursor": ""}),
        ("/live_data/batch?milestone_ids=a&milestone_ids=b", {"live_datas": []}),
        ("/search/filters_by_sport", {"filters_by_sports": {}, "sport_ordering": []}),
        (
            f"{FORECAST}?percentiles=5000&start_ts=1&end_ts=2&period_interval=0",
            {"forecast_history": []},
        ),
    ],
)
def test_empty_lists(path, body):
    found = reader().get(path)
    assert body is None or found == body


def test_tags_are_those_of_the_series():
    assert reader().get("/search/tags_by_categories") == {
        "tags_by_categories": {"Sports": ["Baseball", "Tennis"], "Economics": []}
    }


@pytest.mark.parametrize(
    "path",
    [
        "/milestones/1",
        "/structured_targets/1",
        "/live_data/milestone/1",
        "/live_data/milestone/1/game_stats",
        "/live_data/football_game/milestone/1",
        "/live_data/events/KXA-1",
        "/live_data/weather/miami",
        "/live_data/weather/miami/calibrations",
        "/multivariate_event_collections/KXMVE",
        "/multivariate_event_collections/KXMVE/lookup",
        f"{FORECAST.replace('KXA-1', 'NOPE')}?percentiles=1&start_ts=1&end_ts=2&period_interval=1",
        f"{FORECAST.replace('KXA/', 'KXB/')}?percentiles=1&start_ts=1&end_ts=2&period_interval=1",
    ],
)
def test_single_things_are_not_there(path):
    assert reader().refusal(path) == (404, "not_found")


@pytest.mark.parametrize(
    ("path", "words"),
    [
        ("/milestones", "'Limit' failed on the 'required' tag"),
        ("/milestones?limit=501", "'lte' tag"),
        ("/structured_targets?page_size=2001", "'PageSize' failed on the 'lte' tag"),
        ("/incentive_programs?limit=10001", "'lte' tag"),
        ("/incentive_programs?status=old", "'oneof' tag"),
        ("/multivariate_event_collections?status=settled", "'oneof' tag"),
        ("/live_data/batch", "'MilestoneIds' failed on the 'required' tag"),
        (FORECAST, "'Percentiles' failed on the 'required' tag"),
        (f"{FORECAST}?percentiles=1", "'StartTs' failed on the 'required' tag"),
    ],
)
def test_bad_questions_are_refused_here_too(path, words):
    status, text = reader().refusal(path)
    assert status == 400
    assert words in text


def test_making_a_combo_needs_a_key():
    assert reader().response("/multivariate_event_collections/X", "POST", b"{}").status == 401
