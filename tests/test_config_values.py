from typing import Annotated, Literal

import msgspec
import pytest
from msgspec import Meta

from traderd.config_layers import Given
from traderd.config_values import build_tree, settings_of
from traderd.errors import ConfigError


class Engine(msgspec.Struct):
    power_kw: Annotated[int, Meta(ge=1)] = 50
    fuel: Literal["petrol", "diesel"] = "petrol"
    turbo: bool | None = None
    weight_kg: str = "100"
    cylinders: tuple[str, ...] = ()


class Car(msgspec.Struct):
    name: str = ""
    engine: Engine = msgspec.field(default_factory=Engine)
    extras: dict[str, dict[str, object]] = msgspec.field(default_factory=dict)


KNOWN = settings_of(Car, free="extras")


def build(**given):
    layer = {k.replace("__", "."): Given(v, "car.toml") for k, v in given.items()}
    return build_tree(layer, KNOWN, free="extras")


def test_settings_are_the_leaves_of_the_tree_without_the_free_section():
    assert list(KNOWN) == [
        "name",
        "engine.power_kw",
        "engine.fuel",
        "engine.turbo",
        "engine.weight_kg",
        "engine.cylinders",
    ]


def test_texts_become_the_types_of_their_settings():
    assert build(
        name="Herbie",
        engine__power_kw="60",
        engine__turbo="true",
        engine__cylinders="a,b",
        extras__radio__loud=3,
    ) == {
        "name": "Herbie",
        "engine": {"power_kw": 60, "turbo": True, "cylinders": ("a", "b")},
        "extras": {"radio": {"loud": 3}},
    }


def test_a_section_without_a_setting_changes_nothing():
    # As in an example file whose settings are all commented out.
    assert build(engine={}, name="Herbie") == {"name": "Herbie"}


def test_a_whole_number_may_stand_for_a_text_but_nothing_else_may():
    assert build(engine__weight_kg=120) == {"engine": {"weight_kg": "120"}}
    for value in (True, ["x"], None):
        with pytest.raises(ConfigError, match=r"engine\.weight_kg \(car\.toml\) must be a text"):
            build(engine__weight_kg=value)


@pytest.mark.parametrize(
    ("name", "value", "sentence"),
    [
        ("engine__power_kw", "fast", "must be a whole number, not 'fast'"),
        ("engine__power_kw", 0, "must be a whole number >= 1, not 0"),
        ("engine__fuel", "coal", "must be one of petrol, diesel, not 'coal'"),
        ("engine__turbo", "perhaps", "must be true or false, not 'perhaps'"),
        ("engine__cylinders", [1], "must be a text, not [1]"),
        ("engine", 3, "is a section with settings of its own, not a value"),
        ("extras", 3, "is a section with settings of its own, not a value"),
        ("engine__powr_kw", 3, "does not exist; did you mean engine.power_kw?"),
        ("power_kw", 3, "does not exist; did you mean engine.power_kw?"),
        ("engine__wheels", 3, "does not exist; known are engine.power_kw, engine.fuel, "),
        ("wings", 3, "does not exist; known are name"),
        ("wings__flaps", 3, "does not exist; known are name, engine, extras"),
    ],
)
def test_each_complaint_has_the_name_the_place_and_a_cure(name, value, sentence):
    with pytest.raises(ConfigError) as caught:
        build(**{name: value})
    assert str(caught.value).startswith(f"{name.replace('__', '.')} (car.toml) {sentence}")


def test_only_a_variable_is_answered_with_a_variable():
    layer = {"power_kw": Given("3", "variable TRADERD_POWER_KW")}
    with pytest.raises(ConfigError, match=r"engine\.power_kw \(TRADERD_ENGINE__POWER_KW\)\?"):
        build_tree(layer, KNOWN, free="extras")
