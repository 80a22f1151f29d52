"""API keys as rows of a state file and back.

Owns: the public half in PEM, scopes and lock of a key.
Must not: see a private key.
"""

from __future__ import annotations

from traderd.kalshi.auth import load_public_key, public_key_pem
from traderd.paper.auth_check import ApiKey
from traderd.paper.state.rows import KeyRow


def key_row(key: ApiKey, *, is_there: bool) -> KeyRow:
    """Return the row of a key that came, or with `is_there` False of one that went."""
    return KeyRow(
        key_id=key.key_id,
        account_id=key.account_id,
        public_pem=public_key_pem(key.public_key).decode("ascii"),
        name=key.name,
        scopes=key.scopes,
        subaccount=key.subaccount,
        deleted=not is_there,
    )


def key_of(row: KeyRow) -> ApiKey:
    """Return a kept key; raises BadInput for a row that holds none."""
    return ApiKey(
        key_id=row.key_id,
        account_id=row.account_id,
        public_key=load_public_key(row.public_pem.encode()),
        name=row.name,
        scopes=row.scopes,
        subaccount=row.subaccount,
    )
