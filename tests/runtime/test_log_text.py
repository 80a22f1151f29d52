"""Nothing secret and nothing that a terminal obeys survives into a line, and nothing raises."""

import enum
import json

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from traderd.kalshi.auth import generate_key
from traderd.runtime.log_text import (
    DEPTH_MAX,
    ITEMS_MAX,
    MASK,
    TEXT_CHARACTERS_MAX,
    clean_field,
    clean_text,
    is_key_material,
    is_secret_name,
    mask_texts,
)

PEM = "-----BEGIN RSA PRIVATE KEY-----\nMIIEow\nIBAAKC\n-----END RSA PRIVATE KEY-----"


@pytest.mark.parametrize(
    "name",
    [
        *("key", "api_key", "apiKey", "apikey", "KALSHI_API_KEY_ID", "private-key", "token"),
        *(
            "control_token",
            "accessToken",
            "KALSHI-ACCESS-SIGNATURE",
            "Authorization",
            "client.secret",
        ),
        *("Set-Cookie", "passphrase", "key_pem"),
    ],
)
def test_names_of_secrets_are_known(name):
    assert is_secret_name(name)
    assert clean_field(name, "hunter2") == MASK
    assert clean_field(name, b"hunter2") == MASK
    assert clean_field(name, ["hunter2"]) == MASK


@pytest.mark.parametrize(
    "name",
    ["ticker", "monkey", "keyboard", "tokenizer", "key_path", "key_file", "token_count", "", "_"],
)
def test_other_names_are_not(name):
    assert not is_secret_name(name)
    assert clean_field(name, "visible") == "visible"


def test_a_number_is_never_a_secret():
    assert clean_field("tokens", 40) == 40
    assert clean_field("has_token", True) is True
    assert clean_field("token", None) is None


def test_a_secret_deep_inside_is_masked():
    headers = {"request": [{"KALSHI-ACCESS-KEY": "abc", "path": "/x"}]}
    assert clean_field("headers", headers) == {
        "request": [{"KALSHI-ACCESS-KEY": MASK, "path": "/x"}]
    }


@pytest.mark.parametrize(
    ("text", "cleaned"),
    [
        (f"loading {PEM} failed", "loading [masked] failed"),
        ("cut -----BEGIN PRIVATE KEY-----\nMIIEow", "cut [masked]"),
        ("GET /v3/ws?token=hunter2&x=1", "GET /v3/ws?token=[masked]&x=1"),
        (
            "{'KALSHI-ACCESS-SIGNATURE': 'hunter2', 'a': 1}",
            "{'KALSHI-ACCESS-SIGNATURE': '[masked]', 'a': 1}",
        ),
        ("(b'kalshi-access-key', b'hunter2')", "(b'kalshi-access-key', b'[masked]')"),
        ('{"password":"hunter2"}', '{"password":"[masked]"}'),
        ("Authorization: Bearer hunter2", "Authorization: Bearer [masked]"),
        ("authorization: Basic aHVudGVyMg==", "authorization: Basic [masked]"),
        ("(b'authorization', b'Bearer hunter2')", "(b'authorization', b'Bearer [masked]')"),
        ("Login(token='hunter2', chat_id='7')", "Login(token='[masked]', chat_id='7')"),
        ('Login(password="hunter2")', 'Login(password="[masked]")'),
        ("api_key=b'hunter2'", "api_key=b'[masked]'"),
        ("Login(token='')", "Login(token='')"),
        ("the Basic tier has 20 tokens", "the Basic tier has 20 tokens"),
        ("the token is wrong", "the token is wrong"),
        ("wrong token: ask for a new one", "wrong token: ask for a new one"),
    ],
)
def test_secrets_in_the_middle_of_a_text_are_masked(text, cleaned):
    assert clean_text(text) == cleaned


def test_a_secret_across_the_cut_leaves_no_half_behind():
    text = "x" * (TEXT_CHARACTERS_MAX - 50) + PEM
    assert "MII" not in clean_text(text)


