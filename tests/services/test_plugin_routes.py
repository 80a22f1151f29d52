"""Routes of plugins: bounded in time, contained, and unable to trade by a GET."""

import msgspec
import pytest
import trio

from tests.services.still_daemon import still_daemon
from traderd.errors import BadInput
from traderd.model.commands import Calibrate, Outcome
from traderd.services.extensions import Owned, Route, RouteAnswer
from traderd.services.plugin_routes import GOODBYE_S, READ_BUDGET_S, PluginRoutes, notices_route
from traderd.web.api import Refusal


def serve(daemon, answer, *, method="GET", path="page", in_use=lambda: True):
    route = Route(path=path, answer=answer, method=method, meaning="A page.")
    daemon.shared.extensions.replace(
        notifiers=(), routes=[Owned("mine", route, in_use)], metrics=(), features=()
    )
    return PluginRoutes(daemon.context("web"))


async def ask(host, method="GET", path="page", **parts):
    return await host.answer(
        method, "mine", path, query=parts.get("query", {}), body=parts.get("body", {})
    )


async def page(request):
    return RouteAnswer(body=f"{request.look.environment} {dict(request.query)}")


async def test_a_route_answers_from_a_look(autojump_clock, tmp_path):
    async with still_daemon(tmp_path) as daemon:
        host = serve(daemon, page)
        status, kind, body = await ask(host, query={"a": "b"})
        assert (status, kind) == (200, "text/plain; charset=utf-8")
        assert body == b"sim {'a': 'b'}"


async def test_one_that_fails_is_a_500_without_its_words_and_listed_with_its_line(
    autojump_clock, tmp_path
):
    async def broken(request):
        raise ValueError("hush")

    async with still_daemon(tmp_path) as daemon:
        host = serve(daemon, broken)
        with pytest.raises(Refusal) as caught:
            await ask(host)
        assert (caught.value.status, caught.value.code) == (500, "plugin_failed")
        assert "hush" not in caught.value.sentence
        (fault,) = host.listing()["faults"]
        assert (fault["plugin"], fault["what"]) == ("mine", "route GET page")
        assert "test_plugin_routes.py:" in fault["where"]


async def test_one_that_does_not_answer_is_cut_off(autojump_clock, tmp_path):
    async def slow(request):
        await trio.sleep_forever()

    async with still_daemon(tmp_path) as daemon:
        host = serve(daemon, slow)
        before = trio.current_time()
        with pytest.raises(Refusal) as caught:
            await ask(host)
        assert caught.value.status == 504
        assert trio.current_time() - before == pytest.approx(READ_BUDGET_S)


@pytest.mark.parametrize(
    "answer",
    [
        "text",
        None,
        RouteAnswer(body=7),
        RouteAnswer(body="x", status=99),
        RouteAnswer(body="x", content_type="text/html\r\nSet-Cookie: a"),
        RouteAnswer(body=b"x" * (5 * 1024 * 1024)),
    ],
    ids=lambda one: type(one).__name__,
)
async def test_nonsense_is_the_plugins_defect(autojump_clock, tmp_path, answer):
    async def nonsense(request):
        return answer

    async with still_daemon(tmp_path) as daemon:
        with pytest.raises(Refusal) as caught:
            await ask(serve(daemon, nonsense))
        assert caught.value.status == 500


async def test_a_value_that_a_caller_got_wrong_is_the_callers(autojump_clock, tmp_path):
    async def picky(request):
        raise BadInput("by must be market or day")

    async with still_daemon(tmp_path) as daemon:
        host = serve(daemon, picky)
        with pytest.raises(BadInput, match="by must be"):
            await ask(host)
        assert host.listing()["faults"] == []


async def test_a_get_cannot_send_a_command_and_a_post_can(autojump_clock, tmp_path):
    async def calibrate(request):
        outcome: Outcome = await request.send(Calibrate())
        return RouteAnswer.json({"sentence": outcome.sentence, "body": dict(request.body)})

    async with still_daemon(tmp_path) as daemon:
        with pytest.raises(BadInput, match="a GET only reads, so it cannot send Calibrate"):
            await ask(serve(daemon, calibrate))
        host = serve(daemon, calibrate, method="POST")
        _, _, body = await ask(host, "POST", body={"a": 1})
        assert b"nothing serves Calibrate" in body
        with pytest.raises(Refusal) as caught:
            await ask(host)
        assert caught.value.status == 405


async def test_an_unknown_or_quarantined_route_says_where_to_look(autojump_clock, tmp_path):
    async with still_daemon(tmp_path) as daemon:
        host = serve(daemon, page, in_use=lambda: False)
        with pytest.raises(Refusal) as caught:
            await ask(host)
        assert caught.value.status == 503
        with pytest.raises(Refusal) as caught:
            await ask(host, path="elsewhere")
        assert (caught.value.status, caught.value.cure) == (404, "/x/ lists the routes.")


async def test_the_listing_has_every_route(autojump_clock, tmp_path):
    async with still_daemon(tmp_path) as daemon:
        (route,) = serve(daemon, page).listing()["routes"]
        assert route == {
            "method": "GET",
            "path": "/x/mine/page",
            "plugin": "mine",
            "meaning": "A page.",
        }


async def test_the_notices_are_a_read(autojump_clock, tmp_path):
    async with still_daemon(tmp_path) as daemon:
        document = msgspec.json.decode(notices_route(daemon.context("web")).body())
        assert document["alerts"] == []


async def test_a_post_that_hangs_goes_on_without_its_client_and_ends_with_the_daemon(
    autojump_clock, tmp_path
):
    async def hang(request):
        await trio.sleep_forever()

    async with still_daemon(tmp_path) as daemon:
        host = serve(daemon, hang, method="POST")
        told = []

        async def client():
            with pytest.raises(Refusal) as caught:
                await ask(host, "POST")
            told.append((caught.value.status, trio.current_time()))

        async with trio.open_nursery() as nursery:
            nursery.start_soon(client)
            await trio.sleep(1.0)
            # The client goes away, which takes nothing back.
            nursery.cancel_scope.cancel()
            with trio.CancelScope(shield=True):
                await trio.sleep(1.0)
                assert told == []
                stopping = trio.current_time()
                daemon.shared.lifecycle.stopping("a test says so")
                await trio.sleep(5.0)
        assert told == [(503, pytest.approx(stopping + GOODBYE_S))]
        # That it was broken off is no fault of the plugin.
        assert host.listing()["faults"] == []


async def test_a_post_answers_refuses_and_fails_as_a_get_does(autojump_clock, tmp_path):
    async def picky(request):
        if request.body.get("bad"):
            raise BadInput("no")
        return RouteAnswer(body="done")

    async with still_daemon(tmp_path) as daemon:
        host = serve(daemon, picky, method="POST")
        assert (await ask(host, "POST"))[2] == b"done"
        with pytest.raises(BadInput, match="no"):
            await ask(host, "POST", body={"bad": True})
