"""Key files: made once, loaded after, refused when they cannot be trusted."""

import stat

import pytest

from traderd.errors import ConfigError
from traderd.kalshi.auth import load_signer, verify_signature
from traderd.paper.key_files import KEY_TYPES, ensure_key_file, make_key_file, write_whole


def test_a_key_is_made_with_private_modes_and_can_sign(tmp_path):
    directory = tmp_path / "keys"
    made = ensure_key_file(directory, "ann", "id-1")
    assert (made.name, made.key_id, made.path) == ("ann", "id-1", directory / "ann.pem")
    assert stat.S_IMODE(directory.stat().st_mode) == 0o700
    for name in ("ann.pem", "ann.id"):
        assert stat.S_IMODE((directory / name).stat().st_mode) == 0o600
    assert (directory / "ann.id").read_text() == "id-1\n"
    assert sorted(path.name for path in directory.iterdir()) == ["ann.id", "ann.pem"]
    signature = load_signer("id-1", made.path).headers("GET", "/a", 5)["KALSHI-ACCESS-SIGNATURE"]
    assert verify_signature(made.public_key, signature, "5GET/a")


@pytest.mark.parametrize("key_type", KEY_TYPES)
def test_a_key_is_of_the_type_that_was_asked_for(tmp_path, key_type):
    made = ensure_key_file(tmp_path, "ann", "id-1", key_type)
    assert made.key_type == key_type
    first_line = made.path.read_text().splitlines()[0]
    # What Kalshi hands out, and what older clients look for.
    assert ("RSA" in first_line) is (key_type == "rsa")


def test_a_key_that_is_there_keeps_its_type(tmp_path):
    ensure_key_file(tmp_path, "ann", "id-1", "ed25519")
    assert ensure_key_file(tmp_path, "ann", "id-2", "rsa").key_type == "ed25519"


def test_a_new_key_takes_nobodys_place(tmp_path):
    made = make_key_file(tmp_path, "ann", "id-1", "ed25519")
    content = made.path.read_bytes()
    with pytest.raises(ConfigError, match=r"ann\.pem exists: choose another name"):
        make_key_file(tmp_path, "ann", "id-2")
    made.path.unlink()
    with pytest.raises(ConfigError, match=r"ann\.id exists"):
        make_key_file(tmp_path, "ann", "id-2")
    assert content.startswith(b"-----BEGIN PRIVATE KEY-----")


def test_the_same_key_is_loaded_ever_after(tmp_path):
    made = ensure_key_file(tmp_path, "ann", "id-1")
    again = ensure_key_file(tmp_path, "ann", "id-2")
    assert again.key_id == "id-1"
    assert again.public_key == made.public_key
    assert ensure_key_file(tmp_path, "bob", "id-3").public_key != made.public_key


@pytest.mark.parametrize(
    "name", ["", "../ann", "a/b", ".hidden", "-x", "a b", "ä", "a" * 65, "a\n"]
)
def test_names_that_are_more_than_names_are_refused(tmp_path, name):
    with pytest.raises(ConfigError, match="cannot be an account's name"):
        ensure_key_file(tmp_path, name, "id-1")
    assert list(tmp_path.iterdir()) == []


def test_a_key_that_others_can_read_is_refused(tmp_path):
    ensure_key_file(tmp_path, "ann", "id-1").path.chmod(0o644)
    with pytest.raises(ConfigError, match="chmod 600"):
        ensure_key_file(tmp_path, "ann", "id-1")


@pytest.mark.parametrize(("gone", "there"), [("ann.pem", "ann.id"), ("ann.id", "ann.pem")])
def test_half_a_key_is_refused(tmp_path, gone, there):
    ensure_key_file(tmp_path, "ann", "id-1")
    (tmp_path / gone).unlink()
    with pytest.raises(ConfigError, match=f"{there} exists without .*{gone}"):
        ensure_key_file(tmp_path, "ann", "id-1")


@pytest.mark.parametrize(("name", "content"), [("ann.pem", b"no key"), ("ann.id", b"two words\n")])
def test_files_that_hold_something_else_are_refused(tmp_path, name, content):
    ensure_key_file(tmp_path, "ann", "id-1")
    (tmp_path / name).write_bytes(content)
    with pytest.raises(ConfigError, match=name):
        ensure_key_file(tmp_path, "ann", "id-1")


def test_a_directory_that_cannot_be_made_is_named(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(ConfigError, match="file"):
        ensure_key_file(tmp_path / "file" / "keys", "ann", "id-1")


def test_writing_replaces_the_whole_file_and_leaves_no_rest(tmp_path):
    path = tmp_path / "ready"
    write_whole(path, b"a long first content")
    (tmp_path / ".ready.new").write_text("left by a crash")
    write_whole(path, b"second")
    assert path.read_bytes() == b"second"
    assert list(tmp_path.iterdir()) == [path]
