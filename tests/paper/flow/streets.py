"""Markets with a street, run as an exchange runs them."""

from collections.abc import Iterator
from random import Random

from tests.paper.venues import CLOSE, NOW, TICKER, venue
from tests.paper.venues import market as one_market
from traderd.model.orders import Side
from traderd.model.units import NS_PER_S, Count, Price, Timestamp
from traderd.paper.flow.behaviour import StreetPlan
from traderd.paper.flow.order_flow import OrderFlow
from traderd.paper.venue.messages import Broadcast, LevelChanged
from traderd.paper.venue.venue import Venue

B, A = Side.BID, Side.ASK


def planned(plan: StreetPlan, *, book: bool = True, close: Timestamp = CLOSE, **more: object):
    """Return a venue of one market and what it has to do, with a book of ten levels a side."""
    listed = one_market()
    listed.close_time = close
    v = venue(listed)
    for number in range(1, 11) if book else ():
        v.street.add(TICKER, B, Price(5_000 - 100 * number), Count(10_000), NOW)
        v.street.add(TICKER, A, Price(5_000 + 100 * number), Count(10_000), NOW)
    v.take_outbox()
    return v, OrderFlow(v, Random(3), plans={TICKER: plan}, **more)


def follow(
    v: Venue, flow: OrderFlow, seconds: float, start: Timestamp = NOW
) -> Iterator[tuple[Timestamp, list[Broadcast]]]:
    """Run a flow as an exchange does: what is due in the venue happens on time, between two actions."""
    now, end = start, Timestamp(start + int(seconds * NS_PER_S))
    while True:
        delay, action = flow.next_action(now)
        at = Timestamp(now + int(delay * NS_PER_S))
        due = v.next_due()
        if due is not None and due <= at:
            now = max(now, due)
            v.advance(now)
        elif at > end:
            return
        else:
            now = at
            flow.apply(action, now)
        yield now, v.take_outbox()


def changes_of(run_of: Iterator[tuple[Timestamp, list[Broadcast]]]) -> list[Timestamp]:
    return [now for now, news in run_of for each in news if isinstance(each, LevelChanged)]


def play(v: Venue, flow: OrderFlow, seconds: float, start: Timestamp) -> Timestamp:
    for _ in follow(v, flow, seconds, start):
        pass
    return Timestamp(start + int(seconds * NS_PER_S))
