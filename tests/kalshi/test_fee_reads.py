"""Fees over real bytes: terms, what is announced, and what an event has instead."""

import pytest

from traderd.errors import ExchangeProtocolError
from traderd.kalshi.rest import open_rest
from traderd.model.fees import FeeTerms
from traderd.model.ids import EventTicker
from traderd.model.units import parse_time

CHANGE = {
    "id": "c1",
    "series_ticker": "KXA",
    "fee_type": "quadratic_with_maker_fees",
    "fee_multiplier": 1,
    "scheduled_ts": "2026-12-01T00:00:00Z",
}


def opened(exchange):
    return open_rest(env=exchange.env, base_url=exchange.base_url, signer=exchange.signer)


async def test_a_series_has_its_terms_and_what_is_announced(exchange, autojump_clock):
    exchange.reply(200, {"series": {"fee_type": "quadratic", "fee_multiplier": 0.5}})
    earlier = CHANGE | {"id": "c2", "scheduled_ts": "2026-11-25T00:00:00Z", "fee_multiplier": 0}
    other = CHANGE | {"id": "c3", "series_ticker": "KXB"}
    exchange.reply(200, {"series_fee_change_arr": [CHANGE, earlier, other]})
    async with opened(exchange) as client:
        fees = await client.fees.series("KXA")
    assert fees.terms == FeeTerms(maker_rate=0, multiplier=500)
    assert [(change.at, change.terms) for change in fees.changes] == [
        (parse_time("2026-11-25T00:00:00Z"), FeeTerms(maker_rate=175, multiplier=0)),
        (parse_time("2026-12-01T00:00:00Z"), FeeTerms(maker_rate=175, multiplier=1_000)),
    ]
    assert exchange.requests[1].query == {"series_ticker": "KXA"}


@pytest.mark.parametrize(
    ("override", "terms"),
    [
        ({}, None),
        ({"fee_type_override": None, "fee_multiplier_override": None}, None),
        ({"fee_type_override": "quadratic"}, FeeTerms(maker_rate=0, multiplier=1_000)),
        (
            {"fee_type_override": "quadratic", "fee_multiplier_override": 0},
            FeeTerms(maker_rate=0, multiplier=0),
        ),
    ],
)
async def test_an_event_may_have_its_own(exchange, autojump_clock, override, terms):
    exchange.reply(200, {"event": override})
    async with opened(exchange) as client:
        assert (await client.fees.event(EventTicker("KXA-26"))).terms == terms


@pytest.mark.parametrize(
    "odd",
    [{"fee_type": "flat"}, {"fee_multiplier": -1}, {"fee_multiplier": 0.33333}],
)
async def test_what_we_cannot_charge_by_is_an_error_and_no_guess(exchange, autojump_clock, odd):
    exchange.reply(200, {"series": {"fee_type": "quadratic", "fee_multiplier": 1} | odd})
    exchange.reply(200, {"series_fee_change_arr": []})
    async with opened(exchange) as client:
        with pytest.raises(ExchangeProtocolError, match="series KXA"):
            await client.fees.series("KXA")


async def test_a_change_without_a_moment_is_an_error(exchange, autojump_clock):
    exchange.reply(200, {"series": {"fee_type": "quadratic", "fee_multiplier": 1}})
    exchange.reply(200, {"series_fee_change_arr": [CHANGE | {"scheduled_ts": "soon"}]})
    async with opened(exchange) as client:
        with pytest.raises(ExchangeProtocolError, match="scheduled_ts"):
            await client.fees.series("KXA")
