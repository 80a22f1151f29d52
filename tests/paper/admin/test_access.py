"""The admin file: what is written is read, and nothing else is."""

import pytest

from traderd.errors import ConfigError
from traderd.paper.admin.access import AdminAccess, decode_admin_access


def test_what_is_written_is_read():
    access = AdminAccess(admin_url="http://127.0.0.1:5/admin", token="secret")
    assert decode_admin_access(access.encode(), source="admin.json") == access


@pytest.mark.parametrize("content", [b"", b"{}", b"[]", b'{"admin_url": 3, "token": ""}', b"\xff"])
def test_anything_else_is_refused_with_the_files_name(content):
    with pytest.raises(ConfigError, match=r"keys/admin\.json is not what an exchange writes"):
        decode_admin_access(content, source="keys/admin.json")
