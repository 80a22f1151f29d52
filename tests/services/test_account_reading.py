"""One complete reading, or none: what moves while it is read, and what is gone."""

import pytest
import trio

from tests.simulation.harness import (
    TICKERS,
    order_terms,
    simulated_daemon,
    simulated_exchange,
)
from traderd.errors import ExchangeProtocolError, ExchangeUnavailable
from traderd.kalshi import account_reads
from traderd.kalshi.rows import RowReading
from traderd.model.commands import Answer, Calibrate
from traderd.model.orders import OrderStatus
from traderd.model.units import NS_PER_S, parse_money
from traderd.paper.venue.listings import Result
from traderd.services.account_reading import gather, read_account
from traderd.services.context import Context


def end_market(simulated, ticker: str, result: Result, value=None) -> None:
    """Let a market close, get its result and be final at once."""
    exchange = simulated.exchange
    exchange.venue.life.close(ticker, exchange.now())
    exchange.venue.life.determine(ticker, result, value, exchange.now())
    exchange.venue.life.finalize(ticker, exchange.now())
    exchange.settle()


def context_of(simulated):
    """Return a context like that of the sync service."""
    return Context(name="test", shared=simulated.daemon.shared, log=None)


async def test_a_reading_has_every_part(tmp_path, autojump_clock):
    async with simulated_daemon(tmp_path) as simulated:
        bid, ask = simulated.touch()
        await simulated.place("bid", "3", ask)
        await simulated.place("bid", "2", "0.0100")
        reading = await read_account(context_of(simulated))
        assert [record.count for record in reading.positions] == [300]
        assert [record.status for record in reading.orders] == [OrderStatus.RESTING]
        assert len(reading.fills) == 1
        assert (reading.absent, reading.unreadable, reading.settlements) == ((), (), ())
        venue = simulated.exchange.venue.balance(simulated.account_id)
        assert reading.balance.balance == venue.available
        assert float(bid) < float(ask)


async def test_a_position_that_moved_between_two_pages_is_still_there(
    tmp_path, autojump_clock, monkeypatch
):
    """R14: a list of several pages may lack a row that was on none of them."""
    async with simulated_daemon(tmp_path) as simulated:
        await simulated.place("bid", "3", simulated.touch()[1])
        await trio.sleep(20.0)

        async def nothing(_):
            return RowReading(rows=())

        monkeypatch.setattr(account_reads.AccountReads, "positions", nothing)
        reading = await read_account(context_of(simulated))
        assert [(r.ticker, r.count) for r in reading.positions] == [(TICKERS[0], 300)]
        assert reading.settling == ()
        assert (await simulated.send(Calibrate())).answer is Answer.DONE
        assert dict(simulated.view.conditions.halts) == {}


async def test_an_order_that_moved_between_two_pages_is_asked_for_by_itself(
    tmp_path, autojump_clock, monkeypatch
):
    async with simulated_daemon(tmp_path) as simulated:
        await simulated.place("bid", "2", "0.0100")
        await trio.sleep(1.0)
        rest = simulated.daemon.shared.venue.rest

        async def nothing(**_: object):
            return RowReading(rows=())

        monkeypatch.setattr(rest, "read_orders", nothing)
        reading = await read_account(context_of(simulated))
        assert [record.status for record in reading.orders] == [OrderStatus.RESTING]
        assert reading.absent == ()


@pytest.mark.parametrize(
    ("result", "value"), [(Result.YES, None), (Result.NO, None), (Result.SCALAR, 3_700)]
)
async def test_a_settled_position_becomes_cash_and_the_balance_stays_proved(
    tmp_path, autojump_clock, result, value
):
    async with simulated_daemon(tmp_path) as simulated:
        await simulated.place("bid", "5", simulated.touch()[1])
        await trio.sleep(20.0)
        end_market(simulated, TICKERS[0], result, value)
        await trio.sleep(60.0)
        assert (await simulated.send(Calibrate())).answer is Answer.DONE
        view = simulated.view
        assert dict(view.conditions.halts) == {}
        assert view.position(TICKERS[0]).count == 0
        assert view.position(TICKERS[0]).settled
        assert view.account.proof.sentence == "our entries and the exchange's balance are equal"
        assert view.ledger.cash == simulated.exchange.venue.balance(simulated.account_id).available
        assert simulated.count(f"settled {TICKERS[0]}: {result.value}") == 1


