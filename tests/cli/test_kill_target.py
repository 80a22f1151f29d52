"""A kill goes where the daemon really traded, whatever the configuration says now."""

import pytest

from traderd.cli.kill_target import EMBEDDED_WORDS, find_target, why_not_over
from traderd.config import load_config
from traderd.runtime.simulation import MemoryNetwork, SimEnv
from traderd.store.lock import hold_lock
from traderd.store.traded_exchange import TRADED_FILE, TradedExchange, write_traded_exchange

URL = "http://127.0.0.1:9/trade-api/v2"
REMOTE = TradedExchange(
    environment="sim",
    embedded=False,
    rest_url=URL,
    ws_url="ws://127.0.0.1:9/trade-api/ws/v2",
    key_id="k",
    key_file="/keys/k.pem",
)
EMBEDDED = TradedExchange(environment="sim", embedded=True, rest_url="r", ws_url="w")


async def target_of(directory, traded, **exchange):
    if traded is not None:
        write_traded_exchange(directory, traded)
    flags = {f"exchange.{name}": value for name, value in exchange.items()}
    config = load_config(
        variables={},
        directory=directory,
        flags={"state_dir": str(directory)} | flags,
        check=False,
    )
    return await find_target(config, SimEnv(seed=1, network=MemoryNetwork()))


@pytest.mark.parametrize(
    "given",
    [
        {},
        {"embedded": False},
        {"embedded": False, "rest_url": "http://127.0.0.1:10/trade-api/v2", "key_id": "k"},
        {"embedded": False, "rest_url": URL, "key_id": "another account's"},
    ],
    ids=["embedded", "no address", "another address", "another account"],
)
async def test_what_the_daemon_noted_goes_before_a_configuration_that_differs(tmp_path, given):
    target = await target_of(tmp_path, REMOTE, **given)
    exchange = target.config.exchange
    assert (exchange.embedded, exchange.rest_url) == (False, URL)
    assert (exchange.key_id, exchange.key_file) == ("k", "/keys/k.pem")
    assert (target.exchange, target.config.state_path()) == (URL, tmp_path)
    assert f"the daemon traded on {URL} with key …: " in target.note, (
        "of a key id only the beginning is shown"
    )
    assert "remove it to go by the configuration" in target.note
    assert TRADED_FILE in target.note


async def test_a_configuration_that_is_the_daemons_is_used_as_it_is(tmp_path):
    """Its key may have moved to another file since."""
    target = await target_of(
        tmp_path, REMOTE, embedded=False, rest_url=URL, key_id="k", key_file="/new.pem"
    )
    assert (target.note, target.config.exchange.key_file) == ("", "/new.pem")
    assert not target.also_embedded


async def test_a_remote_exchange_does_not_answer_for_the_one_inside_the_daemon(tmp_path):
    target = await target_of(tmp_path, EMBEDDED, embedded=False, rest_url=URL)
    assert (target.exchange, target.also_embedded) == (URL, True)
    target = await target_of(tmp_path, EMBEDDED)
    assert (target.exchange, target.also_embedded) == (EMBEDDED_WORDS, False)


async def test_an_embedded_exchange_is_over_only_with_a_note_and_with_nobody_at_the_lock(tmp_path):
    target = await target_of(tmp_path, None)
    assert "no daemon has traded from" in why_not_over(target, tmp_path)
    target = await target_of(tmp_path, EMBEDDED)
    assert why_not_over(target, tmp_path) == ""
    with hold_lock(tmp_path / "lock"):
        assert "a daemon holds" in why_not_over(target, tmp_path)
