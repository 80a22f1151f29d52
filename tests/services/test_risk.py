"""The verbs of risk: a person's word holds at once, and for good."""

import signal

import pytest
import trio

from tests.simulation.harness import TICKERS, fresh, simulated_daemon, simulated_exchange
from traderd.core.conditions import KILL_HALT
from traderd.errors import StoreError
from traderd.model.commands import Answer, ClearHalt, Halt, Kill, Pause, Resume, denied
from traderd.model.events import TradingPaused
from traderd.model.ids import MarketTicker
from traderd.services.risk import PULLED_AGAIN
from traderd.store.journal import Journal
from traderd.store.latch import read_latch, remove_latch


async def test_a_halt_of_one_market_leaves_the_others_open(tmp_path, autojump_clock):
    async with simulated_daemon(tmp_path) as simulated:
        outcome = await simulated.send(Halt(reason="odd prices", ticker=TICKERS[0]))
        assert outcome.ok
        assert f"`traderd clear-halt person:{TICKERS[0]}`" in outcome.sentence
        denied = await simulated.place("bid", "1", "0.0100")
        assert denied.answer is Answer.DENIED
        assert "odd prices" in denied.sentence
        assert (await simulated.place("bid", "1", "0.0100", ticker=TICKERS[1])).ok
        await simulated.wait_until(
            lambda: simulated.said(f"HALT person:{TICKERS[0]} by person: odd prices"), within_s=1.0
        )


async def test_a_halt_is_cleared_by_its_name_and_only_so(tmp_path, autojump_clock):
    async with simulated_daemon(tmp_path) as simulated:
        await simulated.send(Halt(reason="lunch"))
        wrong = await simulated.send(ClearHalt(halt_id="person"))
        assert wrong.answer is Answer.DENIED
        assert wrong.sentence == "no halt 'person'; there are: person:account"
        assert (await simulated.send(ClearHalt(halt_id="person:account"))).ok
        assert simulated.view.conditions.halts == {}
        await simulated.wait_until(lambda: simulated.said("halt person:account cleared by person"))


async def test_orders_that_take_risk_away_pass_a_halt_and_a_pause(tmp_path, autojump_clock):
    async with simulated_daemon(tmp_path) as simulated:
        bid, ask = simulated.touch()
        assert (await simulated.place("bid", "3", ask)).ok
        await simulated.wait_until(lambda: simulated.view.position(TICKERS[0]) is not None)
        await simulated.send(Halt(reason="enough"))
        await simulated.send(Pause(reason="enough"))
        assert (await simulated.place("bid", "1", ask)).answer is Answer.DENIED
        assert (await simulated.place("ask", "4", bid)).answer is Answer.DENIED
        assert (await simulated.place("ask", "3", bid)).ok


async def test_going_on_without_a_pause_is_told(tmp_path, autojump_clock):
    async with simulated_daemon(tmp_path) as simulated:
        outcome = await simulated.send(Resume())
        assert (outcome.answer, outcome.sentence) == (Answer.DENIED, "trading is not paused")


async def test_the_pauses_that_stand_are_named_with_the_command_that_ends_them(
    tmp_path, autojump_clock
):
    async with simulated_daemon(tmp_path) as simulated:
        await simulated.send(Pause(reason="rain", ticker=TICKERS[0]))
        ends = f"what still stops new risk is ended by `traderd resume --market {TICKERS[0]}`"
        assert (await simulated.send(Resume())).sentence == f"trading is not paused; {ends}"
        await simulated.send(Pause(reason="lunch"))
        assert (await simulated.send(Resume())).sentence == f"the pause is over; {ends}"
        assert (await simulated.send(Resume(ticker=TICKERS[0]))).sentence == (
            f"the pause of market {TICKERS[0]} is over"
        )


async def test_a_persons_word_is_on_the_disk_when_it_is_answered(tmp_path, autojump_clock):
    async with simulated_daemon(tmp_path) as simulated:
        journal = simulated.daemon.shared.journal
        before = journal.statistics().rows
        assert (await simulated.send(Pause(reason="lunch"))).ok
        assert journal.statistics().rows == journal.position == before + 1


async def test_a_persons_word_holds_although_the_disk_is_full(tmp_path, autojump_clock):
    async with simulated_daemon(tmp_path) as simulated:
        simulated.env.disk_words = "no space left"
        for _ in range(8):
            outcome = await simulated.send(Halt(reason="stop"))
            assert outcome.ok
        assert "will not survive a restart" in outcome.sentence
        assert simulated.view.conditions.halts["person:account"].reason == "stop"
        # The service stands: a full disk must not take the verbs away.
        assert (await simulated.send(ClearHalt(halt_id="person:account"))).ok


