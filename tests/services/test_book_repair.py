"""The repair: one request at a time within a budget, subscriptions made anew, and a line that is looked at."""

import json

import pytest
import trio

from tests.services.test_market_data import change_book, same_books, skip_a_frame
from tests.simulation.harness import TICKERS, simulated_daemon
from traderd.kalshi.feed import STRAGGLERS_S
from traderd.kalshi.wire import frames
from traderd.kalshi.wire.commands import BOOKS
from traderd.model import events as ev
from traderd.model.events import BookFault, BookGrade, FeedName
from traderd.model.orders import Side
from traderd.model.units import Count, Price
from traderd.services import line_subscription
from traderd.services.book_repair import LOOK_S, RELOOK_S
from traderd.services.snapshot_budget import SnapshotBudget


def held(simulated, channel: str = BOOKS):
    """Return the exchange's own record of a subscription, and the session that it belongs to."""
    for session, _ in simulated.exchange.feed._open.values():
        if channel in session._by_channel:
            return session, session._by_channel[channel]
    raise AssertionError(f"nobody is subscribed to {channel}")


def end_subscription(simulated, code: int, channel: str = BOOKS) -> None:
    """End a subscription as the exchange does: it forgets it and says so."""
    session, subscription = held(simulated, channel)
    session._audience.leave(subscription)
    del session._by_sid[subscription.sid], session._by_channel[channel]
    session._send(frames.encode_error(code, sid=subscription.sid))


def take_off(simulated, *tickers: str) -> None:
    """Let the exchange take markets off the subscription to books without a word; its numbers stay whole."""
    session, subscription = held(simulated)
    session._audience.uncover(subscription, tickers, ())


def known_books_are_same(simulated) -> bool:
    """Tell whether every book that can be trusted is the exchange's."""
    view, venue = simulated.view, simulated.exchange.venue
    books = [(ticker, view.book(ticker)) for ticker in TICKERS]
    return all(
        tuple(tuple(book.depth(side)) for side in Side) == venue.book(ticker)
        for ticker, book in books
        if book.usable
    )


def all_usable(simulated) -> bool:
    return simulated.view.market_data.usable_books() == len(TICKERS)


@pytest.mark.parametrize("code", [10, 25])
async def test_fault_p12_a_subscription_that_the_exchange_ends_is_made_anew_on_the_same_connection(
    tmp_path, autojump_clock, code
):
    async with simulated_daemon(tmp_path) as simulated:
        with simulated.daemon.shared.bus.subscribe(ev.BookInvalidated, name="test") as doubts:
            end_subscription(simulated, code)
            doubted = await doubts.receive()
        assert {doubt.fault for doubt in doubted} == {BookFault.SUBSCRIPTION_ENDED}
        assert {doubt.ticker for doubt in doubted} == set(TICKERS)
        await simulated.wait_until(lambda: all_usable(simulated), within_s=1.0)
        assert same_books(simulated)
        data, feed = simulated.view.market_data, simulated.view.feed(FeedName.MARKET_DATA)
        assert (feed.connection, feed.losses, data.subscriptions_ended) == (1, 0, 1)
        assert simulated.count("subscribing anew to 12 order books") == 1
        change_book(simulated)
        await simulated.wait_until(lambda: same_books(simulated), within_s=1.0)
        assert data.gaps == 0
        # The new one is tended as the old one was.
        end_subscription(simulated, code)
        await simulated.wait_until(lambda: data.subscriptions_ended == 2, within_s=1.0)
        await simulated.wait_until(lambda: all_usable(simulated), within_s=5.0)
        assert feed.losses == 0


async def test_fault_p12_all_books_shed_when_their_subscription_ends_cost_no_connection(
    tmp_path, autojump_clock
):
    async with simulated_daemon(tmp_path) as simulated:
        view, bus = simulated.view, simulated.daemon.shared.bus
        at = simulated.daemon.shared.env.wall_ns()
        bus.publish([ev.BooksShed(at=at, tickers=tuple(view.followed), reason="a test")])
        await trio.sleep(2)
        end_subscription(simulated, 25)
        await trio.sleep(3)
        bus.publish([ev.BooksReclaimed(at=at, tickers=tuple(view.followed), reason="a test")])
        await simulated.wait_until(lambda: all_usable(simulated), within_s=5.0)
        assert same_books(simulated)
        assert view.feed(FeedName.MARKET_DATA).losses == 0


async def test_fault_p4_numbers_that_begin_anew_lead_to_a_new_subscription(
    tmp_path, autojump_clock
):
    async with simulated_daemon(tmp_path) as simulated:
        _, subscription = held(simulated)
        sid = subscription.sid
        subscription.seq = 0
        for ticker in TICKERS[:2]:
            change_book(simulated, ticker)
        await simulated.wait_until(lambda: held(simulated)[1].sid != sid, within_s=1.0)
        await simulated.wait_until(lambda: all_usable(simulated), within_s=1.0)
        assert same_books(simulated)
        assert simulated.said("began anew")
        assert simulated.view.feed(FeedName.MARKET_DATA).losses == 0


