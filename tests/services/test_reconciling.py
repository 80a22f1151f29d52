"""A person's word about differences that stand: what becomes of it, and who said it."""

import pytest
import trio

from tests.simulation.harness import TICKERS, fresh, simulated_daemon, simulated_exchange
from traderd.kalshi.rest import RestClient
from traderd.kalshi.rows import RowReading
from traderd.model.commands import Answer, Calibrate, DryRun, Reconcile
from traderd.model.units import parse_money
from traderd.services.reconciling import wish_of

FIRST = TICKERS[0]
ITEM = f"position:{FIRST}"


async def lose_a_fill(simulated, monkeypatch) -> None:
    """Hold 5 contracts that no list of fills will ever tell of."""

    async def nothing(*_: object, **__: object) -> RowReading[object]:
        return RowReading(rows=())

    monkeypatch.setattr(RestClient, "read_fills", nothing)
    simulated.hush_feeds()
    await simulated.place("bid", "5", simulated.touch()[1])
    await trio.sleep(75.0)
    assert ITEM in simulated.view.conditions.halts


async def test_an_adopted_position_and_balance_are_ours_and_the_account_is_proved(
    tmp_path, autojump_clock, monkeypatch
):
    async with simulated_daemon(tmp_path) as simulated:
        await lose_a_fill(simulated, monkeypatch)
        position = simulated.daemon.shared.journal.position
        rehearsed = await simulated.send(DryRun(of=Reconcile(adopt=("all",), by="ann")))
        assert rehearsed.answer is Answer.DONE
        assert "adopt position" in " ".join(item.sentence for item in rehearsed.items)
        assert simulated.daemon.shared.journal.position == position
        assert ITEM in simulated.view.conditions.halts
        outcome = await simulated.send(Reconcile(adopt=("all",), by="ann"))
        assert outcome.answer is Answer.DONE
        view = simulated.view
        assert view.position(FIRST).count == 500
        assert view.position(FIRST).carried_in == 500
        assert view.standing() == ()
        assert simulated.said(f"{ITEM} adopted by ann")
        again = await simulated.send(Reconcile(adopt=("all",), by="ann"))
        assert again.answer is Answer.DENIED


async def test_an_ignored_difference_survives_a_restart_and_lets_trading_go_on(
    tmp_path, autojump_clock, monkeypatch
):
    async with simulated_exchange(tmp_path) as at:
        state = fresh(tmp_path / "state")
        async with simulated_daemon(state, at=at) as simulated:
            await lose_a_fill(simulated, monkeypatch)
            assert (await simulated.place("bid", "1", "0.0100")).answer is Answer.DENIED
            outcome = await simulated.send(Reconcile(ignore=(FIRST,), by="ann"))
            assert outcome.sentence == f"{ITEM} is ignored"
            await trio.sleep(100.0)
            assert dict(simulated.view.conditions.halts) == {}
            assert simulated.view.position(FIRST) is None
            simulated.kill()
        async with simulated_daemon(state, at=at) as simulated:
            await trio.sleep(100.0)
            assert ITEM not in simulated.view.conditions.halts
            assert [(one.item, one.is_ignored) for one in simulated.view.standing()][-1:] == [
                (ITEM, True)
            ]
            # A first reading carries in what was there before us, and this is not that.
            assert simulated.view.position(FIRST) is None


async def test_an_item_that_does_not_stand_is_refused_and_nothing_else_is_done(
    tmp_path, autojump_clock
):
    async with simulated_daemon(tmp_path) as simulated:
        wallet = simulated.exchange.venue.account(simulated.account_id).main
        wallet.cash = parse_money("990.00")
        await trio.sleep(31.0)
        outcome = await simulated.send(Reconcile(adopt=("balance", "position:NOBODY")))
        assert outcome.answer is Answer.DENIED
        assert "what stands: balance" in outcome.sentence
        assert simulated.view.account.proof.unexplained == -parse_money("10")
        assert (await simulated.send(Reconcile(adopt=("balance",)))).answer is Answer.DONE
        assert simulated.view.account.proof.unexplained == 0


async def test_nothing_is_decided_about_an_account_that_cannot_be_read(tmp_path, autojump_clock):
    async with simulated_daemon(tmp_path) as simulated:
        wallet = simulated.exchange.venue.account(simulated.account_id).main
        wallet.cash = parse_money("990.00")
        await trio.sleep(31.0)
        simulated.exchange.faults.refuse_requests("/portfolio/balance", 503)
        outcome = await simulated.send(Reconcile(adopt=("balance",)))
        assert outcome.answer is Answer.UNAVAILABLE
        assert simulated.view.account.proof.unexplained == -parse_money("10")


@pytest.mark.parametrize(
    ("command", "wish"),
    [
        (Calibrate(), None),
        (Calibrate(accept_balance=True), Reconcile(adopt=("balance",))),
        (Reconcile(ignore=("x",)), Reconcile(ignore=("x",))),
    ],
)
def test_a_reading_alone_decides_nothing(command, wish):
    assert wish_of(command) == wish
