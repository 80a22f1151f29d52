"""Order groups: the exchange stops a burst of fills, and a person lets the strategy go on."""

from functools import partial

import pytest
import trio

from tests.simulation import invariants
from tests.simulation.harness import (
    TICKERS,
    fresh,
    order_terms,
    simulated_daemon,
    simulated_exchange,
)
from traderd.model.commands import Answer, Kill, Outcome, PlaceOrder, ResetStrategy
from traderd.model.events import GroupNews, OrderChanged, OrderGroupReported
from traderd.model.ids import StrategyName
from traderd.model.orders import Attribution, OrderOwner, OrderStatus
from traderd.model.units import Count
from traderd.runtime.inbox import Policy
from traderd.services.order_groups import GroupKeeper

MAKER = StrategyName("maker")
LIMITED = {"trading__order_group_contracts_per_15s": "5"}
LIMITED_TO_9 = {"trading__order_group_contracts_per_15s": "9"}


async def place(simulated, count: str, price: str, ticker: str = TICKERS[0]) -> Outcome:
    return await simulated.send(
        PlaceOrder(
            terms=order_terms("bid", count, price, ticker=ticker),
            attribution=Attribution(owner=OrderOwner.STRATEGY, strategy=MAKER),
        )
    )


async def leave_a_group(state, at) -> None:
    """Run a daemon whose strategy has a group and an order in it, and kill it."""
    async with simulated_daemon(state, at=at, **LIMITED) as simulated:
        assert (await place(simulated, "1", "0.0100")).ok
        simulated.kill()
        await simulated.ended.wait()


def groups_there(simulated):
    account = simulated.exchange.venue.account(simulated.account_id)
    return account.groups


async def test_orders_of_a_limited_strategy_share_one_group_and_those_of_people_have_none(
    tmp_path, autojump_clock
):
    async with simulated_daemon(tmp_path, **LIMITED) as simulated:
        async with trio.open_nursery() as nursery:
            for ticker in TICKERS[:3]:
                nursery.start_soon(partial(place, simulated, "1", "0.0100", ticker))
        person = await simulated.place("bid", "1", "0.0100")
        (group_id,) = groups_there(simulated)
        orders = simulated.exchange.venue.orders(simulated.account_id)
        ids = {order.client_order_id: order.group_id for order in orders}
        assert ids.pop(person.key) is None
        assert set(ids.values()) == {group_id}
        assert groups_there(simulated)[group_id].limit == 500


async def test_without_a_limit_no_group_is_made(tmp_path, autojump_clock):
    async with simulated_daemon(tmp_path) as simulated:
        assert (await place(simulated, "1", "0.0100")).ok
        assert groups_there(simulated) == {}


async def test_a_burst_of_fills_stops_the_strategy_until_a_person_resets_it(
    tmp_path, autojump_clock
):
    """Control C7: the exchange is the second lock, and only a person opens it."""
    async with simulated_daemon(tmp_path, **LIMITED) as simulated:
        bid, _ = simulated.touch()
        assert (await place(simulated, "6", bid)).ok
        rests = await place(simulated, "1", "0.0100", TICKERS[1])
        simulated.trade_through("ask", bid)
        stopped = simulated.view.order_groups.stopped
        await simulated.wait_until(lambda: MAKER in stopped, within_s=5.0)
        # The exchange took the others down.
        assert simulated.view.order(rests.key).status is OrderStatus.CANCELED
        assert (
            "strategy maker is stopped: its orders traded more than 5 contracts" in stopped[MAKER]
        )
        denied = await place(simulated, "1", "0.0100")
        assert denied.answer is Answer.DENIED
        assert "denied by rule order_group" in denied.sentence
        assert "traderd reset-strategy maker" in denied.sentence
        # Others are not concerned.
        assert (await simulated.place("bid", "1", "0.0100")).ok
        reset = await simulated.send(ResetStrategy(strategy=MAKER))
        assert (reset.answer, reset.sentence) == (Answer.DONE, "strategy maker goes on")
        assert (await place(simulated, "1", "0.0100")).ok
        await invariants.settle(simulated)
        await invariants.check_everything(simulated)


