"""A decoder's complaint is told with its place and its cure."""

import enum

import msgspec
import pytest

from traderd.paper.file_words import located


class Colour(enum.Enum):
    RED = "red"
    BLUE = "blue"


class Leg(msgspec.Struct, forbid_unknown_fields=True):
    length: int


class Chair(msgspec.Struct, forbid_unknown_fields=True):
    name: str
    colour: Colour | None = None
    legs: tuple[Leg, ...] = ()


class Room(msgspec.Struct, forbid_unknown_fields=True):
    title: str
    chairs: tuple[Chair, ...] = ()


@pytest.mark.parametrize(
    ("tree", "words"),
    [
        ({}, "top level: the key 'title' is missing; add it"),
        (
            {"title": "", "chair": []},
            "top level: the key 'chair' does not exist; did you mean 'chairs'?",
        ),
        (
            {"title": "", "zzz": []},
            "top level: the key 'zzz' does not exist; known are title, chairs",
        ),
        ({"title": 3}, "[title]: Expected `str`, got `int`"),
        (
            {"title": "", "chairs": {"name": "x"}},
            "[chairs]: there may be many of them; write [[chairs]]",
        ),
        ({"title": "", "chairs": [{}]}, "[[chairs]] number 1: the key 'name' is missing; add it"),
        ({"title": "", "chairs": [3]}, "[[chairs]] number 1: Expected `object`, got `int`"),
        (
            {"title": "", "chairs": [{"name": "old", "colour": "pink"}]},
            "[[chairs]] old, colour: Invalid enum value 'pink'; write one of 'red', 'blue'",
        ),
        (
            {"title": "", "chairs": [{"name": "old", "legs": [{"lenght": 1}]}]},
            "[[chairs]] old, legs[0]: the key 'lenght' does not exist; did you mean 'length'?",
        ),
        (
            {"title": "", "chairs": [{"name": "old", "legs": {"length": 1}}]},
            "[[chairs]] old, legs: Expected `array`, got `object`",
        ),
    ],
)
def test_the_place_and_the_cure_are_named(tree, words):
    with pytest.raises(msgspec.ValidationError) as caught:
        msgspec.convert(tree, Room)
    assert located(caught.value, tree, Room) == words
