"""What a line of the request log says, and that writing it changes nothing."""

import pytest
import trio

from tests.paper.served import VirtualEnv, open_bench
from traderd.paper.serving.http_server import ConnectionDropped, Request, Response
from traderd.paper.serving.request_log import RequestLog, code_of

REQUEST = Request(
    method="GET", path="/a", query=(("secret", "s3cret"),), headers={"who": "ann lee"}, body=b"b"
)


def log_to(lines: list[str]) -> RequestLog:
    return RequestLog(env=VirtualEnv(), who=lambda headers: headers.get("who"), write=lines.append)


def words(line: str) -> list[str]:
    """Return a line without its time, which is checked."""
    stamp, *rest = line.split(" ")
    assert stamp.startswith("20")
    assert stamp.endswith("Z")
    return rest


async def test_a_request_is_one_line_without_its_query_headers_and_body(autojump_clock):
    lines = []

    async def slow(request: Request) -> Response:
        await trio.sleep(0.25)
        return Response(status=200, body=b"{}")

    response = await log_to(lines).handler(slow)(REQUEST)
    assert response == Response(status=200, body=b"{}")
    (line,) = lines
    assert words(line) == ["GET", "/a", "200", "-", "ann_lee", "250.0ms"]


@pytest.mark.parametrize(
    ("failure", "said"),
    [
        (ConnectionDropped("a fault"), ["dropped", "-"]),
        (LookupError("a defect"), ["500", "internal_error"]),
    ],
)
async def test_what_gets_no_answer_is_logged_too(autojump_clock, failure, said):
    lines = []

    async def fail(request: Request) -> Response:
        raise failure

    with pytest.raises(type(failure)) as caught:
        await log_to(lines).handler(fail)(REQUEST)
    assert caught.value is failure
    assert words(lines[0])[2:4] == said


async def test_a_request_that_is_canceled_was_dropped(autojump_clock):
    lines = []

    async def wait(request: Request) -> Response:
        await trio.sleep_forever()

    with trio.move_on_after(1):
        await log_to(lines).handler(wait)(REQUEST)
    assert words(lines[0])[2:] == ["dropped", "-", "ann_lee", "1000.0ms"]


async def test_upgrades_are_logged_taken_or_refused(autojump_clock):
    lines = []

    async def session(_) -> None:
        raise AssertionError("nobody runs it")

    refused = Response(status=401, body=b'{"error":{"code":"who"}}')
    for answer in (session, refused):
        upgrade = log_to(lines).upgrader(lambda request, answer=answer: answer)
        assert upgrade(REQUEST) is answer
    assert [words(line)[2:4] for line in lines] == [["101", "-"], ["401", "who"]]


@pytest.mark.parametrize(
    ("status", "body", "code"),
    [
        (200, b'{"code":"x"}', "-"),
        (409, b'{"error":{"code":"x","message":"y"}}', "x"),
        (400, b'{"code":"x","message":"y"}', "x"),
        (429, b'{"error":"too many requests"}', "too many requests"),
        (400, b'{"error":{"code":7}}', "-"),
        (400, b"[]", "-"),
        (502, b"<html>", "-"),
        (502, b"", "-"),
    ],
)
def test_the_code_is_found_in_every_shape_of_refusal(status, body, code):
    assert code_of(Response(status=status, body=body)) == code


async def test_lines_that_nobody_takes_end_the_log_and_not_the_exchange(autojump_clock):
    tried = []

    def gone(line: str) -> None:
        tried.append(line)
        raise BrokenPipeError

    async def answer(request: Request) -> Response:
        return Response(status=200)

    log = RequestLog(env=VirtualEnv(), who=lambda headers: None, write=gone)
    for _ in range(3):
        assert (await log.handler(answer)(REQUEST)).status == 200
    assert len(tried) == 1


async def test_an_exchange_logs_who_asked_for_what(autojump_clock):
    lines = []
    async with open_bench(log=lines.append) as bench:
        trader = await bench.trader()
        await trader.ask("GET", "/portfolio/orders?limit=5")
        await trader.place("bid", "0", "0.40")
        await (await bench.client()).ask("GET", "/nowhere")
        async with trader.feed():
            pass
    heads = [words(line)[:-1] for line in lines]
    assert heads[0] == ["GET", "/trade-api/v2/portfolio/orders", "200", "-", "ann"]
    assert heads[1][0:3] == ["POST", "/trade-api/v2/portfolio/events/orders", "400"]
    assert heads[1][3] not in ("-", "")
    assert heads[2] == ["GET", "/nowhere", "404", "page_not_found", "-"]
    assert heads[3] == ["GET", "/trade-api/ws/v2", "101", "-", "ann"]