async def test_a_trigger_that_nobody_saw_is_learned_from_the_refusal(tmp_path, autojump_clock):
    async with simulated_daemon(tmp_path, **LIMITED) as simulated:
        assert (await place(simulated, "1", "0.0100")).ok
        simulated.hush_feeds()
        (group,) = groups_there(simulated).values()
        simulated.exchange.venue.groups.trigger(group, simulated.exchange.now())
        refused = await place(simulated, "1", "0.0100", TICKERS[1])
        assert refused.answer is Answer.REJECTED
        assert MAKER in simulated.view.order_groups.stopped


async def test_a_trigger_without_a_word_of_the_feed_is_found_by_the_next_calibration(
    tmp_path, autojump_clock
):
    async with simulated_daemon(tmp_path, trading__sync_interval_s=5, **LIMITED) as simulated:
        assert (await place(simulated, "1", "0.0100")).ok
        simulated.hush_feeds()
        (group,) = groups_there(simulated).values()
        simulated.exchange.venue.groups.trigger(group, simulated.exchange.now())
        await simulated.wait_until(
            lambda: MAKER in simulated.view.order_groups.stopped, within_s=11.0
        )


async def test_a_group_that_somebody_ended_is_replaced(tmp_path, autojump_clock):
    async with simulated_daemon(tmp_path, **LIMITED) as simulated:
        assert (await place(simulated, "1", "0.0100")).ok
        (group,) = tuple(groups_there(simulated).values())
        simulated.exchange.venue.groups.delete(group, simulated.exchange.now())
        simulated.exchange.settle()
        await trio.sleep(1.0)
        assert (await place(simulated, "1", "0.0100")).ok
        (other,) = groups_there(simulated)
        assert other != group.group_id


async def test_an_order_whose_group_cannot_be_made_is_not_sent(tmp_path, autojump_clock):
    async with simulated_daemon(tmp_path, **LIMITED) as simulated:
        simulated.exchange.faults.refuse_requests("/portfolio/order_groups", 503)
        outcome = await place(simulated, "1", "0.0100")
        assert outcome.answer is Answer.UNAVAILABLE
        assert "the order group of strategy maker could not be opened" in outcome.sentence
        assert simulated.exchange.venue.orders(simulated.account_id) == []


async def test_a_reset_that_the_exchange_did_not_take_leaves_the_strategy_stopped(
    tmp_path, autojump_clock
):
    async with simulated_daemon(tmp_path, **LIMITED) as simulated:
        assert (await place(simulated, "1", "0.0100")).ok
        (group,) = groups_there(simulated).values()
        simulated.exchange.venue.groups.trigger(group, simulated.exchange.now())
        simulated.exchange.settle()
        await simulated.wait_until(lambda: MAKER in simulated.view.order_groups.stopped)
        simulated.exchange.faults.refuse_requests("/portfolio/order_groups", 503)
        outcome = await simulated.send(ResetStrategy(strategy=MAKER))
        assert outcome.answer is Answer.UNAVAILABLE
        assert MAKER in simulated.view.order_groups.stopped
        other = await simulated.send(ResetStrategy(strategy=StrategyName("nobody")))
        assert other.sentence == "strategy 'nobody' is not stopped; stopped are: maker"


async def test_the_group_ends_at_the_stop(tmp_path, autojump_clock):
    async with simulated_exchange(tmp_path) as at:
        async with simulated_daemon(fresh(tmp_path / "state"), at=at, **LIMITED) as simulated:
            assert (await place(simulated, "1", "0.0100")).ok
            simulated.stop()
            await simulated.ended.wait()
        assert at.exchange.venue.account(at.credentials.account_id).groups == {}


async def test_a_stopped_strategy_stays_stopped_over_a_restart_and_its_group_is_adopted(
    tmp_path, autojump_clock
):
    async with simulated_exchange(tmp_path) as at:
        state = fresh(tmp_path / "state")
        async with simulated_daemon(state, at=at, **LIMITED) as first:
            assert (await place(first, "1", "0.0100")).ok
            (group,) = groups_there(first).values()
            first.exchange.venue.groups.trigger(group, first.exchange.now())
            first.exchange.settle()
            await first.wait_until(lambda: MAKER in first.view.order_groups.stopped)
            first.stop()
            await first.ended.wait()
        async with simulated_daemon(state, at=at, **LIMITED) as second:
            assert (await place(second, "1", "0.0100")).answer is Answer.DENIED
            assert (await second.send(ResetStrategy(strategy=MAKER))).ok
            assert (await place(second, "1", "0.0100")).ok
            assert list(groups_there(second)) == [group.group_id]


