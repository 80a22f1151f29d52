"""Tiers, costs and what they do to requests."""

import pytest

from tests.paper.rest.desks import RestBench
from tests.paper.venues import ask, bid
from traderd.paper.rest.account import costs_of, shown_path
from traderd.paper.rest.api import PREFIX, routes_of
from traderd.paper.settings import Tier


@pytest.mark.parametrize(
    ("tier", "read", "write"),
    [
        (Tier.BASIC, (200, 600), (100, 100)),
        (Tier.ADVANCED, (300, 900), (300, 900)),
        (Tier.EXPERT, (600, 600), (600, 1_800)),
        (Tier.PREMIER, (1_200, 1_200), (1_200, 3_600)),
        (Tier.PARAGON, (2_400, 2_400), (2_400, 7_200)),
        (Tier.PRIME, (4_800, 4_800), (4_800, 14_400)),
        (Tier.PRESTIGE, (12_000, 12_000), (9_600, 28_800)),
    ],
)
async def test_each_tier_shows_its_buckets(autojump_clock, tier, read, write):
    status, body = await RestBench(tier=tier).ask("GET", "/account/limits")
    assert (status, body["usage_tier"]) == (200, tier.value)
    for name, (rate, capacity) in (("read", read), ("write", write)):
        assert body[name] == {"refill_rate": rate, "bucket_capacity": capacity}
    granted = [grant["level"] for grant in body["grants"]]
    assert granted == ([] if tier is Tier.BASIC else [tier.value])


async def test_costs_are_public_and_say_what_is_charged(autojump_clock):
    bench = RestBench()
    status, body = await bench.ask("GET", "/account/endpoint_costs", by=None)
    assert (status, body["default_cost"]) == (200, 10)
    costs = {(each["method"], each["path"]): each["cost"] for each in body["endpoint_costs"]}
    assert costs["DELETE", "/trade-api/v2/portfolio/events/orders/:order_id"] == 2
    assert costs["GET", "/trade-api/v2/portfolio/orders/:order_id"] == 2
    assert costs["POST", "/trade-api/v2/communications/quotes"] == 2
    assert costs["DELETE", "/trade-api/v2/communications/quotes/:quote_id"] == 2
    assert costs["POST", "/trade-api/v2/account/api_usage_level/upgrade"] == 30
    assert 10 not in costs.values()
    paths = [each["path"] for each in body["endpoint_costs"]]
    assert paths == sorted(paths)
    table = routes_of(bench.desk)
    assert body["endpoint_costs"] == [
        {"method": each.method, "path": each.path, "cost": each.cost}
        for each in costs_of(PREFIX, table)
    ]


def test_parameters_are_shown_by_name():
    assert shown_path("/portfolio/orders/{}/amend") == "/portfolio/orders/:order_id/amend"
    assert shown_path("/communications/rfqs/{}/quotes/{}") == (
        "/communications/rfqs/:rfq_id/quotes/:quote_id"
    )
    assert shown_path("/somewhere/{}") == "/somewhere/:id"


async def test_an_upgrade_needs_an_order_and_lasts(autojump_clock):
    bench = RestBench(tier=Tier.BASIC)
    path = "/account/api_usage_level/upgrade"
    assert (await bench.ask("POST", path, {}))[0] == 403
    bench.rest_order()
    # The official SDK sends neither a body nor a content type: the schema has none here.
    assert await bench.ask("POST", path) == (201, {})
    assert await bench.ask("POST", path, {}) == (201, {})
    _, body = await bench.ask("GET", "/account/limits")
    assert (body["usage_tier"], body["write"]["bucket_capacity"]) == ("advanced", 900)
    assert body["grants"] == [
        {"exchange_instance": "event_contract", "level": "advanced", "source": "manual"}
    ]
    assert (await bench.ask("GET", "/account/limits", by="bob"))[1]["usage_tier"] == "basic"


async def test_progress_counts_both_roles_of_thirty_days(autojump_clock):
    bench = RestBench()
    path = "/account/api_usage_level/volume_progress"
    bench.venue.create_order("bob", ask("2", "0.5000"), None, bench.now())
    bench.venue.create_order("ann", bid("2.50", "0.5000"), None, bench.now())
    bench.venue.create_order("bob", ask("0.50", "0.5000"), None, bench.now())
    status, body = await bench.ask("GET", path)
    assert status == 200
    (progress,) = body["volume_progress"]
    assert progress["computed_ts"] == bench.now() // 1_000_000_000
    assert progress["trailing_30d_volume_fp"] == "2.50"
    assert [goal["level"] for goal in progress["goals"]] == [
        "expert",
        "premier",
        "paragon",
        "prime",
        "prestige",
    ]
    assert progress["goals"][0] == {
        "level": "expert",
        "earn_volume_goal_fp": "15000000.00",
        "keep_volume_goal_fp": "10000000.00",
    }
    bench.env.offset_ns += 31 * 86_400 * 1_000_000_000
    (later,) = (await bench.ask("GET", path))[1]["volume_progress"]
    assert later["trailing_30d_volume_fp"] == "0.00"