async def test_lesson_28_a_line_that_breaks_all_the_time_costs_no_more_than_the_budget(
    tmp_path, autojump_clock
):
    async with simulated_daemon(
        tmp_path, market_data__audit_interval_s=0, exchange__events_per_s=20
    ) as simulated:
        data = simulated.view.market_data
        minutes = 5
        for _ in range(minutes * 60):
            skip_a_frame(simulated)
            await trio.sleep(1.0)
        per_minute = SnapshotBudget.per_minute(len(TICKERS))
        assert data.gaps >= 250
        # The bucket was full at the start, and it fills up evenly.
        assert per_minute * minutes * 0.8 < data.snapshots_requested <= per_minute * (minutes + 1)
        assert data.snapshots_delayed > 0
        assert simulated.said(f"{per_minute} a minute are spent")
        assert data.dropped_deltas() > 0
        await simulated.wait_until(lambda: all_usable(simulated), within_s=60.0)
        assert same_books(simulated)


async def test_one_gap_is_one_request_with_one_snapshot_a_book(tmp_path, autojump_clock):
    async with simulated_daemon(tmp_path, market_data__audit_interval_s=0) as simulated:
        data = simulated.view.market_data
        snapshots = data.snapshots_received
        skip_a_frame(simulated)
        change_book(simulated)
        await simulated.wait_until(lambda: data.resyncs == len(TICKERS), within_s=1.0)
        assert data.snapshots_received - snapshots == data.snapshots_requested == len(TICKERS)
        assert simulated.count("asking for 12 snapshots") == 1
        shown = ", ".join(TICKERS[:3])
        assert simulated.said("12 books in doubt: frames before seq ")
        assert simulated.said(f"of subscription 1:2 are missing ({shown} and 9 more)")
        assert simulated.said("12 books good again after 0.0")


async def test_a_market_for_which_nothing_comes_is_asked_about_less_and_less(
    tmp_path, autojump_clock
):
    async with simulated_daemon(tmp_path, market_data__audit_interval_s=0) as simulated:
        data, gone = simulated.view.market_data, TICKERS[0]
        session, _ = held(simulated)
        known = type(session)._market
        session._market = lambda ticker: None if ticker == gone else known(session, ticker)
        skip_a_frame(simulated)
        change_book(simulated, TICKERS[1])
        await simulated.wait_until(lambda: data.usable_books() == len(TICKERS) - 1, within_s=7.0)
        asked = data.snapshots_requested
        await trio.sleep(600.0)
        assert 8 <= data.snapshots_requested - asked <= 16
        assert simulated.view.feed(FeedName.MARKET_DATA).losses == 0
        del session._market
        await simulated.wait_until(lambda: all_usable(simulated), within_s=70.0)


async def test_one_silent_market_does_not_hold_up_the_repair_of_the_others(
    tmp_path, autojump_clock
):
    async with simulated_daemon(tmp_path, market_data__audit_interval_s=0) as simulated:
        data, gone = simulated.view.market_data, TICKERS[0]
        session, _ = held(simulated)
        known = type(session)._market
        session._market = lambda ticker: None if ticker == gone else known(session, ticker)
        for _ in range(5):
            skip_a_frame(simulated)
            change_book(simulated, TICKERS[1])
            await simulated.wait_until(lambda: data.usable_books() == 0, within_s=0.1)
            await simulated.wait_until(
                lambda: data.usable_books() == len(TICKERS) - 1, within_s=4 * STRAGGLERS_S
            )
            await trio.sleep(0.1)
        assert data.resyncs == 5 * (len(TICKERS) - 1)