async def test_a_market_that_settled_while_we_were_not_there_is_cash_after_the_start(
    tmp_path, autojump_clock
):
    """D2: the daemon is killed with a position, and its market ends before it is back."""
    async with simulated_exchange(tmp_path) as at:
        async with simulated_daemon(tmp_path, at=at) as simulated:
            await simulated.place("bid", "5", simulated.touch()[1])
            await trio.sleep(20.0)
            simulated.kill()
        end_market(simulated, TICKERS[0], Result.YES)
        await trio.sleep(100.0)
        others = {"market_data__markets": TICKERS[1:]}
        async with simulated_daemon(tmp_path, at=at, **others) as simulated:
            await trio.sleep(40.0)
            assert dict(simulated.view.conditions.halts) == {}
            assert simulated.view.position(TICKERS[0]).count == 0
            account = at.credentials.account_id
            assert simulated.view.ledger.cash == at.exchange.venue.balance(account).available


async def test_a_deposit_and_a_transfer_explain_the_balance(tmp_path, autojump_clock):
    async with simulated_daemon(tmp_path) as simulated:
        exchange = simulated.exchange
        account = exchange.venue.account(simulated.account_id)
        await trio.sleep(5.0)
        exchange.venue.bank.deposit(account, parse_money("12.34"), exchange.now())
        number = exchange.venue.bank.open_subaccount(account, exchange.now())
        exchange.venue.bank.transfer(account, "t1", 0, number, parse_money("2.00"), exchange.now())
        await simulated.send(Calibrate())
        view = simulated.view
        assert view.ledger.cash == parse_money("1010.34")
        assert simulated.said("deposit +$12.34")
        assert simulated.said("transfer -$2.00")
        assert view.account.proof.unexplained == 0


async def test_what_nothing_explains_is_said_and_a_person_can_take_it_over(
    tmp_path, autojump_clock
):
    async with simulated_daemon(tmp_path) as simulated:
        wallet = simulated.exchange.venue.account(simulated.account_id).main
        wallet.cash = parse_money("990.00")
        await trio.sleep(31.0)
        view = simulated.view
        assert view.account.proof.unexplained == -parse_money("10")
        assert simulated.said("-$10.00 of the balance is unexplained; it may be a withdrawal")
        outcome = await simulated.send(Calibrate(accept_balance=True))
        assert "-$10.00 is taken over as carried in" in outcome.sentence
        assert view.account.proof.unexplained == 0
        again = await simulated.send(Calibrate(accept_balance=True))
        assert again.sentence == "nothing of the balance is unexplained"


async def test_a_fill_that_cannot_be_read_halts_its_market_and_no_other(
    tmp_path, autojump_clock, monkeypatch
):
    """R19, N: the account trades on, and the halt ends when the row can be read."""
    async with simulated_daemon(tmp_path) as simulated:
        simulated.hush_feeds()
        first, second = TICKERS[:2]
        await simulated.place("bid", "5", simulated.touch(first)[1], ticker=first)
        real = account_reads.fill_from_wire

        def strange(row, *, at):
            if row.ticker == first:
                raise ExchangeProtocolError(f"fill {row.trade_id}: count is missing")
            return real(row, at=at)

        with monkeypatch.context() as patch:
            patch.setattr(account_reads, "fill_from_wire", strange)
            assert (await simulated.send(Calibrate())).answer is Answer.DONE
            halts = simulated.view.conditions.halts
            assert f"unreadable_row:{first}" in halts
            assert {halt.ticker for halt in halts.values()} == {first}
            denied = await simulated.place("bid", "1", "0.0100", ticker=first)
            assert denied.answer is Answer.DENIED
            placed = await simulated.place("bid", "1", "0.0100", ticker=second)
            assert placed.answer is Answer.DONE
            await trio.sleep(100.0)
        await simulated.send(Calibrate())
        assert dict(simulated.view.conditions.halts) == {}
        assert simulated.view.position(first).count == 500