async def test_nothing_is_acknowledged_before_the_disk_has_it(
    tmp_path, autojump_clock, monkeypatch
):
    async with simulated_daemon(tmp_path) as simulated:
        order = []
        wait = Journal.wait_durable

        async def wait_and_note(self, position: int) -> None:
            await wait(self, position)
            order.append("durable")

        monkeypatch.setattr(Journal, "wait_durable", wait_and_note)
        await simulated.send(Pause(reason="lunch"))
        order.append("answered")
        assert order == ["durable", "answered"]
        events = list(_replayed(simulated))
        assert any(isinstance(event, TradingPaused) for event in events)


def _replayed(simulated):
    from traderd.store import codec

    database = simulated.daemon.shared.journal._database
    for position, _, kind, body in database.read(after=0, up_to=database.last_position):
        yield codec.decode(kind, body, position=position)


async def test_a_market_nobody_knows_is_not_halted(tmp_path, autojump_clock):
    async with simulated_daemon(tmp_path) as simulated:
        outcome = await simulated.send(Halt(reason="typo", ticker=MarketTicker("KXNONE")))
        assert outcome.answer is Answer.DENIED
        assert "nothing was halted" in outcome.sentence
        assert dict(simulated.view.conditions.halts) == {}


async def test_the_end_of_a_pause_names_what_still_stops_trading(tmp_path, autojump_clock):
    async with simulated_daemon(tmp_path) as simulated:
        await simulated.send(Halt(reason="test"))
        await simulated.send(Pause(reason="lunch"))
        outcome = await simulated.send(Resume())
        assert outcome.sentence == (
            "the pause is over; what still stops new risk is ended by `traderd clear-halt person:account`"
        )
        again = await simulated.send(Resume())
        assert again.answer is Answer.DENIED
        assert "clear-halt person:account" in again.sentence


async def test_a_halt_holds_at_once_while_the_disk_still_writes_somebodys_pause(
    tmp_path, autojump_clock
):
    """A verb is carried out when it comes; only its acknowledgement waits for the disk."""
    async with simulated_daemon(tmp_path) as simulated:
        real = simulated.env.run_blocking

        async def slow(function, *args):
            if function.__name__ == "append":
                await trio.sleep(20.0)
            return await real(function, *args)

        simulated.env.run_blocking = slow
        answers = []

        async def send(command):
            answers.append((await simulated.send(command)).ok)

        async with trio.open_nursery() as nursery:
            nursery.start_soon(send, Pause(reason="x", ticker=TICKERS[1], by="ann"))
            await trio.sleep(0.1)
            nursery.start_soon(send, Halt(reason="stop everything", by="ann"))
            await trio.sleep(0.1)
            assert "person:account" in simulated.view.conditions.halts
            assert answers == [], "it is acknowledged when it is on the disk"
        assert answers == [True, True]


async def test_verbs_are_carried_out_in_the_order_in_which_they_came(tmp_path, autojump_clock):
    async with simulated_daemon(tmp_path) as simulated:
        for _ in range(20):
            async with trio.open_nursery() as nursery:
                await nursery.start(_begun, simulated, Pause(reason="x"))
                await nursery.start(_begun, simulated, Resume())
            assert simulated.view.conditions.paused is None


async def _begun(simulated, command, *, task_status):
    task_status.started()
    await simulated.send(command)


# --- a kill while its halt is being cleared -------------------------------------------------------


def slow_removal(simulated, *, is_gone: bool) -> None:
    """Let it take 5 s to remove the file; `is_gone`: it goes at the beginning of them."""
    real = simulated.env.run_blocking

    async def slow(function, *args):
        if function is not remove_latch:
            return await real(function, *args)
        if is_gone:
            await real(function, *args)
        await trio.sleep(5.0)
        return None if is_gone else await real(function, *args)

    simulated.env.run_blocking = slow


async def answer_to(simulated, command, answers, unless=None) -> None:
    answers.append(await simulated.daemon.shared.commands.send(command, unless))


