"""WebSocket commands in both directions, and the error codes of a bad one."""

import json

import pytest

from traderd.kalshi.wire.commands import (
    ACTIONS,
    ERROR_TEXT,
    CommandRefused,
    ListSubscriptions,
    Subscribe,
    Unsubscribe,
    UpdateSubscription,
    decode_command,
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


@pytest.mark.parametrize(
    ("raw", "command"),
    [
        (
            encode_subscribe(1, ["orderbook_delta"], ["A.5"], use_yes_price=False),
            Subscribe(id=1, channels=("orderbook_delta",), tickers=("A.5",), use_yes_price=False),
        ),
        (
            encode_subscribe(2, ["orderbook_delta"], ["A"]),
            Subscribe(id=2, channels=("orderbook_delta",), tickers=("A",), use_yes_price=True),
        ),
        (
            encode_update(3, 1, "add_markets", ["C"]),
            UpdateSubscription(id=3, sid=1, action="add_markets", tickers=("C",)),
        ),
        (encode_unsubscribe(7, [1, 2]), Unsubscribe(id=7, sids=(1, 2))),
        (encode_list_subscriptions(6), ListSubscriptions(id=6)),
        (
            b'{"id":3,"cmd":"update_subscription","params":{"sids":[1],"action":"get_snapshot","market_ticker":"A"}}',
            UpdateSubscription(id=3, sid=1, action="get_snapshot", tickers=("A",)),
        ),
        (
            '{"cmd":"subscribe","params":{"channels":["trade","trade"],"skip_ticker_ack":true,"new":1}}',
            Subscribe(id=0, channels=("trade",), skip_ticker_ack=True),
        ),
    ],
)
def test_a_command_is_read_as_it_was_meant(raw, command):
    assert decode_command(raw) == command


@pytest.mark.parametrize(
    ("raw", "code", "command_id"),
    [
        (b"not json", 1, 0),
        (b"[1]", 1, 0),
        (b"\xff", 1, 0),
        (b"[" * 100_000, 1, 0),
        (b'{"id":"x","cmd":"subscribe","params":{}}', 1, 0),
        (b'{"id":-1,"cmd":"subscribe","params":{}}', 1, 0),
        (b'{"id":4}', 1, 4),
        (b'{"id":4,"cmd":"dance"}', 5, 4),
        (b'{"id":4,"cmd":"subscribe"}', 2, 4),
        (b'{"id":4,"cmd":"subscribe","params":[]}', 2, 4),
        (b'{"id":4,"cmd":"subscribe","params":{}}', 3, 4),
        (b'{"id":4,"cmd":"subscribe","params":{"channels":[]}}', 3, 4),
        (b'{"id":4,"cmd":"subscribe","params":{"channels":"trade"}}', 11, 4),
        (b'{"id":4,"cmd":"subscribe","params":{"channels":["ticker_v2"]}}', 8, 4),
        (b'{"id":4,"cmd":"subscribe","params":{"channels":["orderbook_delta"]}}', 14, 4),
        (
            b'{"id":4,"cmd":"subscribe","params":{"channels":["trade"],"market_ticker":"A","market_tickers":["B"]}}',
            11,
            4,
        ),
        (b'{"id":4,"cmd":"unsubscribe","params":{}}', 4, 4),
        (b'{"id":4,"cmd":"update_subscription","params":{"action":"add_markets"}}', 12, 4),
        (
            b'{"id":4,"cmd":"update_subscription","params":{"sids":[1,2],"action":"add_markets"}}',
            12,
            4,
        ),
        (b'{"id":4,"cmd":"update_subscription","params":{"sid":1,"sids":[1]}}', 12, 4),
        (b'{"id":4,"cmd":"update_subscription","params":{"sid":1}}', 15, 4),
        (b'{"id":4,"cmd":"update_subscription","params":{"sid":1,"action":"jump"}}', 13, 4),
        (b'{"id":4,"cmd":"update_subscription","params":{"sid":1,"action":"add_markets"}}', 14, 4),
    ],
)
def test_a_bad_command_gets_kalshis_code_and_its_own_id(raw, code, command_id):
    with pytest.raises(CommandRefused) as caught:
        decode_command(raw)
    assert (caught.value.code, caught.value.command_id) == (code, command_id)
    assert ERROR_TEXT[code] in str(caught.value)


def test_a_server_may_have_other_channels():
    assert decode_command(
        b'{"id":1,"cmd":"subscribe","params":{"channels":["ticker"]}}', channels=("ticker",)
    ) == Subscribe(id=1, channels=("ticker",))


def test_every_action_is_readable():
    assert [
        decode_command(encode_update(1, 1, action, ["A"])).action for action in ACTIONS
    ] == list(ACTIONS)
