import pytest
import trio

from traderd.errors import BadInput, StoreError
from traderd.runtime.simulation import SimEnv
from traderd.store.plugin_notes import (
    KEYS_MAX,
    NOTES_FILE,
    VALUE_BYTES_MAX,
    NoteBook,
    NotesFile,
    open_notes,
)


@pytest.fixture
def notes():
    return NoteBook().section("mine")


@pytest.mark.parametrize("value", [None, True, 5, 1.5, "x", [1, [2]], {"a": {"b": [None]}}])
def test_a_json_value_comes_back_as_it_was(notes, value):
    notes.put("key", value)
    assert notes.get("key") == value
    assert notes.keys() == ("key",)


def test_what_is_given_out_is_a_copy(notes):
    value = [1]
    notes.put("key", value)
    value.append(2)
    notes.get("key").append(3)
    assert notes.get("key") == [1]


@pytest.mark.parametrize(
    "value", [float("nan"), float("inf"), (1, 2), {1: 2}, {"a": (1,)}, object(), {1, 2}, b"x"]
)
def test_what_would_not_come_back_the_same_is_refused(notes, value):
    with pytest.raises(BadInput, match="the note 'key'"):
        notes.put("key", value)
    assert notes.get("key", "nothing") == "nothing"


def test_notes_are_bounded(notes):
    with pytest.raises(BadInput, match="at most 4096 are kept"):
        notes.put("key", "x" * VALUE_BYTES_MAX)
    for key in ("", "x" * 65, 5):
        with pytest.raises(BadInput, match="1 to 64 characters"):
            notes.put(key, 1)
    for number in range(KEYS_MAX):
        notes.put(f"key {number}", number)
    with pytest.raises(BadInput, match="delete one first"):
        notes.put("one more", 1)
    notes.put("key 0", "changed")
    notes.delete("key 1")
    notes.delete("never there")
    notes.put("one more", 1)
    assert len(notes.keys()) == KEYS_MAX


def test_a_plugin_sees_its_own_notes_only():
    book = NoteBook()
    book.section("a").put("key", 1)
    assert book.section("b").keys() == ()
    assert book.section("a").get("key") == 1


async def test_notes_survive_a_restart(tmp_path, autojump_clock):
    env = SimEnv(seed=1)
    async with open_notes(env=env, directory=tmp_path) as book:
        mine = book.section("mine")
        mine.put("kept", {"n": 1})
        mine.put("gone", 1)
        await mine.wait_durable()
        mine.delete("gone")
        mine.put("kept", {"n": 2})
    async with open_notes(env=env, directory=tmp_path) as book:
        assert book.section("mine").keys() == ("kept",)
        assert book.section("mine").get("kept") == {"n": 2}


async def test_durable_means_on_the_disk(tmp_path, autojump_clock):
    async with open_notes(env=SimEnv(seed=1), directory=tmp_path) as book:
        book.section("mine").put("key", 1)
        await book.section("mine").wait_durable()
        assert NotesFile(tmp_path / NOTES_FILE).read() == {"mine": {"key": "1"}}


async def test_a_flood_of_one_key_is_few_rows(tmp_path, autojump_clock):
    async with open_notes(env=SimEnv(seed=1), directory=tmp_path) as book:
        for number in range(10_000):
            book.section("mine").put("key", number)
        assert len(book.take_changes()) == 1


async def test_without_notes_there_is_no_file(tmp_path, autojump_clock):
    async with open_notes(env=SimEnv(seed=1), directory=tmp_path):
        pass
    assert list(tmp_path.iterdir()) == []


async def test_a_cancelled_end_still_writes_what_waits(tmp_path, autojump_clock):
    with trio.CancelScope() as scope:
        async with open_notes(env=SimEnv(seed=1), directory=tmp_path) as book:
            book.section("mine").put("key", 1)
            scope.cancel()
            await trio.sleep_forever()
    assert NotesFile(tmp_path / NOTES_FILE).read() == {"mine": {"key": "1"}}


async def test_a_disk_that_refuses_is_told_and_the_notes_go_on_in_memory(tmp_path, autojump_clock):
    async with open_notes(env=SimEnv(seed=1), directory=tmp_path / "missing") as book:
        mine = book.section("mine")
        mine.put("key", 1)
        assert "cannot be opened" in await book.wait_failed()
        with pytest.raises(StoreError):
            await mine.wait_durable()
        assert mine.get("key") == 1


async def test_a_file_of_somebody_else_is_refused(tmp_path, autojump_clock):
    (tmp_path / NOTES_FILE).write_text("this is no database, and long enough to be looked at" * 20)
    with pytest.raises(StoreError, match="notes of plugins"):
        async with open_notes(env=SimEnv(seed=1), directory=tmp_path):
            pass


async def test_an_error_of_the_body_comes_out_as_it_is(tmp_path, autojump_clock):
    with pytest.raises(KeyError):
        async with open_notes(env=SimEnv(seed=1), directory=tmp_path):
            raise KeyError("ours")
