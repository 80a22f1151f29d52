"""Samples of every documented frame decode into the declared shapes."""

import msgspec
import pytest

from traderd.kalshi.wire import feed

SAMPLES = [
    (
        '{"type":"orderbook_snapshot","sid":1,"seq":1,"msg":{"market_ticker":"KXDEMO-26DEC31-A","market_id":"f5ed",'
        '"yes_dollars_fp":[["0.4500","10.00"],["0.4700","3.00"]],"no_dollars_fp":[["0.4800","3.00"]]}}',
        feed.Snapshot,
    ),
    (
        '{"type":"orderbook_delta","sid":1,"seq":2,"msg":{"market_ticker":"KXDEMO-26DEC31-A","market_id":"f5ed",'
        '"price_dollars":"0.4800","delta_fp":"-1.00","side":"no","ts":"2026-11-15T06:29:47.354803Z","ts_ms":1781159387354}}',
        feed.Delta,
    ),
    (
        '{"type":"orderbook_delta","sid":1,"seq":2,"msg":{"market_ticker":"A","market_id":"f5ed","price_dollars":"0.4800",'
        '"delta_fp":"1.00","side":"no","ts_ms":1781159387354,"client_order_id":"c","subaccount":3}}',
        feed.Delta,
    ),
    (
        '{"type":"trade","sid":2,"seq":1,"msg":{"trade_id":"d91b","market_ticker":"A","yes_price_dollars":"0.5200",'
        '"no_price_dollars":"0.4800","count_fp":"1.00","taker_outcome_side":"yes","taker_book_side":"bid",'
        '"taker_side":"yes","is_block_trade":false,"ts":1781159387,"ts_ms":1781159387354}}',
        feed.Trade,
    ),
    (
        '{"type":"fill","sid":4,"msg":{"trade_id":"d91b","order_id":"97ec","client_order_id":"7a5f","market_ticker":"A",'
        '"exchange_index":0,"is_taker":true,"outcome_side":"yes","book_side":"bid","side":"yes","action":"buy",'
        '"purchased_side":"yes","yes_price_dollars":"0.5200","count_fp":"1.00","fee_cost":"0.017500",'
        '"post_position_fp":"3.00","ts":1781159387,"ts_ms":1781159387354,"subaccount":0}}',
        feed.FillMessage,
    ),
    ('{"type":"subscribed","id":1,"msg":{"channel":"orderbook_delta","sid":1}}', feed.Subscribed),
    ('{"id":3,"sid":1,"seq":8,"type":"ok","msg":{"market_tickers":["A","B"]}}', feed.Ok),
    ('{"id":3,"sid":1,"seq":8,"type":"ok","msg":{"market_ids":["i"]}}', feed.Ok),
    ('{"id":3,"sid":1,"seq":8,"type":"ok","msg":{"index_ids":["all"]}}', feed.Ok),
    ('{"id":6,"type":"ok","msg":[{"channel":"orderbook_delta","sid":1}]}', feed.Ok),
    ('{"id":7,"sid":1,"seq":12,"type":"unsubscribed"}', feed.Unsubscribed),
    ('{"id":9,"type":"error","msg":{"code":7,"msg":"Unknown subscription ID"}}', feed.FeedError),
]


@pytest.mark.parametrize(("sample", "shape"), SAMPLES)
def test_a_sample_decodes_and_encodes_to_itself(sample, shape):
    frame = msgspec.json.decode(sample, type=feed.Frame)
    assert type(frame) is shape
    assert msgspec.json.decode(msgspec.json.encode(frame)) == msgspec.json.decode(sample)


@pytest.mark.parametrize(("sample", "shape"), SAMPLES)
def test_the_trader_reads_every_sample_too(sample, shape):
    frame = msgspec.json.decode(sample, type=feed.FrameRead)
    assert type(frame) is (feed.DeltaRead if shape is feed.Delta else shape)
    whole = msgspec.json.decode(sample, type=feed.Frame)
    for name in frame.msg.__struct_fields__ if shape is feed.Delta else ():
        assert getattr(frame.msg, name) == getattr(whole.msg, name)


def test_a_newline_and_a_sending_time_on_the_envelope_are_harmless():
    sample = '{"type":"subscribed","id":1,"sending_ts_ms":5,"msg":{"channel":"trade","sid":1}}\n'
    assert msgspec.json.decode(sample, type=feed.Frame).msg.sid == 1


def test_what_names_a_frame_is_read_even_if_the_rest_is_strange():
    frame = msgspec.json.decode(
        '{"type":"novel","sid":4,"seq":9,"msg":[1]}', type=feed.UnknownFrame
    )
    assert (frame.type, frame.sid, frame.seq) == ("novel", 4, 9)
