"""Which order closes a position, at which price, and why there is none."""

import pytest

from tests.core.builders import (
    OTHER,
    TICKER,
    contracts,
    dollars,
    fees_published,
    price,
    second,
)
from tests.services.still_daemon import MARKET, PERSON, still_daemon
from traderd.core.closing import Close, NotNow, closable, held_markets, plan_close
from traderd.core.conditions import KILL_HALT
from traderd.model import events as ev
from traderd.model.ids import StrategyName
from traderd.model.orders import Attribution, OrderOwner, Side, TimeInForce

BOOK = {"bids": {"0.45": "100", "0.40": "100"}, "asks": {"0.47": "100"}}
STRATEGY = Attribution(owner=OrderOwner.STRATEGY, strategy=StrategyName("maker"))


async def held(daemon, count: str = "5", *, side: Side = Side.BID, attribution=PERSON, at="0.46"):
    """Hold a position with a good book beside it."""
    if daemon.view.market(MARKET) is None:
        daemon.climb()
        daemon.connect(ev.FeedName.MARKET_DATA)
        daemon.list_market()
        daemon.snapshot(**BOOK)
    key = daemon.place(side, count, at, attribution=attribution)
    daemon.fill(key, count, at, "0")


def plan(daemon, **options):
    return plan_close(
        daemon.view, MARKET, options.pop("strategy", None), now=daemon.now(), **options
    )


async def test_a_long_position_is_sold_to_the_bids_and_a_short_one_bought_from_the_asks(tmp_path):
    async with still_daemon(tmp_path) as daemon:
        await held(daemon)
        close = plan(daemon, through=price("0"))
        assert isinstance(close, Close)
        terms = close.terms
        assert (terms.side, terms.price, terms.count) == (Side.ASK, price("0.45"), contracts(5))
        assert terms.reduce_only
        assert terms.time_in_force is TimeInForce.IMMEDIATE_OR_CANCEL
        await held(daemon, "9", side=Side.ASK)
        close = plan(daemon, through=price("0.01"))
        assert (close.terms.side, close.terms.price, close.terms.count) == (
            Side.BID,
            price("0.48"),
            contracts(4),
        )


async def test_the_price_never_passes_the_collar_nor_a_worst_price_nor_the_first_bound(tmp_path):
    async with still_daemon(tmp_path, risk__price_collar_dollars="0.10") as daemon:
        await held(daemon)
        assert plan(daemon).terms.price == price("0.35")
        assert plan(daemon, through=price("0.90")).terms.price == price("0.35")
        assert plan(daemon, at_worst=price("0.43")).terms.price == price("0.43")
        assert plan(daemon, not_beyond=price("0.44")).terms.price == price("0.44")
        # A bound off the grid is rounded towards us.
        assert plan(daemon, at_worst=price("0.4350")).terms.price == price("0.44")


async def test_one_order_is_no_larger_than_the_limit_unless_the_whole_is_asked_for(tmp_path):
    async with still_daemon(tmp_path, risk__max_order_contracts="3") as daemon:
        await held(daemon)
        assert plan(daemon).terms.count == contracts(3)
        assert plan(daemon, whole=True).terms.count == contracts(5)


async def test_what_may_still_fill_on_the_same_side_counts_as_closed(tmp_path):
    async with still_daemon(tmp_path) as daemon:
        await held(daemon)
        key = daemon.place(Side.ASK, "3", "0.60")
        assert plan(daemon).terms.count == contracts(2)
        assert plan(daemon, without={key: None}).terms.count == contracts(5)
        daemon.place(Side.ASK, "2", "0.60")
        assert plan(daemon) == NotNow(f"orders that may still fill close all of {MARKET} already")


async def test_a_strategys_part_is_never_more_than_the_accounts_net(tmp_path):
    async with still_daemon(tmp_path) as daemon:
        await held(daemon, "5", attribution=STRATEGY)
        await held(daemon, "3", side=Side.ASK)
        assert closable(daemon.view, MARKET, None) == contracts(2)
        assert closable(daemon.view, MARKET, STRATEGY.strategy) == contracts(2)
        assert closable(daemon.view, MARKET, StrategyName("other")) == 0
        await held(daemon, "4", side=Side.ASK)
        # The account is short now: selling more for the strategy would only add to that.
        assert closable(daemon.view, MARKET, STRATEGY.strategy) == 0
        assert held_markets(daemon.view, None, None) == (MARKET,)
        assert held_markets(daemon.view, None, STRATEGY.strategy) == ()
        assert held_markets(daemon.view, OTHER, None) == ()


