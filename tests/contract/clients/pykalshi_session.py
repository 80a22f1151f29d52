"""pykalshi 2.0 with its REST client and its feed: one account watches, places and changes orders, another trades with it."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import pykalshi
from pykalshi.enums import CandlestickPeriod, MarketStatus, OrderStatus, TimeInForce
from pykalshi.feed import Feed
from pykalshi.orderbook import OrderbookManager
from served import Served, tell, wait_for

GAME = "KXCLIENT-GAME-A"
OTHER_GAME = "KXCLIENT-GAME-B"
COIN = "KXCOIN-NOON-T60000"
EVENT = "KXCLIENT-GAME"
CHANNELS = ("fill", "user_orders", "market_positions", "order_group_updates", "market_lifecycle_v2")
MARKET_CHANNELS = ("orderbook_delta", "ticker", "trade")


class Watcher:
    """A feed that keeps what it heard, and the book that pykalshi makes of it."""

    def __init__(self, client: pykalshi.KalshiClient, ws_url: str) -> None:
        self.heard: dict[str, list[Any]] = {}
        self.book = OrderbookManager(GAME)
        self.feed: Feed = client.feed()
        # It knows Kalshi's own two addresses only.
        self.feed._ws_url = ws_url
        for channel in (*CHANNELS, *MARKET_CHANNELS, "error"):
            self.feed.on(channel, self._keeper(channel))
        for channel in CHANNELS:
            self.feed.subscribe(channel)
        for channel in MARKET_CHANNELS:
            self.feed.subscribe(channel, market_ticker=GAME)

    def _keeper(self, channel: str) -> Callable[[Any], None]:
        def keep(message: Any) -> None:
            if hasattr(message, "yes_dollars"):
                self.book.apply_snapshot(message.yes_dollars, message.no_dollars)
            elif channel == "orderbook_delta":
                self.book.apply_delta(message.side, message.price_dollars, message.delta_fp)
            self.heard.setdefault(channel, []).append(message)

        return keep

    def told(self) -> dict[str, list[Any]]:
        """Return every message as JSON; one that pykalshi could not read is left a `dict` and marked."""
        return {
            channel: [
                {"unreadable": one} if isinstance(one, dict) else one.model_dump(mode="json")
                for one in messages
            ]
            for channel, messages in self.heard.items()
        }


def connect(served: Served, account: str) -> pykalshi.KalshiClient:
    return pykalshi.KalshiClient(
        api_key_id=served.key_id(account),
        private_key_path=served.key_file(account),
        api_base=served.rest_url,
    )


def session(served: Served) -> dict[str, Any]:
    """Return what was replied, what was heard, and the book that came of it beside REST's."""
    with connect(served, "alice") as alice, connect(served, "bob") as bob:
        watcher = Watcher(alice, served.ws_url)
        with watcher.feed:
            wait_for(lambda: "orderbook_delta" in watcher.heard, "the snapshot")
            document = {
                "orders": orders(alice, bob),
                "batches": batches(alice),
                "groups": order_groups(alice),
                "subaccounts": subaccounts(alice),
                "refusals": refusals(alice),
                "reads": reads(alice),
                "account": account(alice),
                "book": books(alice, bob, watcher),
            }
            end_of_the_game(served, watcher)
        return document | {
            "heard": watcher.told(),
            "settlements": [one.model_dump() for one in alice.portfolio.get_settlements()],
            "pnl": [str(one.pnl_dollars) for one in alice.portfolio.get_settlements()],
            "market": alice.get_market(GAME).data.model_dump(mode="json"),
            "last": alice.portfolio.get_balance().model_dump(),
            "reconnects": watcher.feed.reconnect_count,
        }


def books(alice: pykalshi.KalshiClient, bob: pykalshi.KalshiClient, watcher: Watcher) -> Any:
    """Build a book with two sides, and return what REST shows and what the feed made of it."""
    for price in ("0.30", "0.31"):
        alice.portfolio.place_order(GAME, **bid("2.50", price))
    bob.portfolio.place_order(GAME, **ask("3.00", "0.60"))
    bob.portfolio.place_order(GAME, **ask("1.00", "0.30", time_in_force=TimeInForce.IOC))
    alice.portfolio.place_order(GAME, **bid("1.00", "0.02"))
    wait_for(lambda: watcher.heard["orderbook_delta"][-1].price_dollars == "0.0200", "the delta")
    book = alice.get_market(GAME).get_orderbook().orderbook
    return {"rest": book.model_dump(), "yes": dict(watcher.book.yes), "no": dict(watcher.book.no)}


