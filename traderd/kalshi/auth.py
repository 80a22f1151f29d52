"""Keys and signatures.

Owns: reading a private key safely, signing requests, and checking signatures for the exchange.
Must not: print, log or repeat key material; no message here quotes a key file's content.
Source: Kalshi: API keys (RSA-PSS with SHA-256 and salt 32; Ed25519 since 2026-09-24).
"""

from __future__ import annotations

import base64
import binascii
import stat
from pathlib import Path
from typing import Final, Literal, TypeAlias

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ed25519, padding, rsa

from traderd.errors import BadInput, ConfigError
from traderd.kalshi.access_list import only_we_may_read
from traderd.runtime.log_text import is_key_material

KEY_HEADER: Final = "KALSHI-ACCESS-KEY"
TIMESTAMP_HEADER: Final = "KALSHI-ACCESS-TIMESTAMP"
SIGNATURE_HEADER: Final = "KALSHI-ACCESS-SIGNATURE"

RSA_BITS_MIN: Final = 2048
"""Bounds the key from below: what Kalshi generates, and the least that is considered safe."""
KEY_FILE_BYTES_MAX: Final = 65_536
"""Bounds what is read from a key file: the largest honest one is below 7 KiB."""

PrivateKey: TypeAlias = rsa.RSAPrivateKey | ed25519.Ed25519PrivateKey
PublicKey: TypeAlias = rsa.RSAPublicKey | ed25519.Ed25519PublicKey


def signed_text(timestamp_ms: int | str, method: str, path: str) -> str:
    """Return what is signed: milliseconds, method and the path from the root, without its query."""
    return f"{timestamp_ms}{method.upper()}{path.partition('?')[0]}"


class Signer:
    """Signs requests with one key; the algorithm follows from the parsed key, never from its label."""

    def __init__(self, key_id: str, key: PrivateKey) -> None:
        self.key_id = key_id
        self._key = key
        self._cached_ms = -1
        self._cached: dict[tuple[str, str], dict[str, str]] = {}

    def __repr__(self) -> str:
        kind = "rsa" if isinstance(self._key, rsa.RSAPrivateKey) else "ed25519"
        return f"<Signer {kind} {self.key_id[:8]}…>"

    def headers(self, method: str, path: str, timestamp_ms: int) -> dict[str, str]:
        """Return the three headers for one request; call it just before sending (clock window, section 2.2).

        A signature covers the millisecond, the method and the path and nothing else (Kalshi: API keys), so requests
        that have all three alike share one: a burst of orders signs once a millisecond.
        """
        if timestamp_ms != self._cached_ms:
            self._cached_ms = timestamp_ms
            self._cached.clear()
        cached = self._cached.get((method, path))
        if cached is None:
            text = signed_text(timestamp_ms, method, path)
            cached = self._cached[method, path] = {
                KEY_HEADER: self.key_id,
                TIMESTAMP_HEADER: str(timestamp_ms),
                SIGNATURE_HEADER: base64.b64encode(self._sign(text.encode())).decode("ascii"),
            }
        return dict(cached)

    def public_pem(self) -> bytes:
        """Return the public half, to give to an exchange."""
        return _public_pem(self._key)

    def _sign(self, text: bytes) -> bytes:
        if isinstance(self._key, ed25519.Ed25519PrivateKey):
            return self._key.sign(text)
        salted = padding.PSS(
            mgf=padding.MGF1(hashes.SHA256()), salt_length=padding.PSS.DIGEST_LENGTH
        )
        return self._key.sign(text, salted, hashes.SHA256())


def load_signer(key_id: str, path: Path) -> Signer:
    """Read a private key file.

    Raises:
        ConfigError: the path is the key itself, missing, empty, readable by others, encrypted, not a private key, of a wrong type or too
            short; each sentence names the fault and the cure, and none quotes the file.
    """
    if is_key_material(str(path)):
        raise ConfigError(
            "exchange.key_file is the private key itself; save it to a file with mode 600 and set the path of that file"
        )
    try:
        mode = path.stat().st_mode
        if not stat.S_ISREG(mode):
            raise ConfigError(f"the key file {path} is not a file; set the path of a PEM file")
        if mode & (stat.S_IRWXG | stat.S_IRWXO) and not only_we_may_read(path):
            raise ConfigError(
                f"the key file {path} can be read or changed by others (mode {stat.S_IMODE(mode):04o}); "
                f"run: chmod 600 {path}"
            )
        with path.open("rb") as file:
            pem = file.read(KEY_FILE_BYTES_MAX + 1)
    except FileNotFoundError as exc:
        raise ConfigError(
            f"the key file {path} does not exist; save the private key there"
        ) from exc
    except OSError as exc:
        reason = exc.strerror or type(exc).__name__
        raise ConfigError(f"the key file {path} cannot be read: {reason}; make it yours") from exc
    return parse_signer(key_id, pem, source=f"the key file {path}")


