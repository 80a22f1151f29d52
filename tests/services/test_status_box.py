from tests.services.still_daemon import MARKET, OTHER_MARKET, still_daemon
from traderd.core.balance_proof import Proof
from traderd.model import events as ev
from traderd.model.orders import Side
from traderd.model.units import NS_PER_S, Timestamp
from traderd.services.status_box import LINES_MAX, status_box

GOLDEN = """\
╔═══ TRADERD STATUS · 2026-11-18T11:08:43Z · sim ═══
║ State: ready (2m 03s)   Health: orderbook ✔  api ✘  books 1/12 usable   Halts: none
║ P&L: +$0.30 realized, -$0.10 unrealized at bid, fees $0.19   Balance: $998.77 (read 2m 03s ago, not proved yet)
╠═══ POSITIONS (1)
║   KXDEMO-26DEC31-A   10 YES @ $0.4700   mark $0.4600   -$0.10
╠═══ ORDERS (1)
║   {key}  KXDEMO-26DEC31-A  bid 5 @ $0.4500  resting  2m 03s
╚═══"""
NOT_TRADING = """\
╔═══ TRADERD STATUS · 2026-11-18T11:06:40Z · sim ═══
║ State: ready (0s)   Health: orderbook ✔  books 0/12 usable   Halts: none
╚═══"""


def box_of(daemon, *, trading=True, later_s=0.0):
    now = Timestamp(daemon.now() + round(later_s * NS_PER_S))
    return status_box(daemon.view, environment="sim", trading=trading, now=now)


def with_position(daemon):
    daemon.climb()
    daemon.connect(ev.FeedName.MARKET_DATA)
    daemon.list_market()
    daemon.snapshot(bids={"0.46": "10"}, asks={"0.48": "10"})
    daemon.sync("998.7725")
    daemon.fill(daemon.place(Side.BID, "20", "0.47"), "20", "0.47", "0.10")
    daemon.fill(daemon.place(Side.ASK, "10", "0.50"), "10", "0.50", "0.09")


async def test_the_box_is_the_layout_that_people_know(autojump_clock, tmp_path):
    async with still_daemon(tmp_path) as daemon:
        with_position(daemon)
        resting = daemon.place(Side.BID, "5", "0.45")
        # Half a second more: the box has whole seconds.
        assert box_of(daemon, later_s=123.5) == GOLDEN.format(key=resting)


async def test_with_trading_off_there_is_no_word_of_trading(autojump_clock, tmp_path):
    async with still_daemon(tmp_path, trading__enabled="false") as daemon:
        daemon.climb()
        daemon.connect(ev.FeedName.MARKET_DATA)
        assert box_of(daemon, trading=False) == NOT_TRADING


async def test_a_short_position_is_marked_at_the_ask_and_named_no(autojump_clock, tmp_path):
    async with still_daemon(tmp_path) as daemon:
        daemon.list_market()
        daemon.snapshot(bids={"0.46": "10"}, asks={"0.48": "10"})
        daemon.fill(daemon.place(Side.ASK, "4", "0.46"), "4", "0.46", "0")
        # Sold YES at 0.46 is NO at 0.54; closing it now costs 0.48 YES, which is 0.52 for a NO.
        line = "║   KXDEMO-26DEC31-A   4 NO @ $0.5400   mark $0.5200   -$0.08"
        assert line in box_of(daemon).splitlines()


async def test_a_position_that_nobody_would_take_has_no_mark(autojump_clock, tmp_path):
    async with still_daemon(tmp_path) as daemon:
        daemon.list_market()
        daemon.snapshot(bids={"0.46": "10"}, asks={"0.48": "10"})
        daemon.fill(daemon.place(Side.BID, "4", "0.48"), "4", "0.48", "0")
        daemon.snapshot(bids={}, asks={"0.48": "10"})
        lines = box_of(daemon).splitlines()
        assert "║   KXDEMO-26DEC31-A   4 YES @ $0.4800   mark -   no mark" in lines
        # The sum takes the worst price: everything that was paid is counted as lost.
        assert "-$1.92 unrealized at bid" in lines[2]


