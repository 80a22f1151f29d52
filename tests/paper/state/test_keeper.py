"""Nothing is called durable before it is on the disk, and a disk that fails ends the exchange."""

import msgspec
import pytest
import trio

from tests.store.conftest import InlineEnv
from traderd.errors import AlreadyRunning, StoreError
from traderd.paper.state.file import open_state
from traderd.paper.state.keeper import open_keeper
from traderd.paper.state.rows import AccountRow


@pytest.fixture
def path(tmp_path):
    return tmp_path / "exchange.sqlite3"


def slow_disk(seconds: float) -> InlineEnv:
    env = InlineEnv()
    env.blocking_s = seconds
    return env


async def test_a_ticket_is_durable_only_after_its_commit(path, autojump_clock):
    told: list[int] = []
    async with open_keeper(env=slow_disk(1.0), path=path) as keeper, trio.open_nursery() as nursery:
        keeper.on_durable = told.append
        nursery.start_soon(keeper.write_for_ever)
        started = trio.current_time()
        assert keeper.is_durable
        keeper.submit([("order", "a", b"a")])
        assert not keeper.is_durable
        await keeper.wait_durable()
        assert trio.current_time() - started == pytest.approx(1.0)
        assert (keeper.is_durable, told) == (True, [1])
        nursery.cancel_scope.cancel()


async def test_what_comes_during_a_commit_shares_the_next_one(path, autojump_clock):
    async with open_keeper(env=slow_disk(1.0), path=path) as keeper, trio.open_nursery() as nursery:
        nursery.start_soon(keeper.write_for_ever)
        for number in range(20):
            keeper.submit([("order", str(number), b"{}")])
            await trio.sleep(0.05)
        await keeper.wait_durable()
        assert keeper.commits == 2
        nursery.cancel_scope.cancel()


async def test_what_waits_at_the_end_is_written(path, autojump_clock):
    async with open_keeper(env=InlineEnv(), path=path) as keeper:
        keeper.submit([("order", "last", b"{}")])
    file = open_state(path)
    assert list(file.read("order")) == [b"{}"]
    file.close()


async def test_a_disk_that_fails_ends_the_writer_and_everybody_who_waits(path, autojump_clock):
    async with open_keeper(env=slow_disk(1.0), path=path) as keeper:
        waited: list[str] = []

        async def wait() -> None:
            with pytest.raises(StoreError) as caught:
                await keeper.wait_durable()
            waited.append(str(caught.value))

        with pytest.RaisesGroup(StoreError):
            async with trio.open_nursery() as nursery:
                nursery.start_soon(keeper.write_for_ever)
                keeper.submit([("order", None, b"{}")])
                nursery.start_soon(wait)
        with pytest.raises(StoreError, match="could not be written"):
            keeper.submit([("order", "b", b"{}")])
    assert "could not be written" in (keeper.failed or "")


async def test_a_past_is_read_off_the_loop_kind_by_kind(path, autojump_clock):
    async with open_keeper(env=InlineEnv(), path=path) as keeper:
        assert await keeper.read() is None
        for name in ("bob", "ann"):
            row = AccountRow(account_id=name, name=name.upper())
            keeper.submit([("account", name, msgspec.json.encode(row))])
    async with open_keeper(env=slow_disk(1.0), path=path) as keeper:
        began = trio.current_time()
        past = await keeper.read()
        assert trio.current_time() - began == pytest.approx(1.0)
        assert [row.name for row in past["account"]] == ["BOB", "ANN"]
        assert past["order"] == []


async def test_a_past_that_cannot_be_read_is_an_error(path, autojump_clock):
    async with open_keeper(env=InlineEnv(), path=path) as keeper:
        keeper.submit([("account", "ann", b"{}")])
    async with open_keeper(env=InlineEnv(), path=path) as keeper:
        with pytest.raises(StoreError, match="account of the state file cannot be read"):
            await keeper.read()


async def test_two_exchanges_do_not_share_a_file(path, autojump_clock):
    async with open_keeper(env=InlineEnv(), path=path):
        with pytest.raises(AlreadyRunning, match=r"exchange\.sqlite3\.lock"):
            async with open_keeper(env=InlineEnv(), path=path):
                raise AssertionError("the second one got in")
