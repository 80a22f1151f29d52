"""Every fill is told once, with what it did."""

from tests.simulation.harness import TICKERS, simulated_daemon
from traderd.model import events as ev
from traderd.model.commands import Calibrate


def fill_lines(simulated) -> list[str]:
    return [line["event"] for line in simulated.lines() if line["event"].startswith("filled ")]


async def test_a_fill_is_told_with_position_and_fee(tmp_path, autojump_clock):
    async with simulated_daemon(tmp_path) as simulated:
        _, ask = simulated.touch()
        await simulated.place("bid", "3", ask)
        await simulated.wait_until(lambda: fill_lines(simulated), within_s=1.0)
        (line,) = fill_lines(simulated)
        assert line.startswith(f"filled bid 3 @ ${ask} of {TICKERS[0]} as taker, fee $0.")
        assert line.endswith("position +3, realized $0.00")


async def test_a_fill_that_is_told_again_is_no_news(tmp_path, autojump_clock):
    async with simulated_daemon(tmp_path) as simulated:
        _, ask = simulated.touch()
        await simulated.place("bid", "3", ask)
        await simulated.send(Calibrate())
        (fill,) = simulated.view.ledger.recent_fills
        for source in ev.Source:
            simulated.daemon.shared.bus.publish([
                ev.OrderFilled(at=fill.executed_at, fill=fill, source=source)
            ])
        (order,) = simulated.view.recent_orders(9)
        assert order.filled == 300
        bid, _ = simulated.touch()
        await simulated.place("ask", "3", bid)
        await simulated.wait_until(lambda: len(fill_lines(simulated)) > 1, within_s=1.0)
        assert len(fill_lines(simulated)) == 2
        assert "position 0, realized -$" in fill_lines(simulated)[-1]
