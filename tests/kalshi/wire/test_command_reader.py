"""WebSocket commands as the exchange reads them, and the error codes of a bad one."""

import msgspec
import pytest

from traderd.kalshi.wire.command_reader import ID_MAX, decode_command
from traderd.kalshi.wire.commands import (
    ACTIONS,
    ERROR_TEXT,
    CommandRefused,
    ListSubscriptions,
    Subscribe,
    Unsubscribe,
    UpdateSubscription,
    encode_list_subscriptions,
    encode_subscribe,
    encode_unsubscribe,
    encode_update,
)


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
        (
            '{"id":null,"cmd":"subscribe","params":{"channels":["ticker"],"market_ids":["x","y","x"],'
            '"send_initial_snapshot":true,"market_ticker":null}}',
            Subscribe(
                id=0, channels=("ticker",), market_ids=("x", "y"), send_initial_snapshot=True
            ),
        ),
        (
            '{"id":1,"cmd":"subscribe","params":{"channels":["communications"],"user_filter":"self",'
            '"shard_factor":100,"shard_key":99}}',
            Subscribe(id=1, channels=("communications",)),
        ),
        (
            '{"id":1,"cmd":"subscribe","params":{"channels":["cfbenchmarks_value","pyth_value"],'
            '"index_ids":["all"],"underlying_tickers":["u"]}}',
            Subscribe(
                id=1,
                channels=("cfbenchmarks_value", "pyth_value"),
                index_ids=("all",),
                underlying_tickers=("u",),
            ),
        ),
        (
            '{"id":2,"cmd":"update_subscription","params":{"sid":1,"action":"indexlist"}}',
            UpdateSubscription(id=2, sid=1, action="indexlist"),
        ),
        (
            '{"id":2,"cmd":"update_subscription","params":{"sid":1,"action":"subscribe_underlyings",'
            '"underlying_tickers":["u"]}}',
            UpdateSubscription(
                id=2, sid=1, action="subscribe_underlyings", underlying_tickers=("u",)
            ),
        ),
        (
            '{"id":2,"cmd":"update_subscription","params":{"sid":1,"action":"delete_markets",'
            '"market_id":"x","send_initial_snapshot":true}}',
            UpdateSubscription(
                id=2, sid=1, action="delete_markets", market_ids=("x",), send_initial_snapshot=True
            ),
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


SUBSCRIBE = '{"id":4,"cmd":"subscribe","params":{"channels":["communications"],%s}}'
UPDATE = '{"id":4,"cmd":"update_subscription","params":{"sid":1,"action":"%s"}}'


@pytest.mark.parametrize(
    ("raw", "code"),
    [
        (SUBSCRIBE % '"shard_factor":0', 19),
        (SUBSCRIBE % '"shard_factor":-3,"shard_key":0', 19),
        (SUBSCRIBE % '"shard_key":0', 20),
        (SUBSCRIBE % '"shard_factor":4,"shard_key":4', 21),
        (SUBSCRIBE % '"shard_factor":4,"shard_key":-1', 21),
        (SUBSCRIBE % '"shard_factor":101,"shard_key":0', 22),
        (SUBSCRIBE % '"shard_factor":"4"', 11),
        (SUBSCRIBE % '"user_filter":"all"', 11),
        (SUBSCRIBE % '"market_id":"a","market_ids":["b"]', 11),
        (SUBSCRIBE % '"market_tickers":[""]', 11),
        (SUBSCRIBE % f'"market_ticker":"{"x" * 129}"', 11),
        (SUBSCRIBE % '"use_yes_price":1', 11),
        (UPDATE % "subscribe_indices", 24),
        (UPDATE % "unsubscribe_indices", 24),
        (UPDATE % "subscribe_underlyings", 28),
        (UPDATE % "unsubscribe_underlyings", 28),
        (UPDATE % "", 15),
        (
            '{"id":4,"cmd":"subscribe","params":{"channels":["orderbook_delta"],"market_id":"x"}}',
            14,
        ),
        ('{"id":4,"cmd":"subscribe","params":{"channels":["ticker_v2"]}}', 8),
        ('{"id":4,"cmd":"subscribe","params":{"channels":["multivariate"]}}', 8),
        ('{"id":4,"cmd":"subscribe","params":null}', 2),
        ('{"id":4,"cmd":"unsubscribe","params":{"sids":["1"]}}', 11),
        ('{"id":4,"cmd":["subscribe"]}', 1),
    ],
)
def test_the_rarer_codes_are_the_documented_ones(raw, code):
    with pytest.raises(CommandRefused) as caught:
        decode_command(raw)
    assert (caught.value.code, caught.value.command_id) == (code, 4)


@pytest.mark.parametrize("command_id", ["-1", "1.0", "true", '""', "[]", "{}", str(2**63)])
def test_what_is_no_id_is_no_command(command_id):
    with pytest.raises(CommandRefused) as caught:
        decode_command(f'{{"id":{command_id},"cmd":"list_subscriptions"}}')
    assert (caught.value.code, caught.value.command_id) == (1, 0)


def test_the_largest_id_can_be_written_back():
    command = decode_command(f'{{"id":{ID_MAX},"cmd":"list_subscriptions"}}')
    assert msgspec.json.decode(msgspec.json.encode(command.id)) == ID_MAX


def test_a_server_may_have_other_channels():
    assert decode_command(
        b'{"id":1,"cmd":"subscribe","params":{"channels":["ticker"]}}', channels=("ticker",)
    ) == Subscribe(id=1, channels=("ticker",))


def test_every_action_is_readable():
    assert [
        decode_command(encode_update(1, 1, action, ["A"])).action for action in ACTIONS
    ] == list(ACTIONS)
