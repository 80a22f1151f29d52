from tests.services.still_daemon import still_daemon
from traderd.model import events as ev
from traderd.model.notices import NoticeClass, Urgency
from traderd.model.orders import Side
from traderd.services.daily_summary import daily_summary


async def test_the_summary_has_the_day_and_where_the_account_stands(autojump_clock, tmp_path):
    async with still_daemon(tmp_path) as daemon:
        daemon.climb()
        daemon.list_market()
        daemon.sync("1000.00")
        daemon.snapshot(bids={"0.46": "10"}, asks={"0.48": "10"})
        daemon.publish(ev.ProfitMarked(at=daemon.now()))
        daemon.fill(daemon.place(Side.BID, "20", "0.47"), "10", "0.47", "0.10")
        daemon.publish(ev.ProfitMarked(at=daemon.now()))
        notice = daily_summary(daemon.view, daemon.now())
        assert (notice.kind, notice.urgency) == (NoticeClass.MONEY, Urgency.NORMAL)
        # Ten bought at 47, worth 46 now, and 10 cents of fees.
        assert notice.text.startswith("P&L of 2026-11-18 -$0.20; ")
        for part in (
            "fees $0.10",
            "balance $1000.00",
            "open positions 1",
            "fills 1",
            "halts: none",
        ):
            assert part in notice.text


async def test_before_the_first_mark_the_profit_is_not_made_up(autojump_clock, tmp_path):
    async with still_daemon(tmp_path) as daemon:
        text = daily_summary(daemon.view, daemon.now()).text
        assert text.startswith("P&L of the day not known")
        assert "balance not read yet" in text
