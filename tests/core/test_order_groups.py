"""Order groups: a stopped strategy stays stopped until a person resets it."""

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
