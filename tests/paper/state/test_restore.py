"""A venue that is read back is the one that was saved, and goes on as if nothing had happened."""

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.paper.state.saving import (
    OTHER,
    TICKER,
    RowStore,
    picture,
    read_back,
    save,
    tracked_venue,
)
from tests.paper.venues import NOW, ask, bid, terms
from traderd.errors import StoreError
from traderd.model.orders import Side, TimeInForce
from traderd.model.units import Count, Money, Price, Timestamp
from traderd.paper.state.restore import restore
from traderd.paper.venue.listings import Result
from traderd.paper.venue.messages import AmendTerms, VenueRefusal
from traderd.paper.venue.records import TargetAllocation
from traderd.paper.venue.venue import Venue

SECOND = 1_000_000_000
step = st.tuples(
    st.sampled_from([
        *("create", "create", "create", "street", "take", "cancel", "amend", "rename", "group"),
        *("decrease", "deposit", "transfer", "settle", "later", "pause", "cancel_all", "target"),
    ]),
    st.integers(0, 10_000),
)


def act(built: Venue, kind: str, number: int, now: int) -> str:
    """Do one thing that `number` picks and return how it ended."""
    who = ("ann", "bob")[number % 2]
    ticker = (TICKER, OTHER)[number // 2 % 2]
    side = (Side.BID, Side.ASK)[number // 4 % 2]
    price = Price(4_500 + number % 11 * 100)
    mine = [o for o in built.account(who).orders.values() if o.is_resting]
    order = mine[number % len(mine)] if mine else None
    groups = list(built.account(who).groups)
    try:
        match kind:
            case "create":
                asked = terms(
                    side.value,
                    str(1 + number % 40),
                    f"0.{price // 100}",
                    ticker=ticker,
                    time_in_force=list(TimeInForce)[number % 3],
                    **({"expires_at": Timestamp(now + 20 * SECOND)} if number % 3 == 0 else {}),
                )
                group = groups[0] if groups and number % 5 == 0 else None
                built.create_order(who, asked, f"c-{number}", now, group_id=group)
            case "street":
                built.street.add(ticker, side, price, Count(100 + number), now)
            case "take":
                built.street.take(ticker, side, price, Count(100 + number % 900), now)
            case "cancel" if order:
                built.cancel_order(who, order.order_id, now)
            case "decrease" if order:
                built.decrease_order(who, order.order_id, now, reduce_by=Count(50))
            case "amend" | "rename" if order:
                wanted = AmendTerms(
                    ticker=order.ticker,
                    side=order.side,
                    price=price if kind == "amend" else order.price,
                    count=Count(order.initial_count + number % 3 * 100),
                    updated_client_order_id=f"r-{number}" if kind == "rename" else None,
                )
                built.amend_order(who, order.order_id, wanted, now)
            case "group":
                if len(groups) > 1:
                    built.groups.delete(built.groups.find(built.account(who), groups[0]), now)
                else:
                    built.groups.create(built.account(who), f"g-{number}-{now}", Count(500), now)
            case "deposit":
                built.bank.deposit(built.account(who), Money(10_000 * (number + 1)), now)
            case "transfer":
                if len(built.account(who).wallets) == 1:
                    built.bank.open_subaccount(built.account(who), now)
                built.bank.transfer(built.account(who), f"t-{number}", 0, 1, Money(100), now)
            case "target":
                shares = ((0, 100),) if number % 4 < 2 else ()
                built.bank.set_target(built.account(who), TargetAllocation(shares=shares))
            case "settle":
                built.life.determine(OTHER, Result.SCALAR, Price(3_333), now)
            case "pause":
                built.pauses.begin(now) if built.paused is None else built.pauses.end()
            case "cancel_all":
                built.cancel_all(who, None, now)
    except VenueRefusal as exc:
        return exc.code
    return "done"


@given(steps=st.lists(step, max_size=60), cut=st.integers(0, 60))
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_a_venue_read_back_looks_the_same_and_goes_on_the_same(steps, cut):
    first, store = tracked_venue(), RowStore()
    now, ids_used = int(NOW), 10_000
    save(first, store, now)
    for number, (kind, choice) in enumerate(steps[:cut]):
        now += 7 * SECOND
        first.advance(now)
        act(first, kind, choice + number, now)
        save(first, store, now)
    # From here on both give out the same ids.
    first.floor.new_id = (f"n-{n}" for n in range(ids_used)).__next__
    second = read_back(store, 0)
    second.floor.new_id = (f"n-{n}" for n in range(ids_used)).__next__
    assert picture(second) == picture(first)
    for number, (kind, choice) in enumerate(steps[cut:]):
        now += 7 * SECOND
        outcomes, outboxes = [], []
        for built in (first, second):
            built.advance(now)
            outcomes.append(act(built, kind, choice + 1_000 + number, now))
            outboxes.append(msgspec.json.encode(built.take_outbox()))
        assert outcomes[0] == outcomes[1]
        assert outboxes[0] == outboxes[1]
    assert picture(second) == picture(first)


def test_the_queue_is_as_it_was():
    first, store = tracked_venue(), RowStore()
    early = first.create_order("ann", bid("3", "0.45"), "early", NOW)
    late = first.create_order("bob", bid("3", "0.45"), "late", NOW)
    save(first, store, NOW)
    second = read_back(store, 100)
    second.street.take(TICKER, Side.ASK, Price(4_500), Count(400), NOW)
    assert second.order("ann", early.order_id).remaining_count == 0
    assert second.order("bob", late.order_id).remaining_count == 200


def test_a_client_order_id_that_an_amend_took_away_stays_used():
    first, store = tracked_venue(), RowStore()
    order = first.create_order("ann", bid("3", "0.45"), "old", NOW)
    wanted = AmendTerms(
        ticker=TICKER,
        side=Side.BID,
        price=Price(4_500),
        count=Count(300),
        updated_client_order_id="new",
    )
    first.amend_order("ann", order.order_id, wanted, NOW)
    save(first, store, NOW)
    second = read_back(store, 100)
    for used in ("old", "new"):
        with pytest.raises(VenueRefusal, match="order_already_exists"):
            second.create_order("ann", ask("1", "0.60"), used, NOW)


def test_an_account_of_before_there_were_targets_has_none():
    first, store = tracked_venue(), RowStore()
    first.bank.set_target(first.account("ann"), TargetAllocation(shares=((0, 100),)))
    save(first, store, NOW)
    assert read_back(store, 100).account("ann").target.shares == ((0, 100),)
    store.rows["account", "ann"] = b'{"account_id":"ann","name":"ann"}'
    target = read_back(store, 100).account("ann").target
    assert (target.shares, target.reservation) == ((), "sum")


def test_rows_without_a_ledger_are_refused():
    first, store = tracked_venue(), RowStore()
    save(first, store, NOW)
    del store.rows["ledger", ""]
    with pytest.raises(StoreError, match="0 ledger rows"):
        restore(Venue(ids=str), store.things())


def test_an_order_of_nobody_is_refused():
    first, store = tracked_venue(), RowStore()
    first.create_order("ann", bid("3", "0.45"), "mine", NOW)
    save(first, store, NOW)
    del store.rows["account", "ann"]
    with pytest.raises(StoreError, match="contradicts itself"):
        restore(Venue(ids=str), store.things())
