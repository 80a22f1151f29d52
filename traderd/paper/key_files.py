"""Key files of the stand-alone exchange: made once, loaded ever after.

Owns: `NAME.pem` (the private key, mode 0600) and `NAME.id` (the key's id) in one directory.
Must not: keep a private key in memory longer than it takes to read its public half.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final, Literal, TypeAlias

import attrs
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from traderd.errors import ConfigError
from traderd.kalshi.auth import PublicKey, generate_key, load_public_key, load_signer

KeyType: TypeAlias = Literal["rsa", "ed25519"]
KEY_TYPES: Final[tuple[KeyType, ...]] = ("rsa", "ed25519")
"""RSA first: clients of before September 2026 know nothing else."""
PRIVATE_MODE: Final = 0o600
DIRECTORY_MODE: Final = 0o700
_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}", re.ASCII)
"""Names become file names, so nothing that means more than itself to a file system."""
_KEY_ID: Final = re.compile(r"[!-~]{1,128}", re.ASCII)
"""Ids travel in a header."""


@attrs.frozen(kw_only=True)
class KeyFile:
    """One account's key as it lies on disk."""

    name: str
    key_id: str
    path: Path
    public_key: PublicKey

    @property
    def key_type(self) -> KeyType:
        """What it really is, whatever was asked for."""
        return "ed25519" if isinstance(self.public_key, Ed25519PublicKey) else "rsa"


def make_key_file(directory: Path, name: str, key_id: str, key_type: KeyType = "rsa") -> KeyFile:
    """Make a key that is not there yet.  Blocks on the disk.

    Raises:
        ConfigError: there is one already, or what `ensure_key_file` raises.
    """
    key_path, id_path = _paths(directory, name)
    for path in (key_path, id_path):
        if path.exists():
            raise ConfigError(f"{path} exists: choose another name, or remove it")
    return ensure_key_file(directory, name, key_id, key_type)


def ensure_key_file(
    directory: Path, name: str, new_key_id: str, key_type: KeyType = "rsa"
) -> KeyFile:
    """Return the account's key, made with `new_key_id` when there is none yet.  Blocks on the disk.

    One that is there stays as it is, whatever its type.

    Raises:
        ConfigError: a bad name, half a key, one that others can read, or one that is none; names file and cure.
    """
    key_path, id_path = _paths(directory, name)
    try:
        directory.mkdir(mode=DIRECTORY_MODE, parents=True, exist_ok=True)
        if key_path.exists() != id_path.exists():
            here, missing = (key_path, id_path) if key_path.exists() else (id_path, key_path)
            raise ConfigError(f"{here} exists without {missing}: restore it, or remove {here}")
        if not key_path.exists():
            private_pem, _ = generate_key(key_type)
            # The id first: a key file is never without one, whenever we are stopped.
            write_whole(id_path, f"{new_key_id}\n".encode())
            write_whole(key_path, private_pem)
        return _load(name, key_path, id_path)
    except OSError as exc:
        raise ConfigError(
            f"the keys directory {directory} cannot be used: "
            f"{exc.filename or directory}: {exc.strerror or exc}"
        ) from exc


def _paths(directory: Path, name: str) -> tuple[Path, Path]:
    if _NAME.fullmatch(name) is None:
        raise ConfigError(
            f"{name!r} cannot be an account's name: use letters, digits, - and _, at most 64"
        )
    return directory / f"{name}.pem", directory / f"{name}.id"


def write_whole(path: Path, content: bytes) -> None:
    """Write a private file so that readers see all of it or the old one.  Blocks; raises OSError."""
    fresh = path.with_name(f".{path.name}.new")
    fresh.unlink(missing_ok=True)
    # Made with its mode, so there is no moment in which others could open it.
    fresh.touch(mode=PRIVATE_MODE, exist_ok=False)
    fresh.write_bytes(content)
    fresh.replace(path)


def _load(name: str, key_path: Path, id_path: Path) -> KeyFile:
    key_id = id_path.read_bytes().decode("utf-8", "replace").strip()
    if _KEY_ID.fullmatch(key_id) is None:
        raise ConfigError(f"{id_path} does not hold a key id: remove it and {key_path}")
    signer = load_signer(key_id, key_path)
    public_key = load_public_key(signer.public_pem())
    return KeyFile(name=name, key_id=key_id, path=key_path, public_key=public_key)
