"""What the journal of a silent daemon tells a kill: orders that may still arrive are waited for, and told."""

import trio

from tests.cli.test_kill_run import Account, run
from tests.services.test_kill import resting
from tests.simulation.harness import fresh, order_terms, simulated_daemon, simulated_exchange
from traderd.cli import exit_codes
from traderd.cli.kill_journal import ARRIVES_S, JournalDoubts
from traderd.paper.faults.faults import ORDERS
from traderd.runtime.simulation import SimEnv
from traderd.store.journal import JOURNAL_FILE


async def die_with_an_order_on_its_way(state, at) -> str:
    async with simulated_daemon(state, at=at) as simulated:
        at.exchange.faults.lose_next_request("POST", ORDERS)
        lost = await simulated.place("bid", "2", "0.0100")
        await simulated.daemon.shared.journal.wait_durable(simulated.daemon.shared.journal.position)
        simulated.kill()
        await simulated.ended.wait()
    return lost.key


async def test_an_order_that_arrives_after_the_kill_began_is_cancelled_before_it_is_verified(
    tmp_path, autojump_clock
):
    async with simulated_exchange(tmp_path) as at:
        key = await die_with_an_order_on_its_way(fresh(tmp_path / "state"), at)

        async def arrive() -> None:
            # After two empty readings 0.4 s apart: the exchange alone would have told that nothing rests.
            await trio.sleep(3.0)
            exchange = at.exchange
            account = Account(at).account_id
            terms = order_terms("bid", "2", "0.0100")
            exchange.venue.create_order(account, terms, key, exchange.now())
            exchange.settle()

        async with trio.open_nursery() as nursery:
            nursery.start_soon(arrive)
            report, told = await run(at, tmp_path)
        assert report.exit_code == exit_codes.OK
        assert (report.sweep.found, resting(Account(at))) == (1, [])
        assert report.seconds > 3.0
        assert f"the journal does not tell what became of 1 order ({key})" in told
        assert any(f"order {key} of the journal is at the exchange: " in line for line in told)
        assert report.document()["journal"]["orders_found"] == [key]


async def test_an_order_that_never_arrived_is_waited_for_no_longer_than_it_can_arrive(
    tmp_path, autojump_clock
):
    async with simulated_exchange(tmp_path) as at:
        key = await die_with_an_order_on_its_way(fresh(tmp_path / "state"), at)
        began = trio.current_time()
        report, _ = await run(at, tmp_path)
        assert report.exit_code == exit_codes.OK
        assert trio.current_time() - began < ARRIVES_S + 2.0
        assert f"1 order of the journal ({key}) has no answer there" in report.sentence
        # Long after it nobody waits, and it is named all the same.
        await trio.sleep(60.0)
        report, _ = await run(at, tmp_path)
        assert report.seconds < 1.0
        assert key in report.sentence


async def test_without_a_journal_a_kill_goes_on_and_says_what_it_cannot_know(
    tmp_path, autojump_clock
):
    async with simulated_exchange(tmp_path) as at:
        report, told = await run(at, tmp_path)
        assert report.exit_code == exit_codes.OK
        assert report.seconds < 1.0
        assert any("what was on its way to the exchange is not known" in line for line in told)
        assert "cannot be read" in report.document()["journal"]["problem"]


async def test_a_disk_that_hangs_holds_nothing_up(tmp_path, autojump_clock):
    class Hanging(SimEnv):
        async def run_blocking(self, function, *args):
            await trio.sleep_forever()

    async with simulated_exchange(tmp_path) as at:
        doubts = JournalDoubts(Hanging(seed=2, network=at.network), lambda _: None)
        assert doubts.words() == "the journal is being read"
        began = trio.current_time()
        await doubts.look(tmp_path / JOURNAL_FILE, None)
        assert trio.current_time() - began == 1.0
        assert doubts.words() == ""
        assert "was not read within 1 s" in doubts.problem
