import base64

import pytest
import structlog
import trio
from quart.testing.connections import WebsocketResponseError

from tests.web.conftest import TOKEN
from tests.web.live_looking import LiveLookingSource
from traderd.web.access import AccessRules
from traderd.web.gate import is_this_machine
from traderd.web.http_app import create_app
from traderd.web.live import LiveHub
from traderd.web.seldom import SAY_AGAIN_S
from traderd.web.wrong_tokens import FREE_ATTEMPTS

READ = "look-but-do-not-touch-it"
FAR = "192.0.2.7"


class Guarded:
    """An application that shows nothing without a token, asked from an address."""

    def __init__(self, *, reads_need_token=True):
        self.source = LiveLookingSource()
        rules = AccessRules(control_token=TOKEN, read_token=READ, reads_need_token=reads_need_token)
        hub = LiveHub(self.source)
        self.client = create_app(self.source, hub, access=rules, stop=trio.Event()).test_client()

    async def ask(self, path="/v3/status", authorization="", *, method="GET", peer=FAR, **headers):
        given = {"Host": "127.0.0.1:8005", **headers}
        if authorization:
            given["Authorization"] = authorization
        scope = {"state": {"local_socket": False, "peer": peer}}
        return await self.client.open(path, method=method, headers=given, scope_base=scope)


def password(token):
    return "Basic " + base64.b64encode(f"me:{token}".encode()).decode()


@pytest.mark.parametrize(
    "path", ["/", "/v3/status", "/metrics", "/x/", "/v3/openapi.json", "/none"]
)
async def test_where_reads_need_a_token_nothing_is_shown_without_one(autojump_clock, path):
    answer = await Guarded().ask(path)
    assert answer.status_code == 401
    assert answer.headers["WWW-Authenticate"].startswith("Basic realm=")
    assert (await answer.get_json())["error"]["code"] == "token_needed"


@pytest.mark.parametrize("authorization", [f"Bearer {READ}", f"Bearer {TOKEN}", password(READ)])
async def test_either_token_shows_everything(autojump_clock, authorization):
    assert (await Guarded().ask("/", authorization)).status_code == 200


async def test_the_live_stream_needs_the_token_too(autojump_clock):
    guarded = Guarded()
    headers = {"Host": "127.0.0.1:8005"}
    with pytest.RaisesGroup(
        pytest.RaisesExc(WebsocketResponseError), flatten_subgroups=True, allow_unwrapped=True
    ):
        async with guarded.client.websocket("/v3/ws", headers=headers) as websocket:
            await websocket.receive()
    headers["Authorization"] = password(READ)
    async with guarded.client.websocket("/v3/ws", headers=headers):
        pass


@pytest.mark.parametrize("authorization", [f"Bearer {READ}", password(READ), password(TOKEN)])
@pytest.mark.parametrize("guarded", [True, False])
async def test_a_reader_gives_no_orders(autojump_clock, authorization, guarded):
    face = Guarded(reads_need_token=guarded)
    answer = await face.ask("/v3/commands/pause", authorization, method="POST")
    assert answer.status_code == 403
    assert (await answer.get_json())["error"]["code"] == "read_only"
    assert face.source.commands == []


async def test_after_some_wrong_tokens_an_address_has_to_wait_even_with_the_right_one(
    autojump_clock,
):
    face = Guarded()
    for _ in range(FREE_ATTEMPTS + 3):
        answer = await face.ask(authorization="Bearer wrong")
    assert answer.status_code == 429
    assert int(answer.headers["Retry-After"]) >= 1
    assert (await face.ask(authorization=f"Bearer {TOKEN}")).status_code == 429
    assert (await face.ask(authorization=f"Bearer {TOKEN}", peer="192.0.2.8")).status_code == 200
    await trio.sleep(int(answer.headers["Retry-After"]))
    assert (await face.ask(authorization=f"Bearer {TOKEN}")).status_code == 200


@pytest.mark.parametrize("peer", ["127.0.0.1", "::1", "::ffff:127.0.0.1", ""])
async def test_who_guesses_on_this_machine_is_slowed_down_but_locks_out_nobody(
    autojump_clock, peer
):
    face = Guarded()
    for _ in range(FREE_ATTEMPTS + 2):
        answer = await face.ask(authorization="Bearer wrong", peer=peer)
    assert answer.status_code == 429
    assert (await face.ask(authorization=f"Bearer {TOKEN}", peer=peer)).status_code == 200


async def test_a_flood_of_refusals_is_a_line_in_ten_seconds_that_tells_how_many_there_were(
    autojump_clock,
):
    face = Guarded()
    with structlog.testing.capture_logs() as lines:
        for _ in range(200):
            await face.ask(Host="evil.example" * 500)
        assert [line["reason"] for line in lines] == ["host"]
        assert len(str(lines)) < 1_000
        await trio.sleep(SAY_AGAIN_S)
        await face.ask(Host="evil.example")
    assert [line.get("more") for line in lines] == [None, 199]
    assert lines[0]["peer"] == FAR


async def test_a_token_is_in_no_log_line(autojump_clock):
    face = Guarded()
    with structlog.testing.capture_logs() as lines:
        await face.ask(authorization="Bearer my-secret-of-another-site")
        await face.ask(authorization=password("my-secret-of-another-site"))
        await face.ask("/v3/commands/pause", f"Bearer {READ}", method="POST")
    assert {line["reason"] for line in lines} == {"token", "read_only"}
    for secret in ("my-secret", READ, TOKEN):
        assert secret not in str(lines)


@pytest.mark.parametrize(
    ("peer", "here"),
    [
        ("127.0.0.1", True),
        ("127.9.9.9", True),
        ("::1", True),
        ("", True),
        ("192.0.2.7", False),
        ("::ffff:192.0.2.7", False),
        ("fe80::1%eth0", False),
        ("nonsense", False),
    ],
)
def test_which_addresses_are_of_this_machine(peer, here):
    assert is_this_machine(peer) is here


async def test_a_token_that_only_reads_makes_no_wrong_one_good(autojump_clock):
    """Who has it would otherwise have as many guesses of the other one as he likes."""
    guarded, statuses = Guarded(), []
    for number in range(50):
        answer = await guarded.ask(authorization="Bearer wrong-but-long-enough")
        statuses.append(answer.status_code)
        if number % 4 == 3:
            await guarded.ask(authorization=f"Bearer {READ}")
    assert statuses.count(401) == FREE_ATTEMPTS + 1
    assert statuses.count(429) == 50 - FREE_ATTEMPTS - 1


async def test_the_control_token_makes_wrong_ones_good(autojump_clock):
    guarded = Guarded()
    for _ in range(3 * FREE_ATTEMPTS):
        for _ in range(FREE_ATTEMPTS - 1):
            answer = await guarded.ask(authorization="Bearer wrong-but-long-enough")
            assert answer.status_code == 401
        assert (await guarded.ask(authorization=f"Bearer {TOKEN}")).status_code == 200
