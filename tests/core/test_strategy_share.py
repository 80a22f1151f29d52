import pytest

from tests.core.builders import contracts, dollars, limits
from traderd.core.strategy_share import StrategyShare, share_of
from traderd.model.ids import StrategyName

NAME = StrategyName("maker")


def shared(percent=None, **bounds):
    account = limits(
        max_exposure=dollars("1000"), max_open_orders=10, max_account_position=contracts(400)
    )
    made = share_of(account, NAME, percent, StrategyShare(strategy=NAME, **bounds))
    return (made.max_exposure, made.max_open_orders, made.max_position)


@pytest.mark.parametrize(
    ("percent", "bounds", "expected"),
    [
        (None, {}, (0, 0, 0)),
        (100, {}, (dollars("1000"), 10, contracts(400))),
        (25, {}, (dollars("250"), 2, contracts(100))),
        (1, {}, (dollars("10"), 1, contracts(4))),
        (50, {"max_open_orders": 3}, (dollars("500"), 3, contracts(200))),
        (50, {"max_open_orders": 9}, (dollars("500"), 5, contracts(200))),
        (None, {"max_exposure": dollars("7")}, (dollars("7"), 0, 0)),
    ],
)
def test_a_share_is_the_narrower_of_percentage_and_bound_and_never_nothing(
    percent, bounds, expected
):
    assert shared(percent, **bounds) == expected


def test_a_share_without_bounds_is_none():
    assert not StrategyShare(strategy=NAME).is_bound
    assert StrategyShare(strategy=NAME, max_open_orders=1).is_bound