async def test_another_limit_in_the_settings_changes_the_group_that_is_there(
    tmp_path, autojump_clock
):
    async with simulated_exchange(tmp_path) as at:
        state = fresh(tmp_path / "state")
        await leave_a_group(state, at)
        async with simulated_daemon(state, at=at, **LIMITED_TO_9) as second:
            await second.wait_until(
                lambda: [g.limit for g in groups_there(second).values()] == [900], within_s=5.0
            )
            groups = second.view.order_groups
            await second.wait_until(
                lambda: [g.limit for g in groups.by_id.values()] == [900], within_s=5.0
            )
            assert list(groups.by_id) == list(groups_there(second))


def creates_sent(simulated) -> list[bytes]:
    sent: list[bytes] = []

    def look(data: bytes) -> None:
        if b"order_groups/create" in data[:80]:
            sent.append(data)

    simulated.env.on_send = look
    return sent


async def test_no_group_is_opened_for_an_order_that_is_denied(tmp_path, autojump_clock):
    """While the kill switch stands nothing but cancels leaves."""
    async with simulated_daemon(tmp_path, **LIMITED) as simulated:
        sent = creates_sent(simulated)
        await simulated.send(Kill(reason="now", by="ann"))
        denied = await place(simulated, "1", "0.0100")
        assert denied.answer is Answer.DENIED
        assert sent == []
        assert groups_there(simulated) == {}


async def test_a_slow_exchange_does_not_hold_up_the_news_of_orders(tmp_path, autojump_clock):
    async with simulated_daemon(tmp_path, **LIMITED) as simulated:
        assert (await place(simulated, "1", "0.0100")).ok
        keeper = GroupKeeper(simulated.daemon.supervisor._contexts["orders"])
        began, answer = [], trio.Event()

        async def check(group):
            began.append(group.group_id)
            await answer.wait()

        keeper.check = check
        shared = simulated.daemon.shared
        with shared.bus.subscribe(OrderChanged, name="test", policy=Policy.LOSSLESS) as changes:
            async with trio.open_nursery() as nursery:
                nursery.start_soon(keeper.watch, changes)
                (order,) = simulated.view.live_orders()
                for _ in range(3):
                    shared.bus.publish([
                        OrderChanged(
                            at=order.updated_at,
                            key=order.key,
                            status=OrderStatus.CANCELED,
                            previous=OrderStatus.RESTING,
                        )
                    ])
                    await trio.sleep(0.1)
                assert (len(began), changes.statistics().depth) == (1, 0)
                answer.set()
                await trio.sleep(0.1)
                # What came while it was asked is asked about once more.
                assert len(began) == 2
                nursery.cancel_scope.cancel()


# --- what the exchange tells of a group -----------------------------------------------------------


async def test_a_trigger_is_told_at_once_and_expected_and_nobody_fights_it(
    tmp_path, autojump_clock
):
    async with simulated_daemon(tmp_path, **LIMITED) as simulated:
        placed = [await place(simulated, "1", "0.0100", ticker) for ticker in TICKERS[:3]]
        (group,) = groups_there(simulated).values()
        requests = []
        simulated.env.on_send = requests.append
        simulated.exchange.venue.groups.trigger(group, simulated.exchange.now())
        simulated.exchange.settle()
        await trio.sleep(2.0)
        stopped = simulated.view.order_groups.stopped
        assert list(stopped) == [MAKER]
        statuses = {simulated.view.order(outcome.key).status for outcome in placed}
        assert statuses == {OrderStatus.CANCELED}
        # Said once, with what it means; neither a cancel nor a question follows.
        assert simulated.count("strategy maker is stopped") == 1
        assert not any(b"/orders/" in sent or b"/order_groups/" in sent for sent in requests)
        (known,) = simulated.view.order_groups.by_id.values()
        assert known.triggered_at is not None


