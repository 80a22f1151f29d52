"""Which heads are let through; over the wire they are in tests/contract/test_attack_matrix.py."""

import h11
import pytest

from traderd.web.request_heads import CheckedHeads, is_readable_target

HOST = b"Host: 127.0.0.1\r\n"
UPGRADE = (
    b"GET /v3/ws HTTP/1.1\r\n"
    + HOST
    + b"Upgrade: websocket\r\nConnection: keep-alive, Upgrade\r\n"
    + b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n"
)


def heard(head):
    heads = CheckedHeads(h11.SERVER)
    heads.receive_data(head)
    return heads, heads.next_event()


@pytest.mark.parametrize(
    "target",
    [
        "/",
        "/a?b=c",
        "//a",
        "/%5B",
        "http://h/",
        "https://h:1/a?b#c",
        "http://[::1]:8/a",
        "/?http://[",
    ],
)
def test_a_path_and_an_address_can_be_read(target):
    assert is_readable_target(target.encode())


@pytest.mark.parametrize(
    "target",
    [
        "?x",
        "*",
        "a",
        "127.0.0.1:80",
        "http://",
        "http:///a",
        "http://h",
        "http://[::1",
        "http://h%5B/",
        "ws://h/a",
        "file:///etc/passwd",
        "",
    ],
)
def test_any_other_target_cannot(target):
    assert not is_readable_target(target.encode())


@pytest.mark.parametrize("version", [b"0.9", b"1.2", b"2.0", b"9.9"])
def test_another_version_of_http_is_refused(version):
    with pytest.raises(h11.RemoteProtocolError, match="version"):
        heard(b"GET / HTTP/" + version + b"\r\n" + HOST + b"\r\n")


@pytest.mark.parametrize("upgrade", [b"h2c", b"H2C", b"TLS/1.0", b"websocket"])
def test_an_upgrade_that_is_none_to_a_websocket_is_an_ordinary_request(upgrade):
    head = b"POST /a HTTP/1.1\r\n" + HOST + b"Connection: Upgrade\r\nUpgrade: " + upgrade
    heads, event = heard(head + b"\r\nX: y\r\n\r\n")
    assert (event.method, event.target, event.http_version) == (b"POST", b"/a", b"1.1")
    assert list(event.headers) == [
        (b"host", b"127.0.0.1"),
        (b"connection", b"Upgrade"),
        (b"x", b"y"),
    ]
    assert not heads.is_upgraded


@pytest.mark.parametrize(
    "extensions",
    [
        b"",
        b"permessage-deflate",
        b"permessage-deflate; client_max_window_bits",
        b"permessage-deflate; server_max_window_bits=9, x-unknown; a=b",
    ],
)
def test_an_upgrade_to_a_websocket_goes_through(extensions):
    heads, event = heard(UPGRADE + b"Sec-WebSocket-Extensions: " + extensions + b"\r\n\r\n")
    assert dict(event.headers)[b"upgrade"] == b"websocket"
    assert heads.is_upgraded


@pytest.mark.parametrize(
    "broken",
    [
        UPGRADE + b"Sec-WebSocket-Extensions: permessage-deflate; server_max_window_bits=abc\r\n",
        UPGRADE
        + b'Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits=9; server_max_window_bits="9"\r\n',
        UPGRADE + b"Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits=\r\n",
        UPGRADE + b"Sec-WebSocket-Extensions: \xff\r\n",
        UPGRADE + b"Sec-WebSocket-Protocol: \xff\r\n",
        b"GET /v3/ws HTTP/1.1\r\nConnection: \xff\r\n" + UPGRADE.partition(b"\r\n")[2],
        UPGRADE.replace(b"Sec-WebSocket-Key", b"X"),
        UPGRADE.replace(b"Version: 13", b"Version: 12"),
        UPGRADE.replace(b"HTTP/1.1", b"HTTP/1.0"),
    ],
    ids=range(9),
)
def test_an_upgrade_that_would_fail_later_is_refused(broken):
    with pytest.raises(h11.RemoteProtocolError, match="upgrade"):
        heard(broken + b"\r\n")


def test_what_came_before_the_upgrade_was_agreed_on_is_refused():
    with pytest.raises(h11.RemoteProtocolError, match="upgrade"):
        heard(UPGRADE + b"\r\n\x81\x80abcd")
