"""Keys are read with care, and signatures are what Kalshi checks."""

import base64
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa

from traderd.errors import BadInput, ConfigError
from traderd.kalshi.auth import (
    SIGNATURE_HEADER,
    TIMESTAMP_HEADER,
    Signer,
    generate_key,
    load_public_key,
    load_signer,
    parse_signer,
    signed_text,
    verify_signature,
)

KEYS = {kind: generate_key(kind) for kind in ("rsa", "ed25519")}
PATH = "/trade-api/v2/portfolio/orders"


def write(tmp_path, pem, mode=0o600):
    path = tmp_path / "key.pem"
    path.write_bytes(pem)
    path.chmod(mode)
    return path


def private_pem(key, *, form=serialization.PrivateFormat.PKCS8, encryption=None):
    return key.private_bytes(
        serialization.Encoding.PEM, form, encryption or serialization.NoEncryption()
    )


@pytest.mark.parametrize("kind", ["rsa", "ed25519"])
def test_a_signature_verifies_over_time_method_and_path_without_query(tmp_path, kind):
    private, public = KEYS[kind]
    signer = load_signer("id-1", write(tmp_path, private))
    headers = signer.headers("get", PATH + "?limit=5", 1_700_000_000_123)
    assert headers["KALSHI-ACCESS-KEY"] == "id-1"
    assert headers["KALSHI-ACCESS-TIMESTAMP"] == "1700000000123"
    text = f"1700000000123GET{PATH}"
    assert signed_text(1_700_000_000_123, "get", PATH + "?limit=5") == text
    key = load_public_key(public)
    signature = headers["KALSHI-ACCESS-SIGNATURE"]
    assert verify_signature(key, signature, text)
    assert not verify_signature(key, signature, text + "x")
    assert not verify_signature(key, signature[:-4] + "AAA=", text)
    assert not verify_signature(key, "not base64!", text)
    assert not verify_signature(key, "", text)


def test_an_rsa_signature_has_a_salt_of_exactly_the_digests_length():
    private, _ = KEYS["rsa"]
    signature = Signer("id", serialization.load_pem_private_key(private, None)).headers(
        "GET", PATH, 1
    )
    public = serialization.load_pem_private_key(private, None).public_key()
    # Raises InvalidSignature for any other salt length.
    public.verify(
        base64.b64decode(signature["KALSHI-ACCESS-SIGNATURE"]),
        f"1GET{PATH}".encode(),
        padding.PSS(mgf=padding.MGF1(hashes.SHA256()), salt_length=32),
        hashes.SHA256(),
    )
    assert len(base64.b64decode(signature["KALSHI-ACCESS-SIGNATURE"])) == 256


def test_the_checker_takes_any_salt_length():
    key = serialization.load_pem_private_key(KEYS["rsa"][0], None)
    salted = padding.PSS(mgf=padding.MGF1(hashes.SHA256()), salt_length=20)
    signature = base64.b64encode(key.sign(b"text", salted, hashes.SHA256())).decode()
    assert verify_signature(key.public_key(), signature, "text")


def test_the_algorithm_follows_the_key_and_not_the_pem_label(tmp_path):
    key = rsa.generate_private_key(public_exponent=65_537, key_size=2048)
    pem = private_pem(key)
    assert b"BEGIN PRIVATE KEY" in pem
    assert b"BEGIN RSA PRIVATE KEY" in KEYS["rsa"][0]
    signer = parse_signer("id", pem, source="x")
    assert verify_signature(
        key.public_key(), signer.headers("GET", "/", 1)["KALSHI-ACCESS-SIGNATURE"], "1GET/"
    )


def test_a_key_of_one_kind_does_not_verify_the_others_signature():
    signature = parse_signer("id", KEYS["ed25519"][0], source="x").headers("GET", "/", 1)
    assert not verify_signature(
        load_public_key(KEYS["rsa"][1]), signature["KALSHI-ACCESS-SIGNATURE"], "1GET/"
    )


def test_a_signer_shows_nothing_of_its_key():
    signer = parse_signer("0123456789abcdef", KEYS["ed25519"][0], source="x")
    assert repr(signer) == "<Signer ed25519 01234567…>"
    assert signer.public_pem() == KEYS["ed25519"][1]


SECRET = b"c2VjcmV0LXNlY3JldA"


