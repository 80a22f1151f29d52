"""Keys over a restart."""

import pytest

from traderd.errors import BadInput
from traderd.kalshi.auth import generate_key, load_public_key
from traderd.paper.auth_check import ApiKey
from traderd.paper.state.key_rows import key_of, key_row


@pytest.mark.parametrize("kind", ["rsa", "ed25519"])
def test_a_key_comes_back_as_it_was(kind):
    _, public_pem = generate_key(kind)
    key = ApiKey(
        key_id="id",
        account_id="ann",
        public_key=load_public_key(public_pem),
        name="reads",
        scopes=("read",),
        subaccount=3,
    )
    row = key_row(key, is_there=True)
    assert not row.deleted
    assert key_of(row) == key
    assert key_row(key, is_there=False).deleted


def test_a_row_without_a_key_is_refused():
    _, public_pem = generate_key("ed25519")
    key = ApiKey(key_id="id", account_id="ann", public_key=load_public_key(public_pem))
    row = key_row(key, is_there=True)
    row.public_pem = "nothing"
    with pytest.raises(BadInput, match="not a public key"):
        key_of(row)
