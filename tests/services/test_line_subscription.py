"""A subscription that is shared: made with its first markets, made anew, or only ended when it has none."""

import pytest
import trio

from traderd.errors import ExchangeProtocolError, ExchangeRefused
from traderd.model.ids import MarketTicker
from traderd.services import line_subscription
from traderd.services.line_subscription import LineSubscription

A, B, C = (MarketTicker(each) for each in ("KXA", "KXB", "KXC"))


class ScriptedFeed:
    """Keeps what is asked for, and gives the next of its ids."""

    connection = 3

    def __init__(self, *sids: int) -> None:
        self.sids, self.heard = list(sids), []

    async def subscribe(self, channels, tickers=()):
        self.heard.append(("subscribe", *tickers))
        return {channels[0]: self.sids.pop(0)}

    async def add_markets(self, sid, tickers):
        self.heard.append(("add", sid, *tickers))

    async def unsubscribe(self, sids):
        self.heard.append(("unsubscribe", *sids))
        raise ExchangeRefused(status=400, code="feed_error_7", message="unknown", details="")


async def test_it_is_made_anew_a_command_at_a_time(monkeypatch, autojump_clock):
    monkeypatch.setattr(line_subscription, "MARKETS_PER_COMMAND", 2)
    feed = ScriptedFeed(4, 5)
    held = LineSubscription(feed, "trade")
    assert not held.stands
    await held.open((A, B))
    held.tickers[C] = None
    assert (held.name, held.stands) == ("3:4", True)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(held.wait_made, 4)
        await trio.sleep(1)
        await held.make_anew()
    assert feed.heard[1:] == [("unsubscribe", 4), ("subscribe", A, B), ("add", 5, C)]
    assert (held.name, list(held.tickers)) == ("3:5", [A, B, C])


async def test_without_markets_it_is_only_ended_unless_it_is_of_all(autojump_clock):
    for of_all, then in ((False, "3:0"), (True, "3:6")):
        held = LineSubscription(ScriptedFeed(6), "c", of_all_markets=of_all, sid=4)
        await held.make_anew()
        assert (held.name, held.stands) == (then, of_all)


async def test_the_old_id_once_more_is_an_error(autojump_clock):
    held = LineSubscription(ScriptedFeed(4), "c", sid=4, tickers={A: None})
    with pytest.raises(ExchangeProtocolError, match="old id 4"):
        await held.make_anew()
