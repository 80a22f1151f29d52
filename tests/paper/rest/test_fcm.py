"""Clearing members' paths: known, and refused to everybody here."""

import pytest

from tests.paper.rest.desks import RestBench
from traderd.paper.rest.fcm import PATHS


@pytest.mark.parametrize(
    ("method", "path"), [(method, path) for path, methods in PATHS.items() for method in methods]
)
async def test_nobody_is_a_clearing_member(autojump_clock, method, path):
    status, body = await RestBench().ask(method, path, {} if method in ("POST", "PUT") else None)
    assert (status, body["error"]["code"]) == (403, "forbidden")


async def test_who_asks_comes_first(autojump_clock):
    assert (await RestBench().send("GET", "/fcm/orders", by=None)).status == 401
