"""A strategy's commands: cancels before the orders that need their room, each order the strategy's own."""

import trio

from tests.services.strategy_files import outcomes, probe, write_first_probe, write_probe
from tests.simulation.harness import TICKERS, simulated_daemon
from traderd.model.strategy_events import TickOutcome

FIRST = TICKERS[0]
ORDERS = "/portfolio/events/orders"


async def test_a_tick_is_counted_when_its_answers_are_there_and_busy_ticks_meanwhile(
    tmp_path, autojump_clock
):
    write_probe(
        tmp_path,
        """
        def decide(self, observation):
            if observation.ticker != "FIRST" or observation.orders:
                return ()
            return [self.bid(observation)]
        """,
    )
    async with simulated_daemon(tmp_path, ready=False) as simulated:
        await simulated.wait_until(lambda: "paper_exchange" in simulated.daemon.shared.extras)
        simulated.exchange.faults.delay_replies(4.5)
        await simulated.wait_until(lambda: simulated.view.live_orders())
        await trio.sleep(3.5)
        assert (TickOutcome.ORDER, "") not in outcomes(simulated)
        assert 2 <= outcomes(simulated)[TickOutcome.BUSY, ""] <= 4
        simulated.exchange.faults.clear()
        await trio.sleep(3.0)
        assert outcomes(simulated)[TickOutcome.ORDER, ""] == 1


async def test_an_answer_that_is_lost_ends_the_tick_as_unknown_and_the_next_as_fenced(
    tmp_path, autojump_clock
):
    write_first_probe(
        tmp_path,
        """
        n = len(self.seen)
        self.seen.append(n)
        return [self.bid(observation, f"0.{1 + n % 9:02}00")]
        """,
    )
    async with simulated_daemon(tmp_path) as simulated:
        await simulated.wait_until(lambda: outcomes(simulated).get((TickOutcome.ORDER, "")))
        # Nobody can look for the order or hear of it, so the doubt stays.
        simulated.hush_feeds()
        simulated.exchange.faults.refuse_requests("/portfolio/orders", 503)
        simulated.exchange.faults.lose_reply_of_next("POST", ORDERS)
        await simulated.wait_until(
            lambda: any(kind is TickOutcome.FENCED for kind, _ in outcomes(simulated)), within_s=30
        )
        counts = outcomes(simulated)
        assert counts[TickOutcome.UNKNOWN, ""] >= 1
        assert counts[TickOutcome.FENCED, "fence"] >= 1


async def test_a_denied_order_beside_a_good_cancel_is_why_there_was_no_trade(
    tmp_path, autojump_clock
):
    write_first_probe(
        tmp_path,
        """
        if not observation.orders:
            return [self.bid(observation)]
        return [cancel(observation.orders[0]), self.bid(observation, "0.0150")]
        """,
    )
    async with simulated_daemon(tmp_path) as simulated:
        await trio.sleep(4.5)
        assert outcomes(simulated)[TickOutcome.DENIED, "grid"] >= 1


async def test_what_was_to_follow_the_cancels_of_a_tick_is_not_sent_once_it_is_quarantined(
    tmp_path, autojump_clock
):
    write_probe(
        tmp_path,
        """
        def decide(self, observation):
            if observation.ticker != "FIRST":
                if self.notes:
                    raise RuntimeError("it broke")
                return ()
            if not observation.orders or not self.moves:
                return () if observation.orders or self.notes else [self.bid(observation)]
            self.notes.append("its cancel is under way")
            return [*(cancel(order) for order in observation.orders), self.bid(observation, "0.0200")]
        moves = False
        """,
    )
    async with simulated_daemon(tmp_path) as simulated:
        await simulated.wait_until(lambda: simulated.view.live_orders())
        # The cancel is under way for so long that the other markets have failed five times meanwhile.
        simulated.exchange.faults.delay_replies(4.0)
        probe(simulated).moves = True
        await simulated.wait_until(lambda: "strategy probe" in simulated.view.conditions.degraded)
        placed = len(simulated.view.recent_orders(10))
        await trio.sleep(20.0)
        simulated.exchange.faults.clear()
        await trio.sleep(5.0)
        assert outcomes(simulated)[TickOutcome.DENIED, "quarantine"] == 1
        assert len(simulated.view.recent_orders(10)) == placed
        assert simulated.view.live_orders() == ()