def parse_signer(key_id: str, pem: bytes, *, source: str) -> Signer:
    """Return a signer from PEM text; `source` is what messages call it.  Raises ConfigError as `load_signer`."""
    if not key_id.strip():
        raise ConfigError(f"{source} has no key id; set the id that Kalshi shows beside the key")
    if not pem.strip():
        raise ConfigError(f"{source} is empty; save the private key there")
    if len(pem) > KEY_FILE_BYTES_MAX:
        raise ConfigError(f"{source} is too large for a private key; set the path of a PEM file")
    # The library's own messages are not chained: they may quote what they could not parse.
    try:
        key = serialization.load_pem_private_key(pem, password=None)
    except TypeError:
        raise ConfigError(
            f"{source} is encrypted; save it without a passphrase and with mode 600"
        ) from None
    except (ValueError, UnsupportedAlgorithm):
        cure = "save the whole private key, from its BEGIN line to its END line"
        if b"PUBLIC KEY" in pem:
            cure = "it holds a public key; save the private one"
        raise ConfigError(f"{source} is not a private key in PEM form; {cure}") from None
    if isinstance(key, rsa.RSAPrivateKey):
        if key.key_size < RSA_BITS_MIN:
            raise ConfigError(
                f"{source} has only {key.key_size} bits; create an RSA key of {RSA_BITS_MIN} or an Ed25519 key"
            )
    elif not isinstance(key, ed25519.Ed25519PrivateKey):
        raise ConfigError(f"{source} is neither an RSA nor an Ed25519 key; create one of these")
    return Signer(key_id.strip(), key)


def generate_key(kind: Literal["rsa", "ed25519"]) -> tuple[bytes, bytes]:
    """Return (private PEM, public PEM) in the forms that Kalshi hands out; entropy is the system's."""
    key: PrivateKey
    if kind == "rsa":
        key = rsa.generate_private_key(public_exponent=65_537, key_size=RSA_BITS_MIN)
        form = serialization.PrivateFormat.TraditionalOpenSSL
    else:
        key = ed25519.Ed25519PrivateKey.generate()
        form = serialization.PrivateFormat.PKCS8
    private = key.private_bytes(serialization.Encoding.PEM, form, serialization.NoEncryption())
    return private, _public_pem(key)


def load_public_key(pem: bytes) -> PublicKey:
    """Return a public key.

    Raises:
        BadInput: not PEM, or neither RSA of enough bits nor Ed25519.
    """
    try:
        key = serialization.load_pem_public_key(pem)
    except (ValueError, UnsupportedAlgorithm):
        raise BadInput("not a public key in PEM form") from None
    if isinstance(key, ed25519.Ed25519PublicKey):
        return key
    if isinstance(key, rsa.RSAPublicKey) and key.key_size >= RSA_BITS_MIN:
        return key
    raise BadInput(f"neither an Ed25519 key nor an RSA key of {RSA_BITS_MIN} bits or more")


def verify_signature(public_key: PublicKey, signature_b64: str, text: str) -> bool:
    """Tell whether a signature is good; any PSS salt length is accepted."""
    try:
        signature = base64.b64decode(signature_b64, validate=True)
    except (binascii.Error, ValueError):
        return False
    try:
        if isinstance(public_key, ed25519.Ed25519PublicKey):
            public_key.verify(signature, text.encode())
        else:
            salted = padding.PSS(mgf=padding.MGF1(hashes.SHA256()), salt_length=padding.PSS.AUTO)
            public_key.verify(signature, text.encode(), salted, hashes.SHA256())
    except InvalidSignature:
        return False
    return True


def public_key_pem(key: PublicKey) -> bytes:
    """Return a public key as `load_public_key` reads it."""
    return key.public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )


def _public_pem(key: PrivateKey) -> bytes:
    return public_key_pem(key.public_key())
