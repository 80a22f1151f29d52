"""WebSocket commands as the trader writes them, and the words both sides share."""

import json

from traderd.kalshi.wire import commands
from traderd.kalshi.wire.commands import (
    ACTIONS,
    CHANNELS,
    ERROR_TEXT,
    TERMINAL_CODES,
    CommandRefused,
    encode_list_subscriptions,
    encode_subscribe,
    encode_unsubscribe,
    encode_update,
)


def test_a_subscribe_to_books_always_says_its_price_form():
    assert json.loads(encode_subscribe(1, ["orderbook_delta", "trade"], ["A", "B"])) == {
        "id": 1,
        "cmd": "subscribe",
        "params": {
            "channels": ["orderbook_delta", "trade"],
            "market_tickers": ["A", "B"],
            "use_yes_price": True,
        },
    }


def test_a_private_subscribe_names_no_markets():
    assert json.loads(encode_subscribe(2, ["fill", "user_orders"])) == {
        "id": 2,
        "cmd": "subscribe",
        "params": {"channels": ["fill", "user_orders"]},
    }


def test_the_other_commands_say_what_they_mean():
    assert json.loads(encode_update(3, 1, "add_markets", ["C"])) == {
        "id": 3,
        "cmd": "update_subscription",
        "params": {"sid": 1, "action": "add_markets", "market_tickers": ["C"]},
    }
    assert json.loads(encode_unsubscribe(7, [1, 2])) == {
        "id": 7,
        "cmd": "unsubscribe",
        "params": {"sids": [1, 2]},
    }
    assert json.loads(encode_list_subscriptions(6)) == {"id": 6, "cmd": "list_subscriptions"}


def test_channels_and_actions_are_named_once():
    named = [
        value for name, value in vars(commands).items() if name.isupper() and isinstance(value, str)
    ]
    assert sorted(named) == sorted(frozenset(named))
    assert set(CHANNELS) | set(ACTIONS) < set(named)


def test_every_code_in_use_has_its_text():
    # Kalshi: 6, 16 and 17 were retired on 2026-09-10.
    assert set(ERROR_TEXT) == set(range(1, 29)) - {6, 16, 17}
    assert set(TERMINAL_CODES) <= set(ERROR_TEXT)
    assert str(CommandRefused(19)) == "19 shard_factor must be > 0"