async def test_an_order_that_a_trigger_left_at_the_exchange_is_cancelled_from_here(
    tmp_path, autojump_clock
):
    async with simulated_daemon(tmp_path, **LIMITED) as simulated:
        placed = await place(simulated, "1", "0.0100")
        (group,) = simulated.view.order_groups.by_id.values()
        simulated.daemon.shared.bus.publish([
            OrderGroupReported(
                at=simulated.view.order(placed.key).updated_at,
                group_id=group.group_id,
                news=GroupNews.TRIGGERED,
            )
        ])
        await trio.sleep(1.5)
        assert simulated.view.order(placed.key).status is OrderStatus.RESTING
        await simulated.wait_until(
            lambda: simulated.view.order(placed.key).status is OrderStatus.CANCELED, within_s=5.0
        )


async def test_a_reset_at_the_exchange_lets_no_strategy_go_on(tmp_path, autojump_clock):
    async with simulated_daemon(tmp_path, **LIMITED) as simulated:
        assert (await place(simulated, "1", "0.0100")).ok
        venue, now = simulated.exchange.venue, simulated.exchange.now
        (group,) = groups_there(simulated).values()
        for change in (venue.groups.trigger, venue.groups.reset):
            change(group, now())
            simulated.exchange.settle()
            await trio.sleep(1.0)
        assert simulated.count("was reset at the exchange, not from here") == 1
        assert (await place(simulated, "1", "0.0100")).answer is Answer.DENIED
        (known,) = simulated.view.order_groups.by_id.values()
        assert known.triggered_at is None
        # Told in one breath it is the same.
        assert (await simulated.send(ResetStrategy(strategy=MAKER))).ok
        await trio.sleep(1.0)
        news = (GroupNews.TRIGGERED, GroupNews.RESET)
        simulated.daemon.shared.bus.publish([
            OrderGroupReported(
                at=simulated.view.account.read_at, group_id=known.group_id, news=each
            )
            for each in news
        ])
        await trio.sleep(1.0)
        assert list(simulated.view.order_groups.stopped) == [MAKER]
        assert simulated.count("was reset at the exchange, not from here") == 2
        (known,) = simulated.view.order_groups.by_id.values()
        assert known.triggered_at is None
        # A person's own reset is no news.
        assert (await simulated.send(ResetStrategy(strategy=MAKER))).ok
        await trio.sleep(1.0)
        assert simulated.count("was reset at the exchange, not from here") == 2


@pytest.mark.parametrize(
    ("told", "words", "after"),
    [(700, "it is set back", 500), (300, "the tighter one holds until the next start", 300)],
)
async def test_a_limit_that_somebody_else_set_is_told_and_only_a_looser_one_is_set_back(
    tmp_path, autojump_clock, told, words, after
):
    async with simulated_daemon(tmp_path, **LIMITED) as simulated:
        assert (await place(simulated, "1", "0.0100")).ok
        (group,) = groups_there(simulated).values()
        simulated.exchange.venue.groups.set_limit(group, Count(told), simulated.exchange.now())
        simulated.exchange.settle()
        await trio.sleep(1.0)
        assert group.limit == after
        assert simulated.count("at the exchange, not from here") == 1
        assert simulated.said(words)
        (known,) = simulated.view.order_groups.by_id.values()
        assert (known.limit, known.limit_told) == (500, after)


async def test_a_group_of_somebody_else_is_none_of_our_business(tmp_path, autojump_clock):
    async with simulated_daemon(tmp_path, **LIMITED) as simulated:
        venue, now = simulated.exchange.venue, simulated.exchange.now()
        account = venue.account(simulated.account_id)
        foreign = venue.groups.create(account, "theirs", Count(500), now)
        venue.groups.trigger(foreign, now)
        simulated.exchange.settle()
        await trio.sleep(1.0)
        assert simulated.view.order_groups.stopped == {}
        assert simulated.view.order_groups.by_id == {}


async def test_what_the_exchange_tells_of_our_own_change_is_no_news(tmp_path, autojump_clock):
    async with simulated_exchange(tmp_path) as at:
        state = fresh(tmp_path / "state")
        await leave_a_group(state, at)
        # The word of the feed comes before the answer does.
        at.exchange.faults.delay_replies(1.0)
        async with simulated_daemon(state, at=at, **LIMITED_TO_9) as second:
            groups = second.view.order_groups
            await second.wait_until(
                lambda: [g.limit for g in groups.by_id.values()] == [900], within_s=30.0
            )
            assert not second.said("not from here")
