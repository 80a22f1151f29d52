"""Seeded ids: the same stream for the same seed, and nothing that looks like a counter."""

import uuid

import pytest

from traderd.errors import BadInput
from traderd.paper.ids import SeededIds


def take(ids: SeededIds, count: int) -> list[str]:
    return [ids() for _ in range(count)]


def test_the_same_seed_gives_the_same_ids_and_another_seed_gives_others():
    assert take(SeededIds(7), 100) == take(SeededIds(7), 100)
    assert not {*take(SeededIds(7), 100)} & {*take(SeededIds(8), 100)}


def test_a_stream_goes_on_where_its_counter_says():
    ids = SeededIds(7)
    first, later = take(ids, 5), take(ids, 5)
    assert ids.count == 10
    assert take(SeededIds(7, start=5), 5) == later
    assert not {*first} & {*later}


def test_every_id_is_a_random_uuid_in_its_usual_form():
    for text in take(SeededIds(-1), 200):
        parsed = uuid.UUID(text)
        assert str(parsed) == text
        assert (parsed.version, parsed.variant) == (4, uuid.RFC_4122)


def test_ids_are_spread_and_unique():
    many = take(SeededIds(1), 10_000)
    assert len({*many}) == len(many)
    # Sixteen first digits, about 625 each: a counter would show in them.
    starts = [sum(one.startswith(digit) for one in many) for digit in "0123456789abcdef"]
    assert min(starts) > 500
    assert max(starts) < 750


def test_the_ids_of_a_seed_never_change():
    assert take(SeededIds(1), 2) == [
        "374d251a-f114-45b3-8f3d-d74125f553a6",
        "0ae82b8e-266f-469c-8473-c6dacbc0d5e1",
    ]


def test_a_stream_cannot_begin_before_its_beginning():
    with pytest.raises(BadInput, match="from 0, not from -1"):
        SeededIds(1, start=-1)
