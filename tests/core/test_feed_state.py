import attrs

from tests.core.builders import second
from traderd.core.feed_state import FeedState
from traderd.model.events import FeedConnected, FeedDisconnected, FeedName

FEED = FeedName.MARKET_DATA


def up(connection, at, of=2):
    return FeedConnected(at=second(at), feed=FEED, connection=connection, url="ws://x", of=of)


def down(connection, at, reason="gone"):
    return FeedDisconnected(at=second(at), feed=FEED, connection=connection, reason=reason)


def test_a_feed_stands_while_one_of_its_connections_does():
    feed = FeedState()
    assert (feed.connected, feed.reason) == (False, "not connected yet")
    feed.connect(up(1, 0))
    feed.connect(up(2, 5))
    assert (len(feed.standing), feed.wanted, feed.connection) == (2, 2, 2)
    feed.disconnect(down(1, 9))
    assert feed.connected
    assert (feed.connected_at, feed.lost_at, feed.losses) == (second(0), second(9), 1)
    feed.disconnect(down(2, 10, "also gone"))
    assert (feed.connected, feed.reason, feed.losses) == (False, "also gone", 2)
    feed.connect(up(3, 20))
    assert (feed.connected_at, feed.reason) == (second(20), "")


def test_a_connection_that_never_stood_is_no_loss():
    feed = FeedState()
    feed.disconnect(down(1, 1, "refused"))
    assert (feed.losses, feed.reason) == (0, "refused")


def test_a_connection_that_is_not_needed_any_more_is_no_loss_and_not_wanted():
    feed = FeedState()
    feed.connect(up(1, 0))
    feed.connect(up(2, 0))
    feed.disconnect(attrs.evolve(down(2, 5), of=1))
    assert (len(feed.standing), feed.wanted, feed.losses) == (1, 1, 0)
