"""Reading a journal without its daemon: which orders have no answer in it, and nothing is written."""

import pytest

from tests.simulation.harness import fresh, simulated_daemon, simulated_exchange
from traderd.errors import StoreError
from traderd.paper.faults.faults import ORDERS
from traderd.store.doubtful_orders import read_doubtful_orders
from traderd.store.journal import JOURNAL_FILE


async def test_orders_without_an_answer_are_named_and_the_answered_ones_are_not(
    tmp_path, autojump_clock
):
    async with simulated_exchange(tmp_path) as at:
        state = fresh(tmp_path / "state")
        async with simulated_daemon(state, at=at) as simulated:
            assert (await simulated.place("bid", "1", "0.0100")).ok
            assert (await simulated.place("bid", "1000", "0.0100")).key is None
            at.exchange.faults.lose_next_request("POST", ORDERS)
            lost = await simulated.place("bid", "2", "0.0100")
            await simulated.daemon.shared.journal.wait_durable(
                simulated.daemon.shared.journal.position
            )
            # Also while the daemon has it open.
            (doubtful,) = read_doubtful_orders(state / JOURNAL_FILE)
            assert doubtful.client_order_id == lost.key
            assert doubtful.intended_at == simulated.view.order(lost.key).created_at
            before = simulated.daemon.shared.journal.position
            order = simulated.view.order(lost.key)
            await simulated.wait_until(lambda: not order.status.is_live, within_s=90.0)
            assert simulated.daemon.shared.journal.position > before
        assert read_doubtful_orders(state / JOURNAL_FILE) == ()


@pytest.mark.parametrize("content", [None, b"", b"rubbish" * 1000])
def test_a_journal_that_cannot_be_read_is_a_sentence_and_is_left_as_it_was(tmp_path, content):
    path = tmp_path / JOURNAL_FILE
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(StoreError, match="cannot be read"):
        read_doubtful_orders(path)
    assert path.exists() == (content is not None)
    assert content is None or path.read_bytes() == content
