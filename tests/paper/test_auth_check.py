"""Signatures as third-party clients make them, and every way they can be wrong."""

import base64
import json

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given
from hypothesis import strategies as st

from traderd.kalshi.wire.errors import RequestRefused
from traderd.model.units import NS_PER_S, Timestamp
from traderd.paper.auth_check import (
    FULL_ACCESS,
    RESTRICTED_KEY,
    SCOPES,
    ApiKey,
    KeyRegistry,
    check_access,
    has_credentials,
    own_subaccount,
)

NOW = Timestamp(1_790_000_000 * NS_PER_S)
PATH = "/trade-api/v2/portfolio/balance"
PRIVATE = Ed25519PrivateKey.generate()


def key(key_id: str = "key-1", account_id: str = "ann", **more) -> ApiKey:
    return ApiKey(key_id=key_id, account_id=account_id, public_key=PRIVATE.public_key(), **more)


def registry() -> KeyRegistry:
    keys = KeyRegistry()
    keys.add(key())
    return keys


def headers(*, skew_ms: int = 0, text: str | None = None, **changes: str) -> dict[str, str]:
    stamp = str(NOW // 1_000_000 + skew_ms)
    signature = PRIVATE.sign((text or f"{stamp}GET{PATH}").encode())
    made = {
        "kalshi-access-key": "key-1",
        "kalshi-access-timestamp": stamp,
        "kalshi-access-signature": base64.b64encode(signature).decode(),
    }
    return {name: value for name, value in (made | changes).items() if value}


def refused(given_headers, keys=None) -> dict:
    with pytest.raises(RequestRefused) as caught:
        (keys or registry()).authenticate("GET", PATH, given_headers, NOW)
    assert caught.value.refusal.status == 401
    return json.loads(caught.value.refusal.body())


def test_an_ed25519_signature_names_the_account():
    assert registry().authenticate("GET", PATH, headers(), NOW).account_id == "ann"


def test_an_rsa_signature_with_the_usual_salt_names_the_account():
    private = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    keys = registry()
    keys.add(ApiKey(key_id="rsa", account_id="bob", public_key=private.public_key()))
    stamp = str(NOW // 1_000_000)
    scheme = padding.PSS(padding.MGF1(hashes.SHA256()), salt_length=32)
    signature = private.sign(f"{stamp}GET{PATH}".encode(), scheme, hashes.SHA256())
    signed = {
        "kalshi-access-key": "rsa",
        "kalshi-access-timestamp": stamp,
        "kalshi-access-signature": base64.b64encode(signature).decode(),
    }
    assert keys.authenticate("GET", PATH, signed, NOW).account_id == "bob"
    assert refused(signed | {"kalshi-access-key": "key-1"}, keys)["error"]["details"] == (
        "INCORRECT_API_KEY_SIGNATURE"
    )


@pytest.mark.parametrize("salt", [0, 20, 32, padding.PSS.MAX_LENGTH])
def test_every_salt_length_is_accepted(salt):
    private = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    keys = KeyRegistry()
    keys.add(ApiKey(key_id="key-1", account_id="bob", public_key=private.public_key()))
    stamp = str(NOW // 1_000_000)
    scheme = padding.PSS(padding.MGF1(hashes.SHA256()), salt_length=salt)
    signature = private.sign(f"{stamp}GET{PATH}".encode(), scheme, hashes.SHA256())
    signed = headers() | {"kalshi-access-signature": base64.b64encode(signature).decode()}
    assert keys.authenticate("GET", PATH, signed, NOW).account_id == "bob"


@pytest.mark.parametrize("skew_ms", [-10_000, -5_000, 0, 5_000, 30_000])
def test_clocks_within_the_window_are_accepted(skew_ms):
    assert registry().authenticate("GET", PATH, headers(skew_ms=skew_ms), NOW).account_id == "ann"


@pytest.mark.parametrize("skew_ms", [-300_000, -30_000, -10_001, 30_001, 300_000])
def test_clocks_outside_the_window_are_refused(skew_ms):
    assert refused(headers(skew_ms=skew_ms)) == {
        "error": {"code": "header_timestamp_expired", "message": "header timestamp expired"}
    }


@pytest.mark.parametrize("stamp", ["now", "-1", "1790000000", "1e12", "٣" * 13, "9" * 5000])
def test_a_timestamp_that_is_none_is_expired(stamp):
    given_headers = headers() | {"kalshi-access-timestamp": stamp}
    assert refused(given_headers)["error"]["code"] == "header_timestamp_expired"


def test_an_unknown_key_is_not_found():
    assert refused(headers(**{"kalshi-access-key": "other"})) == {
        "error": {
            "code": "authentication_error",
            "message": "authentication_error",
            "details": "NOT_FOUND",
        }
    }


def test_a_removed_key_is_not_found():
    keys = registry()
    keys.remove("key-1")
    keys.remove("never there")
    assert refused(headers(), keys)["error"]["details"] == "NOT_FOUND"


@pytest.mark.parametrize(
    "text",
    [
        "1790000000000POST" + PATH,
        "1790000000001GET" + PATH,
        "1790000000000GET" + PATH + "?a=b",
        "1790000000000GET/portfolio/balance",
    ],
)
def test_a_signature_over_anything_else_is_incorrect(text):
    assert refused(headers(text=text)) == {
        "error": {
            "code": "authentication_error",
            "message": "authentication_error",
            "details": "INCORRECT_API_KEY_SIGNATURE",
        }
    }


@given(st.text(min_size=1))
def test_a_signature_of_any_text_is_refused_and_never_an_error(text):
    body = refused(headers() | {"kalshi-access-signature": text})
    assert body["error"]["details"] == "INCORRECT_API_KEY_SIGNATURE"


@pytest.mark.parametrize(
    ("missing", "code"),
    [
        (("kalshi-access-signature",), "signature_is_missing_from_headers"),
        (("kalshi-access-timestamp",), "timestamp_is_missing_from_headers"),
        (("kalshi-access-key",), "api_key_is_missing_from_headers"),
        (
            ("kalshi-access-key", "kalshi-access-timestamp", "kalshi-access-signature"),
            "signature_is_missing_from_headers",
        ),
    ],
)
def test_missing_headers_are_named(missing, code):
    body = refused({name: value for name, value in headers().items() if name not in missing})
    assert body == {"error": {"code": code, "message": code.replace("_", " ")}}


def test_one_header_is_enough_to_want_to_be_known():
    assert not has_credentials({"host": "a"})
    assert has_credentials({"kalshi-access-timestamp": "1"})


# --- what a key may -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("granted", "needed", "may"),
    [
        (FULL_ACCESS, "write::trade", True),
        (FULL_ACCESS, "read::portfolio_balance", True),
        (("read",), "write", False),
        (("read",), "write::trade", False),
        (("read",), "read::block_trade_accept", True),
        (("write::trade",), "write::trade", True),
        (("write::trade",), "write", False),
        (("write::trade",), "write::transfer", False),
        (("write::trade",), "read", False),
        (("read::portfolio_balance",), "read::portfolio_balance", True),
        (("read::portfolio_balance",), "read", False),
    ],
)
def test_a_scope_or_the_one_that_includes_it_is_needed(granted, needed, may):
    assert key(scopes=granted).may(needed) is may


def test_every_part_of_a_scope_names_one_that_there_is():
    assert all(scope.partition("::")[0] in FULL_ACCESS for scope in SCOPES)


def forbidden(function, *args, **more) -> dict:
    with pytest.raises(RequestRefused) as caught:
        function(*args, **more)
    assert caught.value.refusal.status == 403
    return json.loads(caught.value.refusal.body())["error"]


def test_a_missing_scope_is_named():
    reader = key(scopes=("read",))
    check_access(reader, "read", account_wide=True)
    check_access(reader, "", account_wide=False)
    error = forbidden(check_access, reader, "write::trade", account_wide=False)
    assert error["code"] == "forbidden"
    assert "write::trade" in error["message"]


def test_a_locked_key_hears_the_documented_sentence():
    locked = key(subaccount=0)
    check_access(locked, "write::trade", account_wide=False)
    assert forbidden(check_access, locked, "read", account_wide=True) == {
        "code": "forbidden",
        "message": RESTRICTED_KEY,
    }


def test_a_locked_key_acts_on_its_subaccount_and_no_other():
    locked = key(subaccount=5)
    assert own_subaccount(locked, None) == own_subaccount(locked, 5) == 5
    assert forbidden(own_subaccount, locked, 0)["code"] == "forbidden"
    assert own_subaccount(key(), None) is None
    assert own_subaccount(key(), 7) == 7
    assert own_subaccount(None, 7) == 7


def test_an_account_sees_its_own_keys_only_and_changes_are_told():
    heard = []
    keys = KeyRegistry(on_change=lambda each, is_there: heard.append((each.key_id, is_there)))
    for key_id, owner in (("a", "ann"), ("b", "bob"), ("c", "ann")):
        keys.add(key(key_id, owner))
    assert [each.key_id for each in keys.of("ann")] == ["a", "c"]
    keys.remove("a")
    keys.remove("a")
    assert [each.key_id for each in keys.of("ann")] == ["c"]
    assert heard == [("a", True), ("b", True), ("c", True), ("a", False)]
