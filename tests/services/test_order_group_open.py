"""Opening an order group: a create whose answer was lost is looked for before another is made."""

import trio

from tests.services.test_order_groups import LIMITED, creates_sent, groups_there, place
from tests.simulation.harness import simulated_daemon
from traderd.model.commands import Answer


async def test_a_group_whose_reply_was_lost_is_found_and_not_made_again(tmp_path, autojump_clock):
    """Rows N1 and N2: no write is repeated while nobody knows what became of the first."""
    async with simulated_daemon(tmp_path, **LIMITED) as simulated:
        sent = creates_sent(simulated)
        simulated.exchange.faults.lose_reply_of_next("POST", "/portfolio/order_groups")
        first = await place(simulated, "1", "0.0100")
        assert first.answer is Answer.UNAVAILABLE
        assert (await place(simulated, "2", "0.0100")).ok
        assert len(sent) == len(groups_there(simulated)) == 1


async def test_a_create_that_was_lost_is_made_again_only_after_the_quarantine(
    tmp_path, autojump_clock
):
    async with simulated_daemon(tmp_path, trading__unknown_quarantine_s=20, **LIMITED) as simulated:
        sent = creates_sent(simulated)
        simulated.exchange.faults.lose_next_request("POST", "/portfolio/order_groups")
        for number in range(5):
            outcome = await place(simulated, f"{number + 1}", "0.0100")
            assert outcome.answer is Answer.UNAVAILABLE
            await trio.sleep(1.0)
        assert "whether it was opened is not known yet" in outcome.sentence
        assert len(sent) == 1
        await trio.sleep(20.0)
        assert (await place(simulated, "1", "0.0100")).ok
        assert (len(sent), len(groups_there(simulated))) == (2, 1)