@pytest.mark.parametrize(
    ("text", "cleaned"),
    [
        ("a\nb\r\tc", r"a\nb\r\tc"),
        ("\x1b[2J", r"\x1b[2J"),
        ("\x9b31m\x7f", r"\x9b31m\x7f"),
        ("\u202eevil", r"\u202eevil"),
        ("half \ud83d pair", r"half \ud83d pair"),
        ("äß→╔✔", "äß→╔✔"),
    ],
)
def test_what_a_terminal_would_obey_is_spelled_out(text, cleaned):
    assert clean_text(text) == cleaned


def test_a_traceback_keeps_its_lines_and_its_end():
    assert clean_text("a\n\tb\x1b", block=True) == "a\n\tb\\x1b"
    long = clean_text("x\n" * TEXT_CHARACTERS_MAX + "KeyError: 7", block=True)
    assert long.endswith("KeyError: 7")
    assert len(long) < TEXT_CHARACTERS_MAX + 100


def test_long_things_are_cut_and_say_so():
    assert clean_text("y" * (TEXT_CHARACTERS_MAX + 7)).endswith("y...7 characters left out...")
    assert clean_field("f", list(range(ITEMS_MAX + 3)))[-1] == "...and 3 more"
    assert clean_field("f", {str(n): n for n in range(ITEMS_MAX + 3)})["..."] == "and 3 more"


class Unprintable:
    def __repr__(self) -> str:
        raise RuntimeError("no")


class BrokenMapping(dict):
    def items(self):
        raise RuntimeError("no")


class Colour(enum.IntEnum):
    RED = 1


def test_things_that_cannot_be_printed_are_named_instead():
    assert clean_field("f", Unprintable()) == "<Unprintable that cannot be printed: RuntimeError>"
    assert "BrokenMapping that cannot be read" in clean_field("f", BrokenMapping(a=1))


def test_exceptions_say_their_message_and_enums_their_value():
    assert clean_field("f", ValueError("because")) == "because"
    assert clean_field("f", Colour.RED) == 1
    assert type(clean_field("f", Colour.RED)) is int


def test_a_value_that_holds_itself_ends():
    loop: list[object] = []
    loop.append(loop)
    assert json.dumps(clean_field("f", loop)).count("[") <= DEPTH_MAX + 4


ANYTHING = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(st.characters(exclude_categories=[]))
    | st.binary(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text() | st.integers(), inner),
    max_leaves=10,
)


@given(st.text(), ANYTHING)
def test_whatever_comes_in_json_comes_out(name, value):
    encoded = msgspec.json.encode(clean_field(name, value)).decode()
    assert "\n" not in encoded
    assert "\x1b" not in encoded


@pytest.mark.parametrize(
    ("text", "secrets", "masked"),
    [
        ("the key is hunter2", ["hunter2"], f"the key is {MASK}"),
        ("hunter2hunter2 and hunter2", ["hunter2", "hunter2hunter2"], f"{MASK} and {MASK}"),
        (repr("it's\\me\n"), ["it's\\me\n"], f'"{MASK}"'),
        ("abc is short", ["abc", ""], "abc is short"),
        ("nothing", [], "nothing"),
    ],
)
def test_known_secrets_are_masked_wherever_they_stand(text, secrets, masked):
    assert mask_texts(text, secrets) == masked


@pytest.mark.parametrize("of", ["rsa", "ed25519"])
def test_a_key_is_told_from_the_path_of_its_file(of):
    private, _ = generate_key(of)
    body = b"".join(private.splitlines()[1:-1]).decode()
    for text in (private.decode(), body, f" {body[:80]}", "PRIVATE KEY"):
        assert is_key_material(text)
    for path in ("/keys/one.pem", "~/MII/key", "My Keys/kalshi.key", "C:\\k.pem", ""):
        assert not is_key_material(path)
