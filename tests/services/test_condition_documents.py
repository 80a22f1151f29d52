"""What stops new risk, and how well everything is, as documents."""

import pytest

from tests.services.still_daemon import MARKET, still_daemon
from traderd.model import events as ev
from traderd.model.units import format_time
from traderd.services.condition_documents import conditions_document, health_document


async def test_conditions_are_listed_with_their_reasons(autojump_clock, tmp_path):
    async with still_daemon(tmp_path) as daemon:
        at = daemon.now()
        daemon.publish(
            ev.HaltRaised(
                at=at, halt_id="breaker", author=ev.Author.MACHINE, reason="five", ticker=MARKET
            ),
            ev.TradingPaused(at=at, reason="lunch"),
            ev.TradingPaused(at=at, reason="rain", ticker=MARKET, by="ann"),
            ev.DegradedRaised(at=at, part="orderbook feed", reason="503"),
        )
        status = conditions_document(daemon.view)
        assert status["halts"] == [
            {
                "id": "breaker",
                "author": "machine",
                "by": "",
                "reason": "five",
                "ticker": MARKET,
                "strategy": None,
                "raised_at": format_time(at),
            }
        ]
        of_account, of_market = status["pauses"]
        assert (of_account["ticker"], of_account["reason"]) == (None, "lunch")
        assert (of_market["ticker"], of_market["by"]) == (MARKET, "ann")
        assert (status["paused"], status["degraded"]) == ("lunch", {"orderbook feed": "503"})


@pytest.mark.parametrize(
    ("healthy", "problems", "word"),
    [
        (True, (), "healthy"),
        (True, ("orderbook feed: 503",), "degraded"),
        (False, ("journal: full",), "unhealthy"),
    ],
)
async def test_health_is_one_of_three_words(autojump_clock, tmp_path, healthy, problems, word):
    async with still_daemon(tmp_path) as daemon:
        daemon.publish(ev.HealthChecked(at=daemon.now(), healthy=healthy, problems=problems))
        document = health_document(daemon.view, environment="sim", uptime_s=2.0)
        assert (document["health"], document["problems"]) == (word, list(problems))
        assert document["environment"] == "sim"
        assert document["state"] == "initializing"
