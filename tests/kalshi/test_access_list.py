import os
import struct

import pytest

from traderd.kalshi.access_list import ATTRIBUTE, grants_only, only_we_may_read
from traderd.kalshi.auth import generate_key, load_signer

OWNER, USER, GROUP, NAMED_GROUP, MASK, OTHER = 0x01, 0x02, 0x04, 0x08, 0x10, 0x20
READ, WRITE = 4, 2
NOBODY = 0xFFFFFFFF
US = 64_000


def access_list(*entries: tuple[int, int, int]) -> bytes:
    return struct.pack("<I", 2) + b"".join(struct.pack("<HHI", *entry) for entry in entries)


def of_systemd(user: int, granted: int = READ) -> list[tuple[int, int, int]]:
    """What systemd writes for `LoadCredential=` with a user of its own."""
    return [
        (OWNER, READ, NOBODY),
        (USER, granted, user),
        (GROUP, 0, NOBODY),
        (MASK, granted, NOBODY),
        (OTHER, 0, NOBODY),
    ]


def test_a_credential_of_systemd_is_for_us_alone():
    assert grants_only(access_list(*of_systemd(US)), user=US)


@pytest.mark.parametrize(
    "entries",
    [
        of_systemd(US + 1),
        of_systemd(US, READ | WRITE),
        [*of_systemd(US), (USER, READ, US + 1)],
        [*of_systemd(US), (NAMED_GROUP, READ, 5)],
        [*of_systemd(US)[:2], (GROUP, READ, NOBODY), *of_systemd(US)[3:]],
        [*of_systemd(US)[:4], (OTHER, READ, NOBODY)],
    ],
    ids=["another user", "writes", "a second user", "a second group", "the group", "everybody"],
)
def test_whatever_else_it_grants_is_too_much(entries):
    assert not grants_only(access_list(*entries), user=US)


@pytest.mark.parametrize("attribute", [b"", b"\x02", struct.pack("<I", 1), access_list() + b"x"])
def test_what_cannot_be_understood_grants_too_much(attribute):
    assert not grants_only(attribute, user=US)


def test_without_a_list_the_mode_alone_counts(tmp_path):
    path = tmp_path / "key"
    path.write_text("x")
    path.chmod(0o640)
    assert not only_we_may_read(path)
    assert not only_we_may_read(tmp_path / "none")


def test_a_key_with_such_a_list_is_taken(tmp_path):
    path = tmp_path / "kalshi-key"
    path.write_bytes(generate_key("ed25519")[0])
    path.chmod(0o400)
    try:
        os.setxattr(path, ATTRIBUTE, access_list(*of_systemd(os.geteuid())))
    except OSError:
        pytest.skip("this file system has no access lists")
    assert path.stat().st_mode & 0o777 == 0o440
    assert load_signer("a-key", path).key_id == "a-key"
