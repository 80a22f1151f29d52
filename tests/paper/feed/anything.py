"""Strategies of everything that a client may say, sense and nonsense."""

from hypothesis import strategies as st

from tests.paper.feed.clients import OTHER
from tests.paper.venues import TICKER
from traderd.kalshi.wire.commands import CHANNELS

junk = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=8)
    | st.sampled_from([*CHANNELS, TICKER, "all", 1, 2, -1, 0, 2**63, 10**40, "1"]),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=3)
    ),
    max_leaves=8,
)


PARAMETERS = (
    "channels",
    "market_ticker",
    "market_tickers",
    "market_id",
    "market_ids",
    "use_yes_price",
    "skip_ticker_ack",
    "send_initial_snapshot",
    "user_filter",
    "shard_factor",
    "shard_key",
    "index_ids",
    "underlying_tickers",
    "sid",
    "sids",
    "action",
    "new",
)


ACTIONS = ("add_markets", "delete_markets", "get_snapshot", "indexlist", "subscribe_underlyings")


COMMANDS = ("subscribe", "unsubscribe", "update_subscription", "list_subscriptions")


names = st.sampled_from([TICKER, OTHER, "NOPE"])


sids = st.integers(0, 5)


sensible = st.fixed_dictionaries(
    {},
    optional={
        "channels": st.lists(st.sampled_from(CHANNELS), max_size=3),
        "market_tickers": st.lists(names, max_size=3),
        "market_ticker": names,
        "market_id": names,
        "use_yes_price": st.booleans(),
        "send_initial_snapshot": st.booleans(),
        "skip_ticker_ack": st.booleans(),
        "index_ids": st.lists(names, max_size=2),
        "underlying_tickers": st.lists(names, max_size=2),
        "sid": sids,
        "sids": st.lists(sids, max_size=2),
        "action": st.sampled_from(ACTIONS),
    },
)


command = st.fixed_dictionaries(
    {"cmd": st.sampled_from(COMMANDS) | junk},
    optional={
        "id": st.integers(0, 9) | junk,
        "params": sensible | st.dictionaries(st.sampled_from(PARAMETERS), junk) | junk,
    },
)
