"""Published fees are read for what is followed, and judge the fills from then on."""

import pytest
import trio

from tests.simulation.harness import TICKERS, simulated_daemon
from traderd.errors import ExchangeProtocolError, ExchangeUnavailable
from traderd.kalshi.fee_reads import FeeReads
from traderd.kalshi.limits import Traffic
from traderd.model.fees import FeeTerms, PublishedFees
from traderd.services.fees import AGAIN_S, REFRESH_S

SERIES = TICKERS[0].partition("-")[0]


async def test_the_fees_of_every_followed_series_are_read_with_low_priority(
    tmp_path, autojump_clock
):
    async with simulated_daemon(tmp_path) as simulated:
        await trio.sleep(60.0)
        published = simulated.view.ledger.fees.published
        fees = simulated.exchange.venue.one_series(SERIES).fees
        assert published[SERIES].terms.multiplier == fees.multiplier
        assert {ticker.partition("-")[0] for ticker in TICKERS} <= set(published)
        assert simulated.said(f"fees of {SERIES}: multiplier")
        reads = simulated.daemon.shared.venue.rest.fees
        assert reads._requester._traffic is Traffic.DATA


async def test_they_are_asked_for_again_after_an_hour_and_only_news_is_told(
    tmp_path, autojump_clock, monkeypatch
):
    asked = []
    real = FeeReads.series

    async def series(self, ticker):
        asked.append(ticker)
        found = await real(self, ticker)
        if asked.count(SERIES) < 2:
            return found
        return PublishedFees(of=ticker, terms=FeeTerms(maker_rate=350, multiplier=250))

    monkeypatch.setattr(FeeReads, "series", series)
    async with simulated_daemon(tmp_path) as simulated:
        await trio.sleep(60.0)
        assert asked.count(SERIES) == 1
        position = simulated.daemon.shared.journal.position
        await trio.sleep(REFRESH_S / 2)
        assert simulated.daemon.shared.journal.position == position
        await trio.sleep(REFRESH_S)
        assert asked.count(SERIES) == 2
        assert simulated.view.ledger.fees.published[SERIES].terms.multiplier == 250
        assert simulated.count(f"fees of {SERIES}: multiplier") == 2


async def test_a_fee_that_is_not_the_published_one_is_told(tmp_path, autojump_clock, monkeypatch):
    async def series(self, ticker):
        return PublishedFees(of=ticker, terms=FeeTerms(maker_rate=350, multiplier=250))

    monkeypatch.setattr(FeeReads, "series", series)
    async with simulated_daemon(tmp_path) as simulated:
        await trio.sleep(60.0)
        await simulated.place("bid", "5", simulated.touch()[1])
        await trio.sleep(1.0)
        assert simulated.view.ledger.fees.differed == 1
        # What is booked is what was charged.
        await trio.sleep(40.0)
        assert simulated.view.account.proof.unexplained == 0


@pytest.mark.parametrize("error", [ExchangeUnavailable("down"), ExchangeProtocolError("flat")])
async def test_what_cannot_be_read_is_told_once_and_the_fills_tell_the_fees(
    tmp_path, autojump_clock, monkeypatch, error
):
    async def series(self, ticker):
        raise error

    with monkeypatch.context() as patch:
        patch.setattr(FeeReads, "series", series)
        async with simulated_daemon(tmp_path) as simulated:
            await trio.sleep(3 * AGAIN_S)
            assert simulated.count(f"the fees of {SERIES} are not known") == 1
            await simulated.place("bid", "5", simulated.touch()[1])
            await trio.sleep(1.0)
            assert simulated.view.ledger.fees.differed == 0
            patch.undo()
            await trio.sleep(AGAIN_S + 10.0)
            assert SERIES in simulated.view.ledger.fees.published
