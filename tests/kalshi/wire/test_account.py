"""The bodies of an account: what is left out when it is not set."""

import msgspec
import pytest
from msgspec import UNSET

from traderd.kalshi.wire import account as wire


def test_no_groups_at_all_is_an_empty_object():
    assert msgspec.json.encode(wire.OrderGroupList(order_groups=UNSET)) == b"{}"


def test_a_key_without_a_lock_has_no_subaccount():
    line = wire.ApiKeyLine(api_key_id="k", name="n", scopes=["read"])
    assert msgspec.json.encode(line) == b'{"api_key_id":"k","name":"n","scopes":["read"]}'
    locked = wire.ApiKeyLine(api_key_id="k", name="n", scopes=[], subaccount=0)
    assert msgspec.json.decode(msgspec.json.encode(locked))["subaccount"] == 0


@pytest.mark.parametrize("kind", [wire.CreateOrderGroupRequest, wire.CreateSubaccountRequest])
def test_bodies_whose_fields_are_all_optional_may_be_empty_or_null_or_strange(kind):
    for body in (b"{}", b'{"exchange_index":null}', b'{"unknown":[1,{}]}'):
        assert msgspec.json.decode(body, type=kind) == kind()
