"""Client order ids are unique per instance and generation, and tell whose they are."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from traderd.errors import BadInput
from traderd.model.ids import ClientOrderId, ClientOrderIds, InstanceId, instance_of

INSTANCES = st.text(alphabet="0123456789abcdef", min_size=8, max_size=8).map(InstanceId)


def test_ids_count_up_within_one_generation():
    ids = ClientOrderIds(InstanceId("0a1b2c3d"), 26)
    assert [ids.next_id() for _ in range(17)][-2:] == ["0a1b2c3d-1a-10", "0a1b2c3d-1a-11"]


@given(INSTANCES, st.integers(min_value=1, max_value=2**40), st.integers(min_value=1, max_value=30))
def test_no_id_is_ever_made_twice_over_restarts(instance, generation, count):
    first = ClientOrderIds(instance, generation)
    second = ClientOrderIds(instance, generation + 1)
    made = [maker.next_id() for maker in (first, second) for _ in range(count)]
    assert len(set(made)) == 2 * count
    assert {instance_of(one) for one in made} == {instance}


@pytest.mark.parametrize(
    "instance", ["", "0a1b2c3", "0a1b2c3d4", "0A1B2C3D", "0a1b2c3g", "0a1b-c3d"]
)
def test_an_instance_that_is_not_eight_hex_digits_is_refused(instance):
    with pytest.raises(BadInput, match="8 hex digits"):
        ClientOrderIds(InstanceId(instance), 1)


def test_a_negative_generation_is_refused_because_its_id_could_not_be_read_back():
    with pytest.raises(BadInput, match="generation"):
        ClientOrderIds(InstanceId("0a1b2c3d"), -1)


@pytest.mark.parametrize(
    "foreign",
    [
        "",
        "my-order",
        "0a1b2c3d",
        "0a1b2c3d-1",
        "0a1b2c3d-1-2-3",
        "0a1b2c3d--2",
        "0a1b2c3d-1-G",
        "0A1B2C3D-1-2",
        "7f9c24e5-3f2a-4d1b-9c3e-1a2b3c4d5e6f",
    ],
)
def test_an_id_that_traderd_did_not_make_belongs_to_nobody_of_ours(foreign):
    assert instance_of(ClientOrderId(foreign)) is None


def test_two_runs_of_one_generation_make_different_ids():
    """A journal that was restored from a copy has the generation of the copy again."""
    instance = InstanceId("0a1b2c3d")
    first, second = (ClientOrderIds(instance, 2, word) for word in ("5eed5eed", "0ddba115"))
    made = first.next_id()
    assert made == "0a1b2c3d-25eed5eed-1"
    assert made != second.next_id()
    assert not second.made(made)
    assert instance_of(made) == instance


@pytest.mark.parametrize("word", ["5eed", "5EED5EED", "5eed-eed", "5eed5eed5"])
def test_the_word_of_a_run_is_eight_hex_digits(word):
    with pytest.raises(BadInput, match="word of a run"):
        ClientOrderIds(InstanceId("0a1b2c3d"), 1, word)


def test_an_id_that_is_taken_is_left_out():
    taken = {"0a1b2c3d-1-1", "0a1b2c3d-1-3"}
    ids = ClientOrderIds(InstanceId("0a1b2c3d"), 1, is_taken=taken.__contains__)
    assert [ids.next_id(), ids.next_id()] == ["0a1b2c3d-1-2", "0a1b2c3d-1-4"]


def test_two_makers_are_never_equal():
    assert ClientOrderIds(InstanceId("0a1b2c3d"), 1) != ClientOrderIds(InstanceId("0a1b2c3d"), 1)


def test_a_run_knows_its_own_ids_from_those_of_earlier_runs_and_of_others():
    ids = ClientOrderIds(InstanceId("0a1b2c3d"), 17)
    assert ids.made(ids.next_id())
    assert not ids.made(ClientOrderIds(InstanceId("0a1b2c3d"), 1).next_id())
    assert not ids.made(ClientOrderIds(InstanceId("0a1b2c3e"), 17).next_id())