async def test_without_a_good_book_only_a_persons_worst_price_bounds_it(tmp_path):
    async with still_daemon(tmp_path) as daemon:
        await held(daemon)
        late = daemon.now()
        daemon.publish(
            ev.FeedDisconnected(at=late, feed=ev.FeedName.MARKET_DATA, connection=1, reason="gone")
        )
        refused = plan_close(daemon.view, MARKET, None, now=late)
        assert isinstance(refused, NotNow)
        assert "name the worst price that you take, with --at-worst" in refused.sentence
        close = plan_close(daemon.view, MARKET, None, now=late, at_worst=price("0.30"))
        assert (close.terms.price, close.best) == (price("0.30"), None)


@pytest.mark.parametrize(
    ("event", "words"),
    [
        (
            ev.HaltRaised(at=second(1), halt_id=KILL_HALT, author=ev.Author.PERSON, reason="x"),
            "the kill switch stands",
        ),
        (ev.VenuePaused(at=second(1), sentence="thursday"), "the exchange is paused: thursday"),
        (ev.VenuePaused(at=second(1), sentence="odd", ticker=MARKET), f"market {MARKET} is paused"),
    ],
)
async def test_why_nothing_can_be_closed_now_is_told(tmp_path, event, words):
    async with still_daemon(tmp_path) as daemon:
        await held(daemon)
        daemon.publish(event)
        assert words in plan(daemon).sentence


async def test_a_book_without_bids_and_an_unknown_market_say_so(tmp_path):
    async with still_daemon(tmp_path) as daemon:
        await held(daemon)
        daemon.snapshot(bids={}, asks={"0.47": "100"})
        assert plan(daemon).sentence == f"nobody bids in {MARKET}"
        missing = plan_close(daemon.view, TICKER, None, now=daemon.now())
        assert missing.sentence == f"market {TICKER} is not known here"


async def test_the_worst_cost_is_the_slip_and_the_fee(tmp_path):
    async with still_daemon(tmp_path) as daemon:
        await held(daemon)
        close = plan(daemon, through=price("0.05"))
        # Five contracts sold five cents lower, and the fee at fifty cents: 0.07 x 5 x 0.25, rounded up.
        assert close.worst_cost == 250_000 + 90_000
        assert close.describe() == (
            f"sell 5 YES of {MARKET} at $0.4000 or better, at worst $0.34 lost to price and fees"
        )


async def test_what_closes_stops_before_an_order_of_the_account_on_the_other_side(tmp_path):
    async with still_daemon(tmp_path, risk__price_collar_dollars="0.10") as daemon:
        await held(daemon)
        blocker = daemon.place(Side.BID, "1", "0.42")
        close = plan(daemon)
        assert (close.terms.price, close.blocked_by.key) == (price("0.43"), blocker)
        # Not where it would not be reached anyway, nor where it will be gone before.
        for options in ({"through": price("0.01")}, {"without": {blocker: None}}):
            close = plan(daemon, **options)
            assert close.blocked_by is None
            assert close.terms.price in {price("0.44"), price("0.35")}
        nearer = daemon.place(Side.BID, "1", "0.45", attribution=STRATEGY)
        close = plan(daemon)
        assert isinstance(close, NotNow)
        assert close.sentence == (
            f"order {nearer} (bid 1 @ $0.4500, of strategy maker) would trade with what closes {MARKET}; "
            f"`traderd cancel {nearer}`, then flatten again"
        )


async def test_a_purchase_that_closes_stops_before_our_own_offer(tmp_path):
    async with still_daemon(tmp_path, risk__price_collar_dollars="0.10") as daemon:
        await held(daemon, side=Side.ASK)
        blocker = daemon.place(Side.ASK, "1", "0.50")
        close = plan(daemon)
        assert (close.terms.side, close.terms.price) == (Side.BID, price("0.49"))
        assert close.blocked_by.key == blocker


async def test_what_closing_can_cost_counts_with_the_fees_that_the_exchange_publishes(tmp_path):
    async with still_daemon(tmp_path) as daemon:
        await held(daemon)
        usual = plan(daemon, through=price("0"))
        daemon.publish(fees_published(MARKET.partition("-")[0], 2_000))
        dear = plan(daemon, through=price("0"))
        assert isinstance(usual, Close)
        assert isinstance(dear, Close)
        # 0.07 x 5 x 0.45 x 0.55 and its double, each up to the next cent; an ask may execute at 50 cents.
        assert (usual.worst_cost, dear.worst_cost) == (dollars("0.09"), dollars("0.18"))
