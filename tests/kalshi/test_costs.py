"""The list of costs: exact paths, parameters, and words that only look like one."""

import pytest

from traderd.kalshi.costs import COST_DEFAULT, Cost, CostTable, cost_table

API = "/trade-api/v2"
ORDERS = f"{API}/portfolio/events/orders"
UUID = "2597a3f1-0000-4000-8000-00000000000a"


@pytest.mark.parametrize(
    ("method", "path", "tokens"),
    [
        ("POST", ORDERS, 10),
        ("DELETE", f"{ORDERS}/{UUID}", 2),
        ("DELETE", f"{ORDERS}/batched", 2),
        ("DELETE", ORDERS, 2),
        ("POST", f"{ORDERS}/{UUID}/amend", 10),
        ("GET", f"{API}/portfolio/orders/{UUID}", 2),
        ("GET", f"{API}/portfolio/orders", 10),
        ("GET", f"{API}/portfolio/orders/queue_positions", 10),
        ("GET", "/nonsense", 10),
    ],
)
def test_what_was_not_read_costs_what_is_documented(method, path, tokens):
    assert CostTable().tokens(method, path) == tokens


def test_the_exchanges_own_list_replaces_all_that_was_assumed():
    table = cost_table(7, [Cost("DELETE", f"{ORDERS}/:order_id", 3), Cost("POST", ORDERS, 25)])
    assert table.tokens("DELETE", f"{ORDERS}/{UUID}") == 3
    assert table.tokens("POST", ORDERS) == 25
    assert table.tokens("DELETE", ORDERS) == 7


def test_a_word_in_the_place_of_an_id_is_not_taken_for_one():
    table = cost_table(10, [Cost("DELETE", f"{ORDERS}/:order_id", 2)])
    assert table.tokens("DELETE", f"{ORDERS}/batched") == 10


@pytest.mark.parametrize("told", [0, -5, 10**400])
def test_a_default_that_makes_everything_free_or_nothing_possible_is_not_believed(told):
    assert cost_table(told, []).tokens("POST", ORDERS) == COST_DEFAULT


def test_a_cost_that_no_bucket_could_pay_for_is_not_believed():
    table = cost_table(11, [Cost("POST", ORDERS, 10**9), Cost("DELETE", ORDERS, 3)])
    assert (table.tokens("POST", ORDERS), table.tokens("DELETE", ORDERS)) == (11, 3)