async def test_orders_and_fills_of_somebody_else_are_booked_and_called_external(
    tmp_path, autojump_clock
):
    async with simulated_daemon(tmp_path) as simulated:
        exchange = simulated.exchange
        exchange.venue.create_order(
            simulated.account_id,
            order_terms("bid", "4", simulated.touch()[1]),
            None,
            exchange.now(),
        )
        exchange.settle()
        await trio.sleep(40.0)
        view = simulated.view
        assert view.position(TICKERS[0]).count == 400
        assert [book.label for book in view.strategies()] == ["external"]
        assert dict(view.conditions.halts) == {}
        assert view.account.proof.unexplained == 0


async def test_an_empty_gather_is_empty_and_an_error_ends_it(autojump_clock):
    assert await gather() == []

    async def fail() -> None:
        raise ExchangeUnavailable("nobody there")

    with pytest.raises(Exception, match="nobody there"):
        await gather(fail)


@pytest.mark.parametrize("lag_s", [20.0, 300.0, 5_000.0])
async def test_a_settlement_is_booked_however_late_it_is_listed(
    tmp_path, autojump_clock, monkeypatch, lag_s
):
    """D2: the list's window has long gone on when the settlement appears in it."""
    listed, single = (
        account_reads.AccountReads.settlements,
        account_reads.AccountReads.settlement_of,
    )

    def is_told(simulated, one) -> bool:
        return one.settled_at <= simulated.exchange.now() - lag_s * NS_PER_S

    async with simulated_daemon(tmp_path) as simulated:
        await simulated.place("bid", "5", simulated.touch()[1])
        await trio.sleep(60.0)

        async def late_list(self, *, since):
            rows = (await listed(self, since=since)).rows
            return RowReading(rows=tuple(o for o in rows if is_told(simulated, o)))

        async def late_single(self, ticker):
            found = await single(self, ticker)
            return found if found is not None and is_told(simulated, found) else None

        monkeypatch.setattr(account_reads.AccountReads, "settlements", late_list)
        monkeypatch.setattr(account_reads.AccountReads, "settlement_of", late_single)
        end_market(simulated, TICKERS[0], Result.YES)
        await trio.sleep(lag_s + 60.0)
        view = simulated.view
        assert TICKERS[0] in view.ledger.settlements
        assert view.position(TICKERS[0]).count == 0
        assert view.ledger.cash == simulated.exchange.venue.balance(simulated.account_id).available
        # After an hour the wait was called a mismatch; what was paid in the end clears it.
        assert dict(view.conditions.halts) == {}
        assert simulated.count(f"settled {TICKERS[0]}: yes") == 1


async def test_a_reading_during_which_the_clock_is_set_moves_no_cursor(
    tmp_path, autojump_clock, monkeypatch
):
    async with simulated_daemon(tmp_path) as simulated:
        await trio.sleep(31.0)
        view, positions = simulated.view, account_reads.AccountReads.positions

        async def meanwhile(self):
            simulated.env.wall_step_ns += 2 * NS_PER_S
            return await positions(self)

        monkeypatch.setattr(account_reads.AccountReads, "positions", meanwhile)
        before = view.account.fills_read_from
        assert not (await read_account(context_of(simulated))).clock_held
        assert (await simulated.send(Calibrate())).answer is Answer.DONE
        assert view.account.fills_read_from == before
        monkeypatch.undo()
        assert (await read_account(context_of(simulated))).clock_held


async def test_a_cursor_that_a_wrong_clock_put_into_the_future_hides_no_fill(
    tmp_path, autojump_clock
):
    """A journal of an earlier version has our time there, from a clock that may have been ahead."""
    async with simulated_daemon(tmp_path) as simulated:
        await trio.sleep(31.0)
        account, bid = simulated.view.account, simulated.touch()[0]
        simulated.hush_feeds()
        await simulated.place("bid", "5", bid)
        simulated.trade_through("ask", bid)
        account.fills_read_from = simulated.exchange.now() + 3_600 * NS_PER_S
        reading = await read_account(context_of(simulated))
        assert [fill.count for fill in reading.fills] == [500]