def end_of_the_game(served: Served, watcher: Watcher) -> None:
    """Settle the game and wait until the feed has told everything about it."""
    changes = watcher.heard.setdefault("market_lifecycle_v2", [])
    served.operate("settle", ticker=GAME, result="yes", now=True)
    wait_for(lambda: changes and changes[-1].event_type == "settled", "the settlement")
    positions = watcher.heard["market_positions"]
    wait_for(lambda: positions[-1].position_fp == "0.00", "the flat position")


def bid(count: str, price: str, **more: Any) -> dict[str, Any]:
    return {"book_side": "bid", "count_fp": count, "price_dollars": price} | more


def ask(count: str, price: str, **more: Any) -> dict[str, Any]:
    return {"book_side": "ask", "count_fp": count, "price_dollars": price} | more


def plain(order: Any) -> dict[str, Any]:
    return order.data.model_dump(mode="json")


def orders(alice: pykalshi.KalshiClient, bob: pykalshi.KalshiClient) -> dict[str, Any]:
    """Let one order live its whole life with the methods of pykalshi's orders."""
    steps: dict[str, Any] = {"balance": alice.portfolio.get_balance().model_dump()}
    order = alice.portfolio.place_order(GAME, **bid("10.00", "0.40", client_order_id="alice-1"))
    steps["placed"] = plain(order)
    steps["queue"] = alice.portfolio.get_queue_position(order.order_id).model_dump()
    steps["queues"] = [
        one.model_dump() for one in alice.portfolio.get_queue_positions(market_tickers=[GAME])
    ]
    sold = bob.portfolio.place_order(GAME, **ask("4.00", "0.40", time_in_force=TimeInForce.IOC))
    steps["sold"] = plain(sold)
    steps["refreshed"] = plain(order.refresh())
    steps["amended"] = plain(order.amend(price_dollars="0.41"))
    steps["decreased"] = plain(order.decrease("2.00"))
    steps["canceled"] = plain(order.cancel())
    steps["read"] = plain(alice.portfolio.get_order(order.order_id))
    steps["no"] = plain(
        bob.portfolio.place_order(
            alice.get_market(GAME),
            pykalshi.Action.BUY,
            pykalshi.Side.NO,
            "2.00",
            no_price_dollars="0.55",
            client_order_id="bob-1",
        )
    )
    now = bid("2.00", "0.50", client_order_id="alice-2", time_in_force=TimeInForce.FOK)
    bought = alice.portfolio.place_order(GAME, **now)
    steps["bought"] = plain(bought.refresh().wait_until_terminal(timeout=60))
    steps["resting"] = len(alice.portfolio.get_orders(status=OrderStatus.RESTING))
    steps["all"] = [plain(one) for one in alice.portfolio.get_orders(fetch_all=True, limit=1)]
    steps["fills"] = [one.model_dump(mode="json") for one in alice.portfolio.get_fills()]
    steps["positions"] = [one.model_dump() for one in alice.portfolio.get_positions()]
    steps["after"] = alice.portfolio.get_balance().model_dump()
    return steps


def batches(alice: pykalshi.KalshiClient) -> dict[str, Any]:
    """Place and cancel several at once, in both of pykalshi's spellings."""
    placed = alice.portfolio.batch_place_orders([
        {"ticker": OTHER_GAME, "book_side": "bid", "price_dollars": "0.10", "count_fp": "1.00"},
        {
            "ticker": OTHER_GAME,
            "action": "buy",
            "side": "no",
            "no_price_dollars": "0.15",
            "count_fp": "2.00",
        },
    ])
    canceled = alice.portfolio.batch_cancel_orders([one.order_id for one in placed])
    return {
        "placed": [plain(one) for one in placed],
        "canceled": [one.order_id for one in canceled],
    }


def order_groups(alice: pykalshi.KalshiClient) -> dict[str, Any]:
    """Make a group, use it, and trigger it."""
    portfolio = alice.portfolio
    group = portfolio.create_order_group("5.00")
    order = portfolio.place_order(GAME, **bid("1.00", "0.05", order_group_id=group.id))
    portfolio.update_order_group_limit(group.id, "6.00")
    one = portfolio.get_order_group(group.id)
    portfolio.trigger_order_group(group.id)
    portfolio.reset_order_group(group.id)
    return {
        "orders": one.orders,
        "order_id": order.order_id,
        "all": [each.model_dump() for each in portfolio.get_order_groups()],
        "after": plain(order.refresh()),
    }


