"""The audit: a wrong book is found and made good, and what merely moves is left alone."""

import structlog
import trio

from tests.simulation.harness import TICKERS, simulated_daemon
from traderd.config import Config, MarketDataConfig
from traderd.core.book_compare import Comparison
from traderd.core.book_totals import AGREED, INCONCLUSIVE
from traderd.kalshi.wire import rest
from traderd.model import events as ev
from traderd.model.events import BookFault, BookGrade, DifferingLevel
from traderd.model.orders import Side
from traderd.model.units import Count, Price
from traderd.services import book_audit
from traderd.services.book_audit import Audit, traderd_services
from traderd.services.context import Context

WRONG, RIGHT = TICKERS[0], TICKERS[1]
ROUND_S = 30.0


def spoil(simulated, ticker: str = WRONG) -> None:
    """Change a level of our book behind its back, as a defect would."""
    levels = simulated.view.book(ticker)._bids
    worst = min(levels)
    levels[worst] = Count(levels[worst] + 100)


def context_of(simulated) -> Context:
    return Context(
        name="test", shared=simulated.daemon.shared, log=structlog.get_logger("traderd").bind()
    )


async def audited(inbox) -> list[ev.BookAudited]:
    """Return the news that wait."""
    found: list[ev.BookAudited] = []
    while inbox.statistics().depth:
        found += await inbox.receive()
    return found


def books_agree(simulated, ticker: str = WRONG) -> bool:
    ours, theirs = simulated.view.book(ticker), simulated.exchange.venue.book(ticker)
    return all(ours.levels(side) == dict(theirs[i]) for i, side in enumerate(Side))


async def test_a_wrong_book_is_proven_wrong_within_a_round_and_made_good(tmp_path, autojump_clock):
    async with simulated_daemon(tmp_path, market_data__audit_interval_s=ROUND_S) as simulated:
        with simulated.daemon.shared.bus.subscribe(
            ev.BookAudited, ev.BookInvalidated, name="test"
        ) as news:
            spoil(simulated)
            await trio.sleep(ROUND_S + book_audit.SECOND_LOOK_S + 1.0)
            told = await audited(news)
        (invalidated,) = [each for each in told if isinstance(each, ev.BookInvalidated)]
        assert (invalidated.ticker, invalidated.fault) == (WRONG, BookFault.AUDIT)
        about_it = [each for each in told if each.ticker == WRONG and each is not invalidated]
        assert [(each.agreed, each.proven) for each in about_it] == [(False, False), (False, True)]
        assert len(about_it[1].differing_levels) == 1
        others = [each for each in told if each.ticker != WRONG]
        assert {each.ticker for each in others} == set(TICKERS[1:])
        assert all(each.agreed for each in others)
        assert simulated.said(f"audit: the book of {WRONG} is wrong at 1 levels: bid 0.")
        await simulated.wait_until(lambda: simulated.view.book(WRONG).usable, within_s=1.0)
        assert books_agree(simulated)
        now = simulated.daemon.shared.env.wall_ns()
        assert simulated.view.quality(WRONG, now).grade is BookGrade.D
        await trio.sleep(ROUND_S + 1.0)
        now = simulated.daemon.shared.env.wall_ns()
        assert simulated.view.quality(WRONG, now).grade is BookGrade.B


async def test_busy_books_that_are_right_are_never_accused(tmp_path, autojump_clock):
    async with simulated_daemon(
        tmp_path, market_data__audit_interval_s=2.0, exchange__events_per_s=200
    ) as simulated:
        with simulated.daemon.shared.bus.subscribe(ev.BookAudited, name="test") as news:
            await trio.sleep(120.0)
            told = await audited(news)
        assert len(told) > 200
        assert [each for each in told if each.proven] == []
        assert simulated.view.market_data.gaps == 0
        assert simulated.view.market_data.deltas_received > 10_000


async def test_a_book_that_was_made_good_between_the_looks_is_not_convicted(
    tmp_path, autojump_clock
):
    async with simulated_daemon(tmp_path, market_data__audit_interval_s=0) as simulated:
        audit = Audit(context_of(simulated))
        spoil(simulated)
        with simulated.daemon.shared.bus.subscribe(ev.BookAudited, name="test") as news:
            async with trio.open_nursery() as nursery:
                nursery.start_soon(audit.compare, (WRONG,))
                await trio.sleep(book_audit.SECOND_LOOK_S / 2)
                levels = simulated.view.book(WRONG)._bids
                worst = Price(min(levels))
                levels[worst] = Count(levels[worst] - 100)
            told = await audited(news)
        assert [(each.agreed, each.proven) for each in told] == [(False, False), (True, False)]