@pytest.mark.parametrize(
    ("pem", "mode", "fault", "cure"),
    [
        (b"", 0o600, "is empty", "save the private key"),
        (b" \n", 0o600, "is empty", "save the private key"),
        (KEYS["rsa"][0], 0o640, "by others", "chmod 600"),
        (KEYS["rsa"][0], 0o604, "by others", "chmod 600"),
        (KEYS["rsa"][0], 0o620, "by others", "chmod 600"),
        (KEYS["rsa"][1], 0o600, "not a private key", "save the private one"),
        (
            b"-----BEGIN PRIVATE KEY-----\n" + SECRET + b"\n-----END PRIVATE KEY-----\n",
            0o600,
            "not a private key",
            "whole",
        ),
        (SECRET, 0o600, "not a private key", "BEGIN"),
        (b"x" * 70_000, 0o600, "too large", "PEM"),
        (
            private_pem(rsa.generate_private_key(public_exponent=65_537, key_size=1024)),
            0o600,
            "only 1024 bits",
            "2048",
        ),
        (
            private_pem(ec.generate_private_key(ec.SECP256R1())),
            0o600,
            "neither an RSA nor",
            "create",
        ),
        (
            private_pem(
                serialization.load_pem_private_key(KEYS["ed25519"][0], None),
                encryption=serialization.BestAvailableEncryption(b"pass"),
            ),
            0o600,
            "is encrypted",
            "without a passphrase",
        ),
    ],
)
def test_a_bad_key_file_is_refused_with_fault_and_cure_but_never_its_content(
    tmp_path, pem, mode, fault, cure
):
    with pytest.raises(ConfigError) as caught:
        load_signer("id", write(tmp_path, pem, mode))
    sentence = str(caught.value)
    assert fault in sentence
    assert cure in sentence
    assert "key.pem" in sentence
    assert SECRET.decode() not in sentence
    assert caught.value.__cause__ is None


@pytest.mark.parametrize("kind", ["rsa", "ed25519"])
def test_a_key_in_the_place_of_its_path_is_refused_and_not_said_again(kind):
    pem = KEYS[kind][0].decode()
    body = "".join(pem.splitlines()[1:-1])
    for given in (pem, pem.replace("\n", " "), body):
        with pytest.raises(ConfigError) as caught:
            load_signer("id", Path(given))
        assert str(caught.value).startswith("exchange.key_file is the private key itself; save it")
        assert body[-20:] not in str(caught.value)


def test_a_missing_file_and_a_directory_are_refused(tmp_path):
    with pytest.raises(ConfigError, match="does not exist"):
        load_signer("id", tmp_path / "none.pem")
    with pytest.raises(ConfigError, match="not a file"):
        load_signer("id", tmp_path)


def test_a_key_without_an_id_is_refused(tmp_path):
    with pytest.raises(ConfigError, match="no key id"):
        load_signer("  ", write(tmp_path, KEYS["ed25519"][0]))


@pytest.mark.parametrize("pem", [b"", b"nonsense", KEYS["rsa"][0]])
def test_a_public_key_must_be_one(pem):
    with pytest.raises(BadInput):
        load_public_key(pem)


def test_a_short_public_key_is_refused():
    key = rsa.generate_private_key(public_exponent=65_537, key_size=1024).public_key()
    pem = key.public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    with pytest.raises(BadInput, match="2048"):
        load_public_key(pem)


@pytest.mark.parametrize("kind", ["rsa", "ed25519"])
def test_a_signature_is_shared_only_by_requests_alike_in_millisecond_method_and_path(kind):
    private, public = generate_key(kind)
    signer, key = parse_signer("k", private, source="test"), load_public_key(public)
    asked = [
        ("POST", "/orders", 1),
        ("POST", "/orders", 1),
        ("DELETE", "/orders", 1),
        ("POST", "/orders/7", 1),
        ("POST", "/orders", 2),
        ("POST", "/orders", 1),
    ]
    given = [signer.headers(*each) for each in asked]
    assert given[0] == given[1]
    for (method, path, at), headers in zip(asked, given, strict=True):
        assert headers[TIMESTAMP_HEADER] == str(at)
        assert verify_signature(key, headers[SIGNATURE_HEADER], f"{at}{method}{path}")
    given[4].clear()
    assert signer.headers("POST", "/orders", 1) == given[5]