def subaccounts(alice: pykalshi.KalshiClient) -> dict[str, Any]:
    """Open one and move money there."""
    portfolio = alice.portfolio
    made = portfolio.create_subaccount()
    transfer = portfolio.transfer_between_subaccounts(0, made.subaccount_number, 5_000)
    portfolio.update_subaccount_netting(made.subaccount_number, True)
    return {
        "made": made.model_dump(),
        "asked": transfer,
        "balances": [one.model_dump() for one in portfolio.get_subaccount_balances()],
        "transfers": [one.model_dump() for one in portfolio.get_subaccount_transfers()],
        "netting": [one.model_dump() for one in portfolio.get_subaccount_netting()],
    }


def refusals(alice: pykalshi.KalshiClient) -> dict[str, Any]:
    """Be refused in each of the ways for which pykalshi has an exception."""
    portfolio = alice.portfolio
    wrong: dict[str, Callable[[], Any]] = {
        "off_grid": lambda: portfolio.place_order(GAME, **bid("1.00", "0.405")),
        "too_dear": lambda: portfolio.place_order(GAME, **bid("99999.00", "0.99")),
        "twice": lambda: portfolio.place_order(
            GAME, **bid("1.00", "0.01", client_order_id="alice-1")
        ),
        "no_order": lambda: portfolio.cancel_order("nothing"),
        "no_market": lambda: alice.get_market("KXNOTHING"),
        "crosses": lambda: portfolio.place_order(COIN, **bid("1.00", "0.90", post_only=True)),
    }
    found = {}
    for name, attempt in wrong.items():
        try:
            attempt()
        except pykalshi.KalshiAPIError as exc:
            found[name] = [type(exc).__name__, exc.status_code, exc.error_code, exc.message]
    return found


def reads(alice: pykalshi.KalshiClient) -> dict[str, Any]:
    """Read what everybody may read."""
    start, end = int(time.time()) - 3_600, int(time.time()) + 60
    game = alice.get_market(GAME)
    coin = alice.get_market(COIN)
    book = coin.get_orderbook(depth=1)
    event = game.get_event()
    assert event is not None
    return {
        "trading": alice.exchange.is_trading(),
        "schedule": alice.exchange.get_schedule(),
        "open": [
            one.ticker
            for one in alice.get_markets(status=MarketStatus.OPEN, fetch_all=True, limit=1)
        ],
        "coin": coin.data.model_dump(mode="json"),
        "best": [book.best_yes_bid, book.best_yes_ask, book.spread],
        "trades": [one.model_dump(mode="json") for one in game.get_trades()],
        "candles": game.get_candlesticks(start, end, CandlestickPeriod.ONE_MINUTE).model_dump(),
        "batch": sorted(alice.get_candlesticks_batch([GAME, COIN], start, end)),
        "event": [event.event_ticker, event.mutually_exclusive],
        "event_markets": [one.ticker for one in event.get_markets()],
        "events": [one.event_ticker for one in alice.get_events(status=MarketStatus.OPEN)],
        "series": alice.get_series("kxclient", include_volume=True).data.model_dump(),
        "all_series": [one.ticker for one in alice.get_all_series()],
        "combos": len(alice.get_mve_collections()) + len(alice.get_multivariate_events()),
        "history": len(alice.history.get_markets()) + len(alice.history.get_orders()),
        "cutoff": alice.history.get_cutoff().model_dump(),
        "rfqs": len(alice.communications.get_rfqs()) + len(alice.communications.get_quotes()),
    }


def account(alice: pykalshi.KalshiClient) -> dict[str, Any]:
    """Read the account's standing, and make a key for it."""
    made = alice.api_keys.generate("second")
    listed = [one.name for one in alice.api_keys.list()]
    alice.api_keys.delete(made.id)
    return {
        "listed": listed,
        "left": [one.name for one in alice.api_keys.list()],
        "tier": alice.api_keys.get_limits().usage_tier,
        "resting_value": alice.portfolio.get_resting_order_value(),
    }


if __name__ == "__main__":
    tell(session)