async def test_a_wrong_level_that_moves_is_neither_convicted_nor_acquitted(
    tmp_path, autojump_clock, monkeypatch
):
    async with simulated_daemon(tmp_path, market_data__audit_interval_s=0) as simulated:
        size = 0

        async def looked_at(self, tickers):
            nonlocal size
            size += 100
            level = DifferingLevel(
                side=Side.BID, price=Price(4_000), ours=Count(size), theirs=Count(size + 500)
            )
            return {ticker: Comparison(differing=(level,)) for ticker in tickers}

        monkeypatch.setattr(Audit, "_looked_at", looked_at)
        with simulated.daemon.shared.bus.subscribe(ev.BookAudited, name="test") as news:
            await Audit(context_of(simulated)).compare((WRONG,))
            told = await audited(news)
        said = [(each.agreed, each.proven, each.conclusive) for each in told]
        assert said == [(False, False, True), (False, False, False)]
        quality = simulated.view.quality(WRONG, simulated.daemon.shared.env.wall_ns())
        assert (quality.grade, quality.audits_agreed, quality.audits_differed) == (
            BookGrade.C,
            0,
            1,
        )
        totals = simulated.view.market_data.qualities.totals
        assert (totals.audits[INCONCLUSIVE], totals.audits[AGREED]) == (1, 0)


async def test_one_row_that_cannot_be_read_hides_no_other(tmp_path, autojump_clock, monkeypatch):
    read = rest.decode_body

    def odd(body, kind, endpoint):
        if kind is rest.TickerBook and WRONG.encode() in bytes(body):
            body = b'{"ticker": 5}'
        return read(body, kind, endpoint)

    monkeypatch.setattr(rest, "decode_body", odd)
    async with simulated_daemon(tmp_path, market_data__audit_interval_s=0) as simulated:
        audit = Audit(context_of(simulated))
        with simulated.daemon.shared.bus.subscribe(ev.BookAudited, name="test") as news:
            await audit.compare(TICKERS)
            told = await audited(news)
        assert [each.ticker for each in told] == list(TICKERS[1:])
        assert all(each.agreed for each in told)
        assert simulated.count("1 of them cannot be read: GET /markets/orderbooks: ") == 1
        await audit.compare(TICKERS)
        assert simulated.count("1 of them cannot be read") == 1, "told once"


async def test_an_exchange_that_does_not_answer_is_asked_again_next_time(tmp_path, autojump_clock):
    async with simulated_daemon(tmp_path, market_data__audit_interval_s=ROUND_S) as simulated:
        simulated.exchange.faults.refuse_requests("/markets/orderbooks", 503)
        with simulated.daemon.shared.bus.subscribe(ev.BookAudited, name="test") as news:
            await trio.sleep(3 * ROUND_S)
            assert await audited(news) == []
            assert simulated.count("books cannot be compared with the exchange's: ") == 1
            simulated.exchange.faults.clear()
            await trio.sleep(ROUND_S + 1.0)
            assert {each.ticker for each in await audited(news)} == set(TICKERS)
            assert simulated.count("books can be compared with the exchange's again") == 1
            simulated.exchange.faults.refuse_requests("/markets/orderbooks", 503)
            await trio.sleep(2 * ROUND_S)
            assert simulated.count("books cannot be compared with the exchange's: ") == 2


async def test_books_in_doubt_are_not_asked_about(tmp_path, autojump_clock):
    async with simulated_daemon(tmp_path, market_data__audit_interval_s=0) as simulated:
        audit = Audit(context_of(simulated))
        before = simulated.daemon.shared.venue.rest.statistics().requests
        for ticker in TICKERS:
            simulated.view.book(ticker).invalidate(BookFault.GAP, "a gap")
        await audit.compare(TICKERS)
        assert simulated.daemon.shared.venue.rest.statistics().requests == before


def test_it_can_be_switched_off():
    assert traderd_services(Config(market_data=MarketDataConfig(audit_interval_s=0))) == []
    (service,) = traderd_services(Config())
    assert service.name == "book_audit"