async def test_a_book_whose_changes_cannot_be_read_is_never_good_and_wrong(
    tmp_path, autojump_clock
):
    async with simulated_daemon(tmp_path, market_data__audit_interval_s=0) as simulated:
        _, subscription = held(simulated)
        send = subscription.send
        # The exchange has begun to write its sides in capitals.
        subscription.send = lambda raw: send(raw.replace(b'"side":"', b'"side":"X'))
        wrong = 0
        for second in range(120):
            if second % 4 == 0:
                change_book(simulated, TICKERS[(second // 4) % 2])
            await trio.sleep(1)
            wrong += not known_books_are_same(simulated)
        assert wrong == 0
        data, now = simulated.view.market_data, simulated.daemon.shared.env.wall_ns()
        assert data.qualities.totals.faults[BookFault.UNREADABLE] > 10
        assert (data.gaps, simulated.view.feed(FeedName.MARKET_DATA).losses) == (0, 0)
        quality = simulated.view.quality(TICKERS[0], now)
        assert not quality.grade.is_at_least(BookGrade.C)
        assert "frames could not be read" in " ".join(quality.causes)


async def test_a_market_that_is_crossed_for_good_does_not_spend_what_the_others_need(
    tmp_path, autojump_clock
):
    async with simulated_daemon(tmp_path, market_data__audit_interval_s=0) as simulated:
        data, venue, crossed = simulated.view.market_data, simulated.exchange.venue, TICKERS[0]
        true_book = type(venue).book
        top = ((Price(5_000), Count(100)),)
        venue.book = lambda ticker: (top, top) if ticker == crossed else true_book(venue, ticker)
        skip_a_frame(simulated)
        change_book(simulated, TICKERS[1])
        await trio.sleep(600.0)
        assert simulated.view.book(crossed).fault is BookFault.CROSSED
        assert data.usable_books() == len(TICKERS) - 1
        assert data.snapshots_requested <= len(TICKERS) + 16
        assert data.snapshots_delayed == 0
        skip_a_frame(simulated)
        change_book(simulated, TICKERS[1])
        await simulated.wait_until(lambda: data.usable_books() == len(TICKERS) - 1, within_s=1.0)
        del venue.book
        await simulated.wait_until(lambda: all_usable(simulated), within_s=70.0)
        assert simulated.said("1 book good again after ")


async def test_a_market_that_gets_a_whole_request_refused_does_not_hold_the_others_up(
    tmp_path, autojump_clock
):
    async with simulated_daemon(tmp_path, market_data__audit_interval_s=0) as simulated:
        data, gone = simulated.view.market_data, TICKERS[0]
        _, subscription = held(simulated)
        kept = subscription.tickers.pop(gone)
        skip_a_frame(simulated)
        change_book(simulated, TICKERS[1])
        await simulated.wait_until(lambda: data.usable_books() == len(TICKERS) - 1, within_s=5.0)
        assert simulated.said("no snapshots: ")
        asked = data.snapshots_requested
        await trio.sleep(600.0)
        assert data.snapshots_requested - asked <= 16
        subscription.tickers[gone] = kept
        await simulated.wait_until(lambda: all_usable(simulated), within_s=70.0)
        assert simulated.view.feed(FeedName.MARKET_DATA).losses == 0


@pytest.mark.parametrize("body", [{"market_ticker": TICKERS[0], "levels": 3}, {"levels": 3}])
async def test_a_type_that_nobody_knows_costs_no_book_for_good(tmp_path, autojump_clock, body):
    async with simulated_daemon(tmp_path, market_data__audit_interval_s=0) as simulated:
        await trio.sleep(3)
        _, subscription = held(simulated)
        data, usable, looks = simulated.view.market_data, 0, 0
        for _ in range(60):
            subscription.seq += 1
            frame = {"type": "orderbook_stats", "sid": subscription.sid, "seq": subscription.seq}
            subscription.send(json.dumps(frame | {"msg": body}).encode())
            for _ in range(20):
                await trio.sleep(0.05)
                looks, usable = looks + 1, usable + simulated.view.book(TICKERS[5]).usable
        if "market_ticker" in body:
            assert usable == looks, "it told of another market"
        assert usable > 0.8 * looks
        assert data.snapshots_requested <= 6 * len(TICKERS)
        assert data.drift.counts == {"unknown_type orderbook_stats": 60}
        change_book(simulated)
        await simulated.wait_until(lambda: same_books(simulated), within_s=1.0)
        assert (data.gaps, all_usable(simulated)) == (0, True)


async def test_a_market_that_fell_off_the_subscription_is_put_on_again(tmp_path, autojump_clock):
    async with simulated_daemon(tmp_path, market_data__audit_interval_s=20) as simulated:
        gone, others = TICKERS[0], TICKERS[1:]
        take_off(simulated, gone)
        change_book(simulated, gone)
        # The audit finds that it is wrong, and what cannot be asked for is put on anew.
        await simulated.wait_until(lambda: not simulated.view.book(gone).usable, within_s=60.0)
        await simulated.wait_until(lambda: all_usable(simulated), within_s=20.0)
        assert same_books(simulated)
        assert simulated.count("putting 1 market on the subscription anew") == 1
        # From now on it is told of like the others, which nothing happened to.
        change_book(simulated, gone)
        await simulated.wait_until(lambda: same_books(simulated), within_s=1.0)
        assert all(simulated.view.book(ticker).snapshots == 1 for ticker in others[:-1])
        data, feed = simulated.view.market_data, simulated.view.feed(FeedName.MARKET_DATA)
        assert (data.gaps, feed.losses) == (0, 0)


async def test_a_market_that_fell_off_does_not_spoil_the_repair_of_another(
    tmp_path, autojump_clock
):
    async with simulated_daemon(tmp_path, market_data__audit_interval_s=0) as simulated:
        await trio.sleep(5)
        take_off(simulated, TICKERS[0])
        change_book(simulated, TICKERS[1])
        await trio.sleep(0.1)
        simulated.view.book(TICKERS[2]).invalidate(BookFault.GAP, "a test")
        await simulated.wait_until(
            lambda: simulated.view.book(TICKERS[2]).usable, within_s=RELOOK_S + 1.0
        )
        assert not simulated.said("no snapshots: ")


async def test_a_subscription_that_the_exchange_has_forgotten_puts_all_its_books_in_doubt(
    tmp_path, autojump_clock
):
    async with simulated_daemon(tmp_path, market_data__audit_interval_s=0) as simulated:
        session, subscription = held(simulated)
        session._audience.leave(subscription)
        del session._by_sid[subscription.sid], session._by_channel[BOOKS]
        with simulated.daemon.shared.bus.subscribe(ev.BookInvalidated, name="test") as doubts:
            # Nobody tells of this doubt; it is found because books in doubt are looked for.
            simulated.view.book(TICKERS[0]).invalidate(BookFault.GAP, "a test")
            with trio.fail_after(RELOOK_S + 1.0):
                doubted = await doubts.receive()
        assert {doubt.ticker for doubt in doubted} == set(TICKERS[1:])
        assert {doubt.fault for doubt in doubted} == {BookFault.SUBSCRIPTION_ENDED}
        await simulated.wait_until(lambda: all_usable(simulated), within_s=3.0)
        assert same_books(simulated)
        assert simulated.view.feed(FeedName.MARKET_DATA).losses == 0


async def test_a_subscription_made_anew_waits_for_the_snapshots_that_are_on_their_way(
    tmp_path, autojump_clock
):
    async with simulated_daemon(tmp_path, market_data__audit_interval_s=0) as simulated:
        data = simulated.view.market_data
        session, _ = held(simulated)
        send = type(session)._send_snapshots
        async with trio.open_nursery() as nursery:

            async def send_late(*args) -> None:
                await trio.sleep(3.0)
                send(session, *args)

            session._send_snapshots = lambda *args: nursery.start_soon(send_late, *args)
            end_subscription(simulated, 25)
            await simulated.wait_until(lambda: data.usable_books() == 0, within_s=0.1)
            await simulated.wait_until(lambda: all_usable(simulated), within_s=4.0)
        await trio.sleep(0.1)
        assert data.snapshots_requested == 0
        assert simulated.said("12 books in doubt: ")
        assert simulated.said("12 books good again after 3.")


async def test_many_markets_are_subscribed_anew_a_command_at_a_time(
    tmp_path, autojump_clock, monkeypatch
):
    monkeypatch.setattr(line_subscription, "MARKETS_PER_COMMAND", 5)
    async with simulated_daemon(tmp_path, market_data__audit_interval_s=0) as simulated:
        end_subscription(simulated, 25)
        await simulated.wait_until(lambda: simulated.view.market_data.subscriptions_ended == 1)
        await simulated.wait_until(lambda: all_usable(simulated), within_s=2.0)
        assert same_books(simulated)
        assert list(held(simulated)[1].tickers) == list(TICKERS)
        assert simulated.view.market_data.snapshots_requested == 0


async def test_the_line_is_looked_at_and_books_are_graded(tmp_path, autojump_clock):
    async with simulated_daemon(tmp_path) as simulated:
        await trio.sleep(3 * LOOK_S)
        view = simulated.view
        assert view.grades()[BookGrade.A] == len(TICKERS)
        skip_a_frame(simulated)
        change_book(simulated)
        await trio.sleep(3 * LOOK_S)
        assert view.grades()[BookGrade.B] == len(TICKERS), "a repair is not forgotten at once"
        quality = view.quality(TICKERS[0], simulated.daemon.shared.env.wall_ns())
        assert quality.causes == ("1 fault in 600 s",)
        assert 0 <= quality.silence_ns < 20 * 10**9
        await trio.sleep(601.0)
        assert view.grades()[BookGrade.A] == len(TICKERS)


async def test_a_gap_denies_a_strategy_new_risk_until_the_book_is_good_again(
    tmp_path, autojump_clock
):
    async with simulated_daemon(tmp_path, market_data__audit_interval_s=0) as simulated:
        with simulated.daemon.shared.bus.subscribe(ev.BookInvalidated, name="test") as doubts:
            skip_a_frame(simulated)
            change_book(simulated)
            await doubts.receive()
        denied = await simulated.place("bid", "1", "0.0100", strategy=True)
        assert "rule book_grade: book grade F, minimum C: frames before seq" in denied.sentence
        await simulated.wait_until(lambda: all_usable(simulated), within_s=1.0)
        assert (await simulated.place("bid", "1", "0.0100", strategy=True)).ok