@pytest.mark.parametrize("is_gone", [False, True])
@pytest.mark.parametrize("first_only_ours", [False, True])
async def test_a_kill_that_comes_while_one_is_being_cleared_stands_with_its_file(
    tmp_path, autojump_clock, is_gone, first_only_ours
):
    async with simulated_exchange(tmp_path) as at:
        state = fresh(tmp_path / "state")
        async with simulated_daemon(state, at=at) as simulated:
            await simulated.send(Kill(reason="one", by="ann", only_ours=first_only_ours))
            slow_removal(simulated, is_gone=is_gone)
            clears, kills = [], []
            async with trio.open_nursery() as nursery:
                nursery.start_soon(answer_to, simulated, ClearHalt(halt_id=KILL_HALT), clears)
                await trio.sleep(1.0)
                again = Kill(reason="two", by="bob", wait=False, only_ours=not first_only_ours)
                nursery.start_soon(answer_to, simulated, again, kills)
            assert [one.answer for one in clears] == [Answer.DENIED]
            assert clears[0].sentence == PULLED_AGAIN
            assert kills[0].ok
            assert simulated.view.conditions.killed is not None
            assert not (await simulated.place("bid", "1", "0.0100")).ok
            # The sweep that is under way now is the second one's, so that is what the file must ask for.
            found = read_latch(state)
            assert (found.by, found.only_ours) == ("bob", not first_only_ours)
            simulated.env.run_blocking = type(simulated.env).run_blocking.__get__(simulated.env)
            assert (await simulated.send(ClearHalt(halt_id=KILL_HALT))).ok
            assert read_latch(state) is None
            await trio.sleep(5.0)
            assert simulated.view.conditions.killed is None


async def test_a_signal_that_comes_while_a_kill_is_being_cleared_stands_with_its_file(
    tmp_path, autojump_clock
):
    async with simulated_daemon(tmp_path) as simulated:
        await simulated.send(Kill(reason="one", by="ann"))
        slow_removal(simulated, is_gone=True)
        clears = []
        async with trio.open_nursery() as nursery:
            nursery.start_soon(answer_to, simulated, ClearHalt(halt_id=KILL_HALT), clears)
            await trio.sleep(1.0)
            simulated.env.raise_signal(signal.SIGUSR1)
        assert clears[0].sentence == PULLED_AGAIN
        assert simulated.view.conditions.killed is not None
        assert read_latch(tmp_path).by == "ann"


async def test_a_clear_that_is_not_wanted_any_more_puts_the_file_back_as_it_was(
    tmp_path, autojump_clock
):
    async with simulated_daemon(tmp_path) as simulated:
        await simulated.send(Kill(reason="one", by="ann", only_ours=True))
        before = read_latch(tmp_path)
        assert before.verified
        slow_removal(simulated, is_gone=True)
        changed, clears, halted = denied("it changed"), [], simulated.view.conditions.halts

        def unless():
            return changed if "person:account" in halted else None

        async with trio.open_nursery() as nursery:
            nursery.start_soon(answer_to, simulated, ClearHalt(halt_id=KILL_HALT), clears, unless)
            await trio.sleep(1.0)
            assert read_latch(tmp_path) is None
            await simulated.send(Halt(reason="rain"))
        assert clears == [changed]
        assert simulated.view.conditions.killed is not None
        assert read_latch(tmp_path) == before


async def test_a_crash_between_the_file_and_the_clear_leaves_a_daemon_that_starts_killed(
    tmp_path, autojump_clock
):
    async with simulated_exchange(tmp_path) as at:
        state = fresh(tmp_path / "state")
        async with simulated_daemon(state, at=at) as simulated:
            await simulated.send(Kill(reason="one", by="ann"))
            slow_removal(simulated, is_gone=True)
            async with trio.open_nursery() as nursery:
                nursery.start_soon(answer_to, simulated, ClearHalt(halt_id=KILL_HALT), [])
                await trio.sleep(1.0)
                assert read_latch(state) is None
                simulated.kill()
                await simulated.ended.wait()
                nursery.cancel_scope.cancel()
        async with simulated_daemon(state, at=at) as again:
            assert again.view.conditions.killed.by == "ann"
            assert read_latch(state).by == "ann"


async def test_a_file_that_may_still_be_there_leaves_the_halt_and_the_file(
    tmp_path, autojump_clock
):
    async with simulated_daemon(tmp_path) as simulated:
        await simulated.send(Kill(reason="one", by="ann"))
        before, real = read_latch(tmp_path), simulated.env.run_blocking

        async def failing(function, *args):
            result = await real(function, *args)
            if function is remove_latch:
                raise StoreError("the directory cannot be written")
            return result

        simulated.env.run_blocking = failing
        outcome = await simulated.send(ClearHalt(halt_id=KILL_HALT))
        assert outcome.sentence == "halt 'kill' stands: the directory cannot be written"
        assert simulated.view.conditions.killed is not None
        assert read_latch(tmp_path) == before
