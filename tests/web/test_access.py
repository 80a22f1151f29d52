import base64

import pytest

from traderd.errors import ConfigError
from traderd.web.access import AccessRules, Role

CONTROL = "correct-horse-battery-staple"
READ = "look-but-do-not-touch-it"
RULES = AccessRules(control_token=CONTROL, read_token=READ)


def basic(password, user="any"):
    return "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()


@pytest.mark.parametrize(
    ("authorization", "role"),
    [
        (f"Bearer {CONTROL}", Role.OPERATOR),
        (f"Bearer {READ}", Role.READER),
        (basic(READ), Role.READER),
        # A browser sends a password by itself, so it gives no orders.
        (basic(CONTROL), Role.READER),
        (basic(CONTROL, user=""), Role.READER),
        ("", Role.NOBODY),
        ("Bearer", Role.NOBODY),
        ("Bearer ", Role.NOBODY),
        (f"bearer {CONTROL}", Role.NOBODY),
        (f"Bearer {CONTROL} ", Role.NOBODY),
        (f"Bearer  {CONTROL}", Role.NOBODY),
        (f"Bearer {CONTROL[:-1]}", Role.NOBODY),
        (f"Bearer {CONTROL}x", Role.NOBODY),
        (f"Token {CONTROL}", Role.NOBODY),
        (CONTROL, Role.NOBODY),
        ("Basic", Role.NOBODY),
        ("Basic ", Role.NOBODY),
        ("Basic !!!", Role.NOBODY),
        ("Basic " + base64.b64encode(b"\xff\xfe").decode(), Role.NOBODY),
        ("Basic " + base64.b64encode(CONTROL.encode()).decode(), Role.NOBODY),
        (basic(""), Role.NOBODY),
        ("Bearer \udcff", Role.NOBODY),
        ("Bearer " + "x" * 100_000, Role.NOBODY),
    ],
)
def test_what_an_authorization_header_allows(authorization, role):
    assert RULES.role_of(authorization) is role


@pytest.mark.parametrize("authorization", ["Bearer ", basic(""), "Bearer"])
def test_where_there_is_no_read_token_an_empty_one_does_not_fit(authorization):
    assert AccessRules(control_token=CONTROL).role_of(authorization) is Role.NOBODY


@pytest.mark.parametrize(
    ("secure", "origin", "known"),
    [
        (False, "http://127.0.0.1:8005", True),
        (False, "https://127.0.0.1:8005", True),
        (True, "https://127.0.0.1:8005", True),
        (True, "http://127.0.0.1:8005", False),
        (False, "http://127.0.0.1", False),
        (False, "http://localhost:8005", False),
        (False, "null", False),
    ],
)
def test_only_the_page_of_the_asked_host_is_ours(secure, origin, known):
    rules = AccessRules(control_token=CONTROL, is_secure=secure)
    assert rules.knows_origin(origin, "127.0.0.1:8005") is known


@pytest.mark.parametrize(
    "tokens", [{"control_token": ""}, {"control_token": CONTROL, "read_token": "short"}]
)
def test_a_short_token_is_a_configuration_error(tokens):
    with pytest.raises(ConfigError, match="fewer than 16"):
        AccessRules(**tokens)


def test_the_tokens_do_not_show_in_a_repr():
    assert CONTROL not in repr(RULES)
    assert READ not in repr(RULES)
