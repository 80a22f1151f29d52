"""One request: signature, deadline, clock, counters."""

import pytest
import trio

from traderd.errors import (
    AuthenticationRefused,
    ExchangeProtocolError,
    ExchangeRefused,
    ExchangeUnavailable,
    OutcomeUnknown,
)
from traderd.kalshi.request import REQUEST_DEADLINE_S, Requester
from traderd.kalshi.transport import make_http_client
from traderd.kalshi.wire.rest import ExchangeStatus

STATUS = {"exchange_active": True, "trading_active": True}


def client(exchange, *, signed=True):
    http = make_http_client(exchange.env, base_url=exchange.base_url)
    signer = exchange.signer if signed else None
    return http, Requester(exchange.env, http, "/trade-api/v2", signer)


async def test_the_full_path_is_signed_without_its_query_at_the_time_of_sending(
    exchange, autojump_clock
):
    exchange.reply(200, STATUS)
    http, requester = client(exchange)
    await trio.sleep(7)
    async with http:
        await requester.get("/exchange/status", ExchangeStatus, {"a": "1"})
    (request,) = exchange.requests
    assert exchange.verified(request)
    assert request.path == "/trade-api/v2/exchange/status"
    assert request.query == {"a": "1"}
    assert request.headers["kalshi-access-key"] == "key-1"
    assert int(request.headers["kalshi-access-timestamp"]) == 1_794_724_177_000


async def test_without_a_signer_nothing_is_signed(exchange, autojump_clock):
    exchange.reply(200, STATUS)
    http, requester = client(exchange, signed=False)
    async with http:
        await requester.get("/exchange/status", ExchangeStatus)
    assert "kalshi-access-key" not in exchange.requests[0].headers


@pytest.mark.parametrize("skew_s", [-40, 40])
async def test_the_exchanges_clock_is_learned_and_used_for_the_next_signature(
    exchange, autojump_clock, skew_s
):
    exchange.skew_s = skew_s
    exchange.reply(401, {"error": {"code": "header_timestamp_expired", "message": "expired"}})
    exchange.reply(200, STATUS)
    http, requester = client(exchange)
    async with http:
        with pytest.raises(AuthenticationRefused, match=r"clock is .* the exchange's"):
            await requester.get("/exchange/status", ExchangeStatus)
        assert abs(requester.clock_offset_ms - skew_s * 1000) <= 600
        await requester.get("/exchange/status", ExchangeStatus)
    stamp = int(exchange.requests[1].headers["kalshi-access-timestamp"])
    assert abs(stamp - 1_794_724_170_000 - skew_s * 1000) <= 700
    assert exchange.verified(exchange.requests[1])


@pytest.mark.parametrize(("writes", "kind"), [(False, ExchangeUnavailable), (True, OutcomeUnknown)])
async def test_the_deadline_is_for_the_whole_request_and_not_for_each_read(
    exchange, autojump_clock, writes, kind
):
    async def dribble(stream):
        await stream.receive_some()
        for byte in b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n" + b"x" * 100:
            await stream.send_all(bytes([byte]))
            await trio.sleep(1)

    async def serve(stream):
        try:
            await dribble(stream)
        except trio.BrokenResourceError:
            await stream.aclose()

    exchange.env.servers["exchange.test", 80] = serve
    http, requester = client(exchange)
    started = trio.current_time()
    async with http:
        with pytest.raises(kind, match="no answer in time"):
            await requester.send("GET", "/x", writes=writes)
    assert trio.current_time() - started == pytest.approx(REQUEST_DEADLINE_S)


async def test_an_answer_of_the_wrong_shape_is_a_protocol_error_by_name(exchange, autojump_clock):
    exchange.reply(200, {"exchange_active": True})
    http, requester = client(exchange)
    async with http:
        with pytest.raises(ExchangeProtocolError, match=r"GET /exchange/status.*trading_active"):
            await requester.get("/exchange/status", ExchangeStatus)
    assert requester.statistics().errors == 1


async def test_statistics_count_requests_and_what_failed_but_not_plain_refusals(
    exchange, autojump_clock
):
    exchange.reply(200, STATUS)
    exchange.reply(404, {"error": {"code": "not_found", "message": "not found"}})
    exchange.reply(503)
    exchange.reset()
    http, requester = client(exchange)
    async with http:
        await requester.get("/x", ExchangeStatus)
        with pytest.raises(ExchangeRefused):
            await requester.get("/x", ExchangeStatus)
        for _ in range(2):
            with pytest.raises(ExchangeUnavailable):
                await requester.get("/x", ExchangeStatus)
    statistics = requester.statistics()
    assert (statistics.requests, statistics.errors, statistics.clock_offset_ms) == (4, 2, 0)
    assert statistics.last_latency_s is not None


async def test_a_cancelled_request_leaves_the_client_usable(exchange, autojump_clock):
    exchange.hang()
    exchange.reply(200, STATUS)
    http, requester = client(exchange)
    async with http:
        with trio.move_on_after(1) as scope:
            await requester.get("/x", ExchangeStatus)
        assert scope.cancelled_caught
        assert (await requester.get("/x", ExchangeStatus)).trading_active
