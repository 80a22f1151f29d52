import pytest

from tests.web.live_looking import ALPHA
from traderd.web.api import ReadRoute
from traderd.web.http_app import create_app

HOST = {"Host": "127.0.0.1:8005"}


async def test_the_console_is_served_at_the_root(autojump_clock, face):
    answer = await face.get("/")
    assert answer.status_code == 200
    assert answer.content_type == "text/html; charset=utf-8"
    assert b"traderd" in await answer.get_data()


@pytest.mark.parametrize(
    ("word", "status"), [("healthy", 200), ("degraded", 200), ("unhealthy", 503)]
)
async def test_health_is_503_only_when_unhealthy(autojump_clock, face, word, status):
    face.source.health_word = word
    answer = await face.get("/v3/health")
    assert answer.status_code == status
    assert (await answer.get_json())["health"] == word


@pytest.mark.parametrize("name", ["orders", "positions", "transitions", "fills", "log"])
async def test_a_read_returns_its_list_under_its_name(autojump_clock, face, name):
    answer = await face.get(f"/v3/{name}")
    body = await answer.get_json()
    assert answer.status_code == 200
    assert [key for key in body if key != "next"] == [name]
    assert len(body[name]) > 0


async def test_the_status_is_what_the_source_says(autojump_clock, face):
    answer = await face.get("/v3/status")
    assert await answer.get_json() == face.source.status()


async def test_markets_are_counted_and_as_many_listed_as_were_asked_for(autojump_clock, face):
    body = await (await face.get("/v3/markets")).get_json()
    assert (body["followed"], [row["grade"] for row in body["markets"]]) == (2, ["A", "F"])
    body = await (await face.get("/v3/markets?limit=1")).get_json()
    assert (body["followed"], len(body["markets"])) == (2, 1)


async def test_limit_takes_the_newest(autojump_clock, face):
    answer = await face.get("/v3/fills?limit=2")
    assert (await answer.get_json())["fills"] == face.source.fill_list[-2:]


@pytest.mark.parametrize("limit", ["0", "-1", "1001", "x", "", "1e3", "%C2%B2", "9" * 5000])
async def test_a_bad_limit_is_refused(autojump_clock, face, limit):
    answer = await face.get(f"/v3/log?limit={limit}")
    assert answer.status_code == 400
    assert (await answer.get_json())["error"]["code"] == "bad_input"


async def test_a_book_is_returned_by_ticker(autojump_clock, face):
    answer = await face.get(f"/v3/books/{ALPHA}")
    assert (await answer.get_json())["best_bid"] == "0.4600"


async def test_an_unknown_book_is_404_with_a_cure(autojump_clock, face):
    answer = await face.get("/v3/books/KXNONE")
    error = (await answer.get_json())["error"]
    assert answer.status_code == 404
    assert error["code"] == "unknown_book"
    # The cure holds however markets are chosen.
    assert "market_data.markets" in error["cure"]
    assert "market_data.discover" in error["cure"]


@pytest.mark.parametrize("ticker", ["..%2Fx", "a%2Fb"])
async def test_what_no_ticker_looks_like_is_still_answered_as_a_ticker(
    autojump_clock, face, ticker
):
    answer = await face.get(f"/v3/books/{ticker}")
    assert (await answer.get_json())["error"]["code"] == "unknown_book"


async def test_a_ticker_that_was_probably_meant_is_suggested(autojump_clock, face):
    answer = await face.get(f"/v3/books/{ALPHA.lower()}")
    error = (await answer.get_json())["error"]
    assert (answer.status_code, error["cure"]) == (404, f"Did you mean {ALPHA}?")


async def test_a_contributed_route_is_served_with_its_content_type(autojump_clock, face):
    route = ReadRoute(
        path="/metrics",
        content_type="text/plain",
        body=lambda: "traderd_up 1\n",
        summary="Metrics.",
    )
    app = create_app(
        face.source, face.hub, access=face.access, stop=face.stop, extra_routes=(route,)
    )
    answer = await app.test_client().get("/metrics", headers=HOST)
    assert (answer.content_type, await answer.get_data()) == ("text/plain", b"traderd_up 1\n")


@pytest.mark.parametrize("name", ["orders", "transitions", "fills", "log"])
async def test_lists_that_grow_have_pages(autojump_clock, face, name):
    whole = (await (await face.get(f"/v3/{name}?limit=1000")).get_json())[name]
    path, found = f"/v3/{name}?limit=2", []
    while path:
        body = await (await face.get(path)).get_json()
        assert 0 < len(body[name]) <= 2
        found = body[name] + found
        path = body["next"] and f"/v3/{name}?limit=2&before={body['next']}"
    assert found == whole


@pytest.mark.parametrize("before", ["", "x" * 101])
async def test_a_cursor_that_is_none_is_refused(autojump_clock, face, before):
    answer = await face.get(f"/v3/fills?before={before}")
    assert answer.status_code == 400
    assert "`next` of a page" in (await answer.get_json())["error"]["sentence"]