async def test_before_the_first_reading_the_balance_is_unknown_and_not_zero(
    autojump_clock, tmp_path
):
    async with still_daemon(tmp_path) as daemon:
        assert "Balance: unknown" in box_of(daemon)


async def test_a_book_that_can_be_read_but_is_poor_shows_its_grade(autojump_clock, tmp_path):
    async with still_daemon(tmp_path) as daemon:
        daemon.snapshot(bids={"0.46": "10"}, asks={"0.48": "10"})
        daemon.snapshot(OTHER_MARKET, bids={"0.46": "10"}, asks={"0.48": "10"})
        at = daemon.now()
        long_ago = Timestamp(at - 60 * NS_PER_S)
        daemon.publish(ev.LineObserved(at=at, connection=1, heard_at=long_ago, clock_offset_ms=0))
        assert "books 2/12 usable, grades F 2   Halts" in box_of(daemon)


async def test_halts_and_pauses_are_named(autojump_clock, tmp_path):
    async with still_daemon(tmp_path) as daemon:
        at = daemon.now()
        daemon.publish(
            ev.HaltRaised(at=at, halt_id="breaker", author=ev.Author.MACHINE, reason="errors"),
            ev.HaltRaised(
                at=at,
                halt_id=f"person:{MARKET}",
                author=ev.Author.PERSON,
                reason="rain",
                ticker=MARKET,
            ),
            ev.TradingPaused(at=at, reason="lunch"),
            ev.VenuePaused(at=at, sentence="trading is paused"),
        )
        state = box_of(daemon).splitlines()[1]
        assert state.endswith(
            "Halts: breaker, person:KXDEMO-26DEC31-A   Paused: lunch   Exchange: trading is paused"
        )


async def test_many_orders_are_counted_beyond_the_first_ten(autojump_clock, tmp_path):
    async with still_daemon(tmp_path) as daemon:
        for _ in range(LINES_MAX + 3):
            daemon.place(Side.BID, "1", "0.10", ticker=OTHER_MARKET)
        lines = box_of(daemon).splitlines()
        assert "╠═══ ORDERS (13)" in lines
        assert sum("resting" in line for line in lines) == LINES_MAX
        assert lines[-2] == "║   ...and 3 more"


async def test_a_clock_that_stepped_back_gives_no_negative_time(autojump_clock, tmp_path):
    async with still_daemon(tmp_path) as daemon:
        daemon.climb()
        assert "State: ready (0s)" in box_of(daemon, later_s=-3600)


async def test_the_columns_of_several_rows_stand_below_each_other(autojump_clock, tmp_path):
    async with still_daemon(tmp_path) as daemon:
        daemon.list_market()
        daemon.place(Side.BID, "5", "0.45")
        daemon.place(Side.BID, "12.5", "0.4")
        rows = [line for line in box_of(daemon).splitlines() if "  bid " in line]
        assert len(rows) == 2
        assert len({row.index("resting") for row in rows}) == 1


async def test_a_balance_that_rows_keep_open_is_told_with_its_age(autojump_clock, tmp_path):
    async with still_daemon(tmp_path) as daemon:
        daemon.sync("998.7725")
        proof = daemon.view.account.proof
        proof.status, proof.proved_at = Proof.INCONCLUSIVE, daemon.now()
        proof.hidden, proof.hidden_since = 1, daemon.now()
        words = "Balance: $998.77 (read 2m 03s ago, inconclusive for 2m 03s, unreadable rows: 1)"
        assert words in box_of(daemon, later_s=123.5)
        proof.status = Proof.PROVED
        assert "(read 2m 03s ago, proved 2m 03s ago)" in box_of(daemon, later_s=123.5)
