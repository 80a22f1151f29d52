"""Finding who listens: the index agrees with the subscriptions, whatever happened to them."""

from hypothesis import given, settings
from hypothesis import strategies as st

from traderd.kalshi.wire.commands import CHANNELS
from traderd.paper.feed.audience import Audience
from traderd.paper.feed.subscription import FILTERED, PRIVATE, Subscription

TICKERS = ("A", "B", "C")


def subscription(channel: str, account: str = "ann", **more) -> Subscription:
    return Subscription(sid=1, channel=channel, account_id=account, send=lambda raw: None, **more)


def test_one_market_finds_its_own_listeners_and_those_of_everything():
    audience = Audience()
    of_a = subscription("trade", tickers={"A": None})
    of_b = subscription("trade", tickers={"B": None})
    of_all = subscription("trade")
    for each in (of_a, of_b, of_all):
        audience.join(each)
    assert audience.of_market("trade", "A") == (of_a, of_all)
    assert audience.of_market("trade", "C") == (of_all,)
    assert audience.of_market("ticker", "A") == ()
    audience.leave(of_all)
    audience.leave(of_a)
    assert audience.of_market("trade", "A") == ()
    assert audience.of_market("trade", "B") == (of_b,)


def test_accounts_do_not_hear_each_other():
    audience = Audience()
    ann, bob = subscription("fill", "ann"), subscription("fill", "bob", tickers={"A": None})
    audience.join(ann)
    audience.join(bob)
    assert audience.of_account("fill", "ann", "A") == (ann,)
    assert audience.of_account("fill", "bob", "A") == (bob,)
    assert audience.of_account("fill", "bob", "B") == ()
    assert audience.of_account("fill", "bob") == (bob,)
    assert audience.of_account("user_orders", "ann", "A") == ()


def test_whoever_named_a_market_twice_is_found_once():
    audience = Audience()
    twice = subscription("ticker", tickers={"A": None}, market_ids={"id-a": None})
    by_id = subscription("ticker", tickers={}, market_ids={"id-a": None})
    audience.join(twice)
    audience.join(by_id)
    assert audience.of_market("ticker", "A") == (twice,)
    assert audience.of_market_id("A", "id-a") == (by_id,)
    audience.uncover(twice, ["A"], [])
    assert audience.of_market_id("A", "id-a") == (twice, by_id)


def test_only_what_is_new_is_returned():
    audience = Audience()
    held = subscription("trade", tickers={"A": None})
    audience.join(held)
    assert audience.cover(held, ["A", "B"], []) == (["B"], [])
    everything = subscription("trade")
    audience.join(everything)
    assert audience.cover(everything, ["A"], []) == ([], [])
    audience.uncover(everything, ["A"], [])
    assert audience.of_market("trade", "A") == (held, everything)


@settings(deadline=None)
@given(
    st.lists(
        st.tuples(
            st.sampled_from(["join", "leave", "cover", "uncover", "widen"]),
            st.integers(0, 5),
            st.lists(st.sampled_from(TICKERS), max_size=3, unique=True),
        ),
        max_size=30,
    ),
    st.lists(st.sampled_from(CHANNELS), min_size=6, max_size=6),
)
def test_the_index_agrees_with_what_each_subscription_covers(steps, channels):
    audience = Audience()
    held: dict[int, Subscription] = {}
    for step, number, tickers in steps:
        one = held.get(number)
        if step == "join" and one is None:
            channel = channels[number]
            narrow = dict.fromkeys(tickers) if tickers and channel in FILTERED else None
            one = held[number] = subscription(channel, f"account {number % 2}", tickers=narrow)
            audience.join(one)
        elif one is None or (step != "leave" and one.channel not in FILTERED):
            continue
        elif step == "leave":
            audience.leave(held.pop(number))
        elif step == "cover":
            audience.cover(one, tickers, [])
        elif step == "uncover":
            audience.uncover(one, tickers, [])
        elif step == "widen":
            audience.widen(one)
    for channel in FILTERED:
        for ticker in TICKERS:
            wanted = [s for s in held.values() if s.channel == channel and s.covers(ticker)]
            if channel in PRIVATE:
                found = [
                    each
                    for account in ("account 0", "account 1")
                    for each in audience.of_account(channel, account, ticker)
                ]
            else:
                found = list(audience.of_market(channel, ticker))
            assert sorted(map(id, found)) == sorted(map(id, wanted))
