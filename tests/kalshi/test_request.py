"""One request: signature, deadline, clock, counters."""

import pytest
import trio
import trio.testing

from traderd.errors import (
    AuthenticationRefused,
    ExchangeProtocolError,
    ExchangeRefused,
    ExchangeUnavailable,
    NotSent,
    OutcomeUnknown,
)
from traderd.kalshi.limits import LINES_MAX, BucketSize, Traffic
from traderd.kalshi.request import REQUEST_DEADLINE_S, Requester
from traderd.kalshi.rest import open_rest
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


# --- writes ---------------------------------------------------------------------------------------


def opened(exchange):
    return open_rest(env=exchange.env, base_url=exchange.base_url, signer=exchange.signer)


async def write(client, **more):
    return await client._all.send(
        "POST", "/portfolio/events/orders", body=b"{}", writes=True, **more
    )


async def test_a_write_is_signed_when_its_connection_stands_and_its_turn_is_there(
    exchange, autojump_clock
):
    connect = exchange.env.connect

    async def slowly(host, port, *, tls):
        await trio.sleep(3)
        return await connect(host, port, tls=tls)

    exchange.env.connect = slowly
    exchange.reply(201, {})
    async with opened(exchange) as client:
        await write(client)
    (request,) = exchange.requests
    assert exchange.verified(request)
    assert int(request.headers["kalshi-access-timestamp"]) == 1_794_724_173_000
    assert request.headers["content-type"] == "application/json"
    assert request.headers["host"] == "exchange.test"


async def test_nothing_is_awaited_between_the_last_question_and_the_first_byte(
    exchange, autojump_clock
):
    """I13: whatever was true at the question is true when the order leaves."""
    order, passes = [], []
    exchange.reply(201, {})

    async def count_passes():
        while True:
            passes.append(len(order))
            await trio.lowlevel.checkpoint()

    async with opened(exchange) as client, trio.open_nursery() as nursery:
        line = await client._all._lines.orders.check_out()
        send_all = line.stream.send_all

        async def noted(data):
            order.append(("sent", len(passes)))
            await send_all(data)

        line.stream.send_all = noted
        client._all._lines.orders.put_back(line)
        nursery.start_soon(count_passes)
        await trio.lowlevel.checkpoint()
        await write(client, still_wanted=lambda: order.append(("asked", len(passes))))
        nursery.cancel_scope.cancel()
    (asked, asked_at), (sent, sent_at) = order
    assert (asked, sent, asked_at) == ("asked", "sent", sent_at)


async def test_a_write_that_is_not_wanted_any_more_leaves_nothing_behind(exchange, autojump_clock):
    async with opened(exchange) as client:
        with pytest.raises(NotSent, match=r"^the market is fenced$"):
            await write(client, still_wanted=lambda: "the market is fenced")
        assert exchange.requests == []
        assert client.throttle.statistics()[1].tokens == 100
        exchange.reply(201, {})
        await write(client, still_wanted=lambda: None)
        assert exchange.connections == 1


@pytest.mark.parametrize(("target", "tokens"), [("nowhere.test", 100), ("exchange.test", 90)])
async def test_tokens_come_back_only_when_certainly_nothing_was_sent(
    exchange, autojump_clock, target, tokens
):
    exchange.reset()
    url = f"http://{target}/trade-api/v2"
    async with open_rest(env=exchange.env, base_url=url, signer=None) as client:
        with pytest.raises(ExchangeUnavailable if tokens == 100 else OutcomeUnknown):
            await write(client)
        assert client.throttle.statistics()[1].tokens == tokens


async def test_a_write_cancelled_while_it_connects_was_not_sent_and_costs_nothing(
    exchange, autojump_clock
):
    async def never(host, port, *, tls):
        await trio.sleep_forever()

    exchange.env.connect = never
    async with opened(exchange) as client:
        with trio.move_on_after(1):
            await write(client)
        assert client.throttle.statistics()[1].tokens == 100


async def test_cancels_go_on_connections_of_their_own(exchange, autojump_clock):
    for _ in range(LINES_MAX[Traffic.PLACE]):
        exchange.hang()
    exchange.reply(200, {})
    async with opened(exchange) as client, trio.open_nursery() as nursery:
        client.throttle.learn_sizes(BucketSize(1_000, 1_000), BucketSize(1_000, 1_000))
        await trio.sleep(1)
        for _ in range(LINES_MAX[Traffic.PLACE] + 5):
            nursery.start_soon(write, client)
        await trio.testing.wait_all_tasks_blocked()
        before = trio.current_time()
        path = "/portfolio/events/orders/a1"
        assert (await client._all.send("DELETE", path, writes=True)).status == 200
        assert trio.current_time() == before
        nursery.cancel_scope.cancel()


async def test_a_429_to_a_write_is_told_and_not_repeated_and_the_next_one_waits(
    exchange, autojump_clock
):
    """R8."""
    exchange.reply(429, {"error": "too many requests"})
    exchange.reply(201, {})
    async with opened(exchange) as client:
        assert (await write(client)).status == 429
        assert len(exchange.requests) == 1
        started = trio.current_time()
        assert (await write(client)).status == 201
        assert trio.current_time() - started == pytest.approx(0.4, abs=0.001)


async def test_a_429_with_a_retry_after_holds_orders_for_so_long(exchange, autojump_clock):
    """R8."""
    exchange.reply(429, {"error": "too many requests"}, Retry_After="3")
    exchange.reply(201, {})
    async with opened(exchange) as client:
        await write(client)
        started = trio.current_time()
        await write(client)
        assert trio.current_time() - started == pytest.approx(3, abs=0.001)


async def test_a_client_for_a_kill_sends_everything_ahead_of_all_others(exchange, autojump_clock):
    exchange.reply(200, STATUS)
    exchange.reply(200, {})
    async with opened(exchange) as client:
        kill = client.for_kill()
        await kill.exchange_status()
        await write(kill)
        read, wrote = client.throttle.statistics()
    assert [one.traffic for one in (*read.classes, *wrote.classes)] == [Traffic.KILL] * 2
