"""Series, held against a capture."""

import json
from pathlib import Path

import msgspec
import pytest

from tests.paper.rest.reads import Reader
from tests.paper.venues import NOW, WITH_MAKER_FEES, market, terms, venue
from traderd.model.units import NS_PER_S
from traderd.paper.rest.series import SeriesBody

CAPTURE = Path(__file__).parents[2] / "data" / "rest_series_fee_fields_20260820.json"
NOW_S = NOW // NS_PER_S


def reader() -> Reader:
    built = venue(market("KXA-1-A"), market("KXA-2-A"), market("KXB-1-A", fees=WITH_MAKER_FEES))
    first, second = built.series()
    first.category, first.tags, first.frequency = "Sports", ("Baseball", "Japan"), "daily"
    first.updated_at = NOW
    second.category, second.tags = "Economics", ("Rates",)
    for ticker in ("KXA-1-A", "KXA-2-A"):
        built.create_order("ann", terms("bid", "5", "0.40", ticker=ticker), None, NOW)
        built.create_order("bob", terms("ask", "1.5", "0.40", ticker=ticker), None, NOW)
    return Reader(built)


def tickers(query: str) -> list[str]:
    return [each["ticker"] for each in reader().get(f"/series{query}")["series"]]


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("", ["KXA", "KXB"]),
        ("?category=Sports", ["KXA"]),
        ("?category=sports", []),
        ("?tags=Rates", ["KXB"]),
        ("?tags=Rates,Japan", ["KXA", "KXB"]),
        ("?tags=Rates&category=Sports", []),
        (f"?min_updated_ts={NOW_S - 1}", ["KXA"]),
        (f"?min_updated_ts={NOW_S}", []),
    ],
)
def test_series_are_filtered(query, expected):
    assert tickers(query) == expected


def test_one_series():
    shown = reader().get("/series/KXA")["series"]
    expected = {
        "ticker": "KXA",
        "frequency": "daily",
        "category": "Sports",
        "categories": ["Sports"],
        "tags": ["Baseball", "Japan"],
        "settlement_sources": [],
        "additional_prohibitions": [],
        "fee_type": "quadratic",
        "fee_multiplier": 0,
        "last_updated_ts": "2027-01-15T08:00:00Z",
    }
    assert {name: shown[name] for name in expected} == expected
    assert "volume_fp" not in shown
    assert reader().refusal("/series/NOPE") == (404, "not_found")


def test_volume_and_metadata_come_when_asked_for():
    shown = reader().get("/series?include_volume=true&include_product_metadata=true")["series"]
    assert [each["volume_fp"] for each in shown] == ["3.00", "0.00"]
    assert [each["product_metadata"] for each in shown] == [{}, {}]
    assert reader().get("/series/KXA?include_volume=true")["series"]["volume_fp"] == "3.00"
    assert "product_metadata" not in reader().get("/series")["series"][0]
    assert "'oneof' tag" in reader().refusal("/series?include_volume=2")[1]


def test_real_series_have_our_fields_of_the_same_types():
    payloads = json.loads(CAPTURE.read_bytes())["payloads"]
    for payload in payloads.values():
        # `categories` came on 2026-09-17.
        msgspec.convert(payload["series"] | {"categories": []}, SeriesBody, strict=True)
        ours = {field.name for field in msgspec.structs.fields(SeriesBody)}
        assert payload["series"].keys() <= ours
