"""kalshi-sdk 22.4: every REST resource, then its WebSocket client with all its channels while another account trades."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Callable
from typing import Any

import kalshi_sdk_rest as rest
from kalshi import AsyncKalshiClient, KalshiAuth, KalshiClient, KalshiConfig
from kalshi.ws import KalshiWebSocket
from served import Served, tell, wait_for

Heard = dict[str, list[Any]]


class Complaints(logging.Handler):
    """Keeps what the SDK complains about: frames that it cannot read are only logged."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.said: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        """Keep one complaint."""
        self.said.append(record.getMessage())


def session(served: Served) -> dict[str, Any]:
    """Return what was replied, what was heard, and the book that came of it beside REST's."""
    config = KalshiConfig(base_url=served.rest_url, ws_base_url=served.ws_url)
    auths = {
        name: KalshiAuth.from_key_path(served.key_id(name), served.key_file(name))
        for name in ("alice", "bob")
    }
    complaints = Complaints()
    logging.getLogger("kalshi").addHandler(complaints)
    with (
        KalshiClient(auth=auths["alice"], config=config) as alice,
        KalshiClient(auth=auths["bob"], config=config) as bob,
    ):
        document: dict[str, Any] = {
            "trading": rest.trade(alice, bob),
            "group": rest.order_group(alice),
            "subaccount": rest.subaccount(alice),
            "public": rest.public(alice),
            "nothing": rest.nothing_there(alice),
            "account": rest.account(alice),
            "refusals": rest.refusals(alice),
        }
    document |= asyncio.run(listen(served, auths["alice"], auths["bob"], config))
    for auth in auths.values():
        auth.close()
    return document | {"complaints": complaints.said}


async def listen(
    served: Served, auth: KalshiAuth, others: KalshiAuth, config: KalshiConfig
) -> dict[str, Any]:
    """Subscribe to everything, make everything happen, and return what was heard."""
    heard: Heard = {}
    errors: list[Any] = []

    async def keep_error(error: Any) -> None:
        errors.append(rest.plain(error))

    ws = KalshiWebSocket(auth=auth, config=config, on_error=keep_error)
    async with (
        AsyncKalshiClient(auth=auth, config=config) as alice,
        AsyncKalshiClient(auth=others, config=config) as bob,
        asyncio.TaskGroup() as tasks,
        ws.connect() as feed,
    ):
        for name, stream in (await subscribe(feed)).items():
            tasks.create_task(keep(stream, heard.setdefault(name, [])))
        await until(lambda: heard["books"], "the first book")
        placed = await trade(alice, bob)
        await operate(served, alice)
        await until(lambda: kinds(heard)[-1:] == ["settled"], "the settlement")
        book = await book_of_rest(alice, heard["books"])
    return {
        "heard": {name: rest.plain(each) for name, each in heard.items()},
        "errors": errors,
        "placed": placed,
        "book": rest.plain(book),
    }


async def keep(stream: AsyncIterator[Any], into: list[Any]) -> None:
    """Keep what comes until the feed ends."""
    async for message in stream:
        into.append(message)


async def until(condition: Callable[[], Any], what: str) -> None:
    """Wait until something was heard."""
    await asyncio.to_thread(wait_for, condition, what)


def kinds(heard: Heard) -> list[str]:
    """Return what happened to markets so far."""
    return [message.msg.event_type for message in heard["market_lifecycle_v2"]]


async def subscribe(feed: KalshiWebSocket) -> dict[str, AsyncIterator[Any]]:
    """Subscribe to each channel by the SDK's own method for it; of books it makes whole ones after each change.

    Books come last: what arrives while the SDK waits for an answer is lost to it, and that would be the snapshot.
    """
    return {
        "ticker": await feed.subscribe_ticker(tickers=[rest.COIN, rest.GAME]),
        "trade": await feed.subscribe_trade(tickers=[rest.COIN]),
        "fill": await feed.subscribe_fill(),
        "market_positions": await feed.subscribe_market_positions(),
        "user_orders": await feed.subscribe_user_orders(),
        "order_group_updates": await feed.subscribe_order_group(),
        "market_lifecycle_v2": await feed.subscribe_market_lifecycle(),
        "multivariate_market_lifecycle": await feed.subscribe_multivariate_lifecycle(),
        "communications": await feed.subscribe_communications(),
        "cfbenchmarks_value": await feed.subscribe_cfbenchmarks_value(index_ids=["BRTI"]),
        "cfbenchmarks_value_5hz": await feed.subscribe_cfbenchmarks_value_5hz(),
        "books": await feed.orderbook(rest.COIN),
    }


async def trade(alice: AsyncKalshiClient, bob: AsyncKalshiClient) -> list[Any]:
    """Rest, be hit, cancel, and take two levels of the street; return what each order was answered."""
    now = {"time_in_force": "immediate_or_cancel"}
    bid = await alice.orders.create_v2(
        request=rest.order(rest.COIN, "bid", "3", "0.726", client_order_id="feed-1")
    )
    hit = await bob.orders.create_v2(request=rest.order(rest.COIN, "ask", "1", "0.726", **now))
    await alice.orders.cancel_v2(bid.order_id, market_ticker=rest.COIN)
    taken = await alice.orders.create_v2(
        request=rest.order(rest.COIN, "bid", "25", "0.73", client_order_id="feed-2", **now)
    )
    group = await alice.order_groups.create(contracts_limit=9)
    await alice.order_groups.trigger(group.order_group_id)
    await alice.order_groups.delete(group.order_group_id)
    return rest.plain([bid, hit, taken])


async def operate(served: Served, alice: AsyncKalshiClient) -> None:
    """Let a market go through its states by the operator's hand, with an order in it."""
    game = rest.OTHER_GAME
    await alice.orders.create_v2(
        request=rest.order(game, "bid", "1", "0.10", client_order_id="feed-3")
    )
    for verb in ("pause", "resume", "close", "reopen"):
        await asyncio.to_thread(served.operate, verb, ticker=game)
    await asyncio.to_thread(served.operate, "settle", ticker=game, result="no", now=True)


async def book_of_rest(alice: AsyncKalshiClient, books: list[Any]) -> Any:
    """Change the book once more, wait until the feed shows it, and return REST's book of that moment."""
    await alice.orders.create_v2(request=rest.order(rest.COIN, "bid", "1.50", "0.001"))
    await until(lambda: str(books[-1].yes[0].price) == "0.0010", "the last change")
    return await alice.markets.orderbook(rest.COIN)


if __name__ == "__main__":
    tell(session)
