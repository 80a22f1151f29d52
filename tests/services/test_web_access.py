import datetime
import ssl
import stat

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from traderd.config import TOKEN_FILE, Config
from traderd.config_web import WebConfig
from traderd.errors import ConfigError
from traderd.services.web_access import (
    READ_TOKEN_FILE,
    access_rules,
    ensure_token,
    open_access,
    tls_context,
)

TOKEN = "correct-horse-battery-staple"
OTHER = "look-but-do-not-touch-it"


def write_certificate(folder, name="localhost"):
    """Write a self-signed certificate and its key; return the settings that name them."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    begin = datetime.datetime(2020, 1, 1)
    made = (
        x509
        .CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(7)
        .not_valid_before(begin)
        .not_valid_after(begin + datetime.timedelta(days=36_500))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
        .sign(key, hashes.SHA256())
    )
    certificate, key_file = folder / "cert.pem", folder / "key.pem"
    certificate.write_bytes(made.public_bytes(serialization.Encoding.PEM))
    key_file.touch(mode=0o600)
    key_file.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    return {"tls_certificate": str(certificate), "tls_key": str(key_file)}


def config_of(**web):
    return Config(web=WebConfig(**web))


def test_each_token_is_made_once_and_only_its_owner_can_read_it(tmp_path):
    rules, tls = open_access(config_of(), tmp_path, (TOKEN, OTHER))
    assert (rules.control_token, rules.read_token, tls) == (TOKEN, OTHER, None)
    again, _ = open_access(config_of(), tmp_path, ("x" * 20, "y" * 20))
    assert again == rules
    for name in (TOKEN_FILE, READ_TOKEN_FILE):
        assert stat.S_IMODE((tmp_path / name).stat().st_mode) == 0o600


def test_an_empty_token_file_is_refused_with_the_cure(tmp_path):
    (tmp_path / TOKEN_FILE).touch(mode=0o600)
    with pytest.raises(ConfigError, match="delete its file"):
        open_access(config_of(), tmp_path, (TOKEN, OTHER))


@pytest.mark.parametrize("mode", [0o644, 0o640, 0o660, 0o602])
def test_a_token_that_others_can_read_is_refused_with_the_cure(tmp_path, mode):
    ensure_token(tmp_path, TOKEN)
    (tmp_path / TOKEN_FILE).chmod(mode)
    with pytest.raises(ConfigError, match=f"mode {mode:04o}.*delete it.*chmod 600"):
        ensure_token(tmp_path, TOKEN)


@pytest.mark.parametrize(
    ("web", "names", "needs_token"),
    [
        ({}, (), False),
        ({"reads_need_token": True, "names": ("Desk",)}, ("desk",), True),
        ({"host": "192.168.1.5"}, ("192.168.1.5",), True),
        ({"host": "fe80::1"}, ("[fe80::1]",), True),
        ({"host": "0.0.0.0", "names": ("desk",)}, ("desk",), True),
        ({"host": "127.0.0.5"}, ("127.0.0.5",), False),
    ],
)
def test_off_loopback_reads_need_a_token_and_the_address_is_a_name(web, names, needs_token):
    rules = access_rules(config_of(**web), control_token=TOKEN, read_token=OTHER)
    assert rules.reads_need_token is needs_token
    for name in ("localhost", *names):
        assert rules.knows_host(f"{name}:8005")
    assert not rules.knows_host("0.0.0.0:8005")


def test_a_certificate_and_its_key_are_read(tmp_path):
    context = tls_context(config_of(**write_certificate(tmp_path)))
    assert context.minimum_version >= ssl.TLSVersion.TLSv1_2


def test_files_that_cannot_be_used_are_named_with_the_cure(tmp_path):
    files = write_certificate(tmp_path)
    (tmp_path / "key.pem").chmod(0o644)
    with pytest.raises(ConfigError, match=r"key\.pem has mode 0644.*chmod 600"):
        tls_context(config_of(**files))
    (tmp_path / "key.pem").chmod(0o600)
    with pytest.raises(ConfigError, match="cannot be read"):
        tls_context(config_of(**{**files, "tls_certificate": str(tmp_path / "none.pem")}))
    with pytest.raises(ConfigError, match="cannot be read"):
        tls_context(config_of(**{**files, "tls_key": str(tmp_path / "none.pem")}))
    other = tmp_path / "other"
    other.mkdir()
    with pytest.raises(ConfigError, match="do not work together"):
        tls_context(config_of(**{**files, "tls_key": write_certificate(other)["tls_key"]}))
