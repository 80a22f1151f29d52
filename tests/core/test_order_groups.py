"""Order groups: a stopped strategy stays stopped until a person resets it."""

import pytest

from tests.core.builders import contracts, second
from traderd.core.order_groups import OrderGroups
from traderd.model import events as ev
from traderd.model.ids import StrategyName

MAKER = StrategyName("maker")


def opened(group_id: str = "g1", shard: int = 0, limit: int = 5) -> ev.OrderGroupOpened:
    return ev.OrderGroupOpened(
        at=second(1),
        group_id=group_id,
        strategy=MAKER,
        exchange_index=shard,
        limit=contracts(limit),
    )


def triggered(sentence: str = "too much") -> ev.OrderGroupTriggered:
    return ev.OrderGroupTriggered(at=second(2), group_id="g1", strategy=MAKER, sentence=sentence)


def test_a_strategy_has_a_group_on_each_shard():
    groups = OrderGroups()
    assert groups.find(MAKER, 0) is None
    groups.open(opened())
    groups.open(opened("g2", shard=2))
    assert [groups.find(MAKER, shard).group_id for shard in (0, 2)] == ["g1", "g2"]
    assert groups.find(StrategyName("other"), 0) is None
    assert [group.group_id for group in groups.of_strategy(MAKER)] == ["g1", "g2"]


def test_a_group_that_is_told_of_again_has_another_limit():
    groups = OrderGroups()
    groups.open(opened())
    groups.open(opened(limit=9))
    assert [group.limit for group in groups.by_id.values()] == [contracts(9)]


def test_the_end_of_its_group_does_not_let_a_stopped_strategy_go_on():
    groups = OrderGroups()
    groups.open(opened())
    groups.trigger(triggered("first"))
    groups.trigger(triggered("second"))
    groups.end(ev.OrderGroupEnded(at=second(3), group_id="g1"))
    assert (groups.by_id, groups.stopped) == ({}, {MAKER: "first"})
    groups.reset(ev.OrderGroupReset(at=second(4), strategy=MAKER))
    assert groups.stopped == {}


def told(
    news: ev.GroupNews, group_id: str = "g1", limit: int | None = None
) -> ev.OrderGroupReported:
    return ev.OrderGroupReported(
        at=second(3),
        group_id=group_id,
        news=news,
        limit=None if limit is None else contracts(limit),
    )


def test_the_exchange_tells_when_a_group_is_triggered_and_when_it_is_reset():
    groups = OrderGroups()
    groups.open(opened())
    groups.open(opened("g2", shard=2))
    groups.report(told(ev.GroupNews.TRIGGERED))
    assert [groups.find(MAKER, shard).triggered_at for shard in (0, 2)] == [second(3), None]
    # That alone stops no strategy: whoever hears of it says so with a sentence.
    assert groups.stopped == {}
    groups.open(opened(limit=9))
    assert groups.find(MAKER, 0).triggered_at == second(3)
    groups.report(told(ev.GroupNews.RESET))
    assert groups.find(MAKER, 0).triggered_at is None


def test_a_person_who_resets_a_strategy_resets_all_its_groups():
    groups = OrderGroups()
    groups.open(opened())
    groups.trigger(triggered())
    assert groups.find(MAKER, 0).triggered_at == second(2)
    groups.reset(ev.OrderGroupReset(at=second(4), strategy=MAKER))
    assert (groups.stopped, groups.find(MAKER, 0).triggered_at) == ({}, None)


@pytest.mark.parametrize("news", [ev.GroupNews.CREATED, ev.GroupNews.LIMIT_UPDATED])
def test_the_limit_that_the_exchange_tells_stands_beside_ours(news):
    groups = OrderGroups()
    groups.open(opened())
    assert groups.find(MAKER, 0).limit_told is None
    groups.report(told(news, limit=7))
    assert (groups.find(MAKER, 0).limit, groups.find(MAKER, 0).limit_told) == (
        contracts(5),
        contracts(7),
    )
    groups.report(told(news, "somebody's", limit=1))
    assert list(groups.by_id) == ["g1"]
