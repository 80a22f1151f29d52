"""A market that the exchange refuses takes no other along."""

from itertools import pairwise

import pytest
import structlog
import trio

from traderd.errors import ExchangeRefused
from traderd.model.ids import MarketTicker
from traderd.services.market_offers import (
    AGAIN_CAP_S,
    AGAIN_FIRST_S,
    BATCH,
    NO_ROOM,
    PATIENCE_TRIES,
    REFUSED_MAX,
    TOO_MANY_REQUESTS,
    MarketOffers,
)

NAMES = [MarketTicker(f"M{number:03d}") for number in range(250)]


class Exchange:
    """Takes batches without a bad market, and names it in its refusal or does not."""

    def __init__(self, bad=(), *, names=False, code="feed_error_11"):
        self.bad, self.names, self.code = dict.fromkeys(bad), names, code
        self.taken = []
        self.commands = 0

    async def ask(self, batch):
        self.commands += 1
        wrong = [ticker for ticker in batch if ticker in self.bad]
        if wrong:
            details = wrong[0] if self.names else ""
            raise ExchangeRefused(status=400, code=self.code, message="no", details=details)
        self.taken.append(list(batch))

    @property
    def all(self):
        return [ticker for batch in self.taken for ticker in batch]


def offers():
    return MarketOffers(structlog.get_logger("traderd"))


async def test_markets_go_in_batches_in_their_order():
    exchange = Exchange()
    await offers().put(NAMES, exchange.ask)
    assert [len(batch) for batch in exchange.taken] == [BATCH, BATCH, 50]
    assert exchange.all == NAMES


@pytest.mark.parametrize("names", [False, True])
@pytest.mark.parametrize("bad", [[0], [99], [100], [249], [3, 4, 150], list(range(REFUSED_MAX))])
async def test_all_but_the_refused_are_taken(names, bad):
    exchange, put = Exchange([NAMES[number] for number in bad], names=names), offers()
    await put.put(NAMES, exchange.ask)
    assert exchange.all == [ticker for ticker in NAMES if ticker not in exchange.bad]
    assert list(put.refused) == list(exchange.bad)
    assert exchange.commands <= 3 + 24 * len(bad)
    # They are not offered again at once.
    before = exchange.commands
    await put.put(exchange.bad, exchange.ask)
    assert exchange.commands == before


async def test_too_many_refused_markets_are_no_fault_of_the_markets():
    exchange, put = Exchange(NAMES), offers()
    with pytest.raises(ExchangeRefused):
        await put.put(NAMES, exchange.ask)
    assert len(put.refused) == REFUSED_MAX + 1


async def test_another_refusal_is_raised_at_once():
    exchange = Exchange(NAMES[:1], code="feed_error_7")
    with pytest.raises(ExchangeRefused):
        await offers().put(NAMES, exchange.ask)
    assert exchange.commands == 1


@pytest.mark.parametrize("first", [0, 5])
async def test_a_connection_that_takes_some_is_never_given_up_for_those_it_does_not(first):
    bad = NAMES[first : first + 3 * REFUSED_MAX]
    exchange, put = Exchange(bad, names=True), offers()
    await put.put(NAMES[200:], exchange.ask)
    await put.put(NAMES[:200], exchange.ask)
    assert set(exchange.all) == set(NAMES) - set(bad)
    assert list(put.refused) == bad


async def test_what_finds_no_room_stays_out_and_is_offered_again():
    exchange, put, room = Exchange(), offers(), [BATCH]

    async def ask(batch):
        if len(exchange.all) + len(batch) > room[0]:
            raise ExchangeRefused(status=400, code=NO_ROOM, message="no")
        await exchange.ask(batch)

    await put.put(NAMES, ask)
    assert exchange.all == NAMES[:BATCH]
    room[0] = len(NAMES)
    await put.put(NAMES[BATCH:], ask)
    assert exchange.all == NAMES
    # A connection on which nothing fits is of no use.
    with pytest.raises(ExchangeRefused):
        await offers().put(NAMES, ask)


async def test_commands_that_come_too_fast_wait_and_cost_nothing(autojump_clock):
    exchange, refusals = Exchange(), [3]

    async def ask(batch):
        if refusals[0]:
            refusals[0] -= 1
            raise ExchangeRefused(status=400, code=TOO_MANY_REQUESTS, message="no")
        await exchange.ask(batch)

    await offers().put(NAMES, ask)
    assert exchange.all == NAMES
    assert trio.current_time() == 1 + 2 + 4
    refusals[0] = PATIENCE_TRIES + 1
    with pytest.raises(ExchangeRefused):
        await offers().put(NAMES, ask)


async def test_one_refused_market_alone_is_left_out():
    exchange, put = Exchange(NAMES[:1]), offers()
    await put.put(NAMES[:1], exchange.ask)
    assert (exchange.taken, list(put.refused)) == ([], NAMES[:1])


async def test_a_refused_market_is_offered_again_less_and_less_often_until_it_is_taken(
    autojump_clock,
):
    exchange, put = Exchange(NAMES[:1]), offers()
    await put.put(NAMES[:2], exchange.ask)
    asked_at = []
    while trio.current_time() < 5 * AGAIN_CAP_S:
        await trio.sleep(1)
        if put.is_due:
            asked_at.append(trio.current_time())
            await put.put(NAMES[:1], exchange.ask)
    waits = [later - before for before, later in pairwise([0.0, *asked_at])]
    assert waits[:7] == [AGAIN_FIRST_S * 2**n for n in range(6)] + [AGAIN_CAP_S]
    assert set(waits[6:]) == {AGAIN_CAP_S}
    exchange.bad.clear()
    await trio.sleep(AGAIN_CAP_S)
    await put.put(NAMES[:1], exchange.ask)
    assert (exchange.all, put.refused, put.is_due) == ([NAMES[1], NAMES[0]], {}, False)


async def test_what_was_refused_and_is_not_wanted_any_more_is_forgotten(autojump_clock):
    exchange, put = Exchange(NAMES[:2]), offers()
    await put.put(NAMES[:2], exchange.ask)
    put.forget_but(NAMES[1:])
    assert list(put.refused) == NAMES[1:2]
