"""`/x/` over HTTP: a POST needs the token, and the console's own headers are on every answer."""

import pytest

from tests.web.conftest import TOKEN
from tests.web.live_looking import LiveLookingSource
from traderd.web.access import AccessRules
from traderd.web.http_app import create_app
from traderd.web.live import LiveHub

HOST = {"Host": "127.0.0.1:8005"}


class Host:
    def __init__(self):
        self.asked = []

    def listing(self):
        return {"routes": [], "faults": []}

    async def answer(self, method, plugin, path, *, query, body):
        self.asked.append((method, plugin, path, dict(query), dict(body)))
        return 200, "text/csv", b"a,b\n"


@pytest.fixture
def host():
    return Host()


@pytest.fixture
def client(host):
    import trio

    source = LiveLookingSource()
    app = create_app(
        source,
        LiveHub(source),
        access=AccessRules(control_token=TOKEN),
        stop=trio.Event(),
        plugin_routes=host,
    )
    return app.test_client()


async def test_a_read_reaches_its_plugin_with_path_and_query(autojump_clock, host, client):
    answer = await client.get("/x/mine/a/b.csv?by=day", headers=HOST)
    assert (answer.status_code, await answer.get_data()) == (200, b"a,b\n")
    assert answer.headers["Content-Type"].startswith("text/csv")
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert host.asked == [("GET", "mine", "a/b.csv", {"by": "day"}, {})]


async def test_a_post_needs_the_token_and_json(autojump_clock, host, client):
    refused = await client.post("/x/mine/do", headers=HOST, data=b"{}")
    assert refused.status_code == 401
    assert host.asked == []
    token = {**HOST, "Authorization": f"Bearer {TOKEN}"}
    form = await client.post("/x/mine/do", headers=token, data=b"a=b")
    assert form.status_code == 415
    json = {**token, "Content-Type": "application/json"}
    done = await client.post("/x/mine/do", headers=json, data=b'{"a": 1}')
    assert done.status_code == 200
    assert host.asked == [("POST", "mine", "do", {}, {"a": 1})]


async def test_a_page_of_another_origin_cannot_post(autojump_clock, host, client):
    headers = {
        **HOST,
        "Authorization": f"Bearer {TOKEN}",
        "Content-Type": "application/json",
        "Origin": "https://evil.example",
    }
    assert (await client.post("/x/mine/do", headers=headers, data=b"{}")).status_code == 403
    assert host.asked == []


async def test_the_list_is_a_read_and_other_methods_are_none(autojump_clock, client):
    listing = await client.get("/x/", headers=HOST)
    assert await listing.get_json() == {"routes": [], "faults": []}
    assert (await client.delete("/x/mine/do", headers=HOST)).status_code == 405


async def test_options_tell_the_methods_of_the_plugin_s_own_route(
    autojump_clock, host, client, monkeypatch
):
    routes = [{"method": "GET", "path": "/x/mine/a.csv"}, {"method": "POST", "path": "/x/mine/do"}]
    monkeypatch.setattr(host, "listing", lambda: {"routes": routes, "faults": []})
    allowed = {}
    for path in ("a.csv", "do"):
        answer = await client.options(f"/x/mine/{path}", headers=HOST)
        allowed[path] = answer.headers["Allow"]
    assert allowed == {"a.csv": "GET, HEAD, OPTIONS", "do": "OPTIONS, POST"}
    assert host.asked == []
