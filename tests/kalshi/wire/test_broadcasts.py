"""The documented samples of messages that only an exchange writes have the declared shapes."""

import msgspec
import pytest

from traderd.kalshi.wire import broadcasts

SAMPLES = [
    (
        '{"market_ticker":"KXDEMO-26DEC31-A","market_id":"f5ed","price_dollars":"0.5200","yes_bid_dollars":"0.4700",'
        '"yes_ask_dollars":"0.5200","yes_bid_size_fp":"3.00","yes_ask_size_fp":"2.00","last_trade_size_fp":"1.00",'
        '"volume_fp":"3.00","open_interest_fp":"3.00","dollar_volume":2,"dollar_open_interest":2,"ts":1781159387,'
        '"ts_ms":1781159387354,"time":"2026-11-15T06:29:47.354Z"}',
        broadcasts.Ticker,
    ),
    (
        '{"user_id":"f506","market_ticker":"A","position_fp":"3.00","position_cost_dollars":"1.500000",'
        '"realized_pnl_dollars":"0.000000","fees_paid_dollars":"0.018900","position_fee_cost_dollars":"0.018900",'
        '"volume_fp":"3.00","subaccount":0}',
        broadcasts.MarketPosition,
    ),
    (
        '{"event_type":"limit_updated","order_group_id":"3e02","contracts_limit_fp":"5.00","ts_ms":1781268399712}',
        broadcasts.OrderGroup,
    ),
    (
        '{"event_type":"triggered","order_group_id":"3e02","ts_ms":1781268399712}',
        broadcasts.OrderGroup,
    ),
    (
        '{"market_ticker":"A","event_type":"created","exchange_index":0,"open_ts":1793491800,"close_ts":1798732800,'
        '"price_level_structure":"linear_cent","price_ranges":[{"start":"0.0000","end":"1.0000","step":"0.0100"}],'
        '"additional_metadata":{"name":"A","title":"A wins?","yes_sub_title":"A wins","no_sub_title":"A wins",'
        '"rules_primary":"x","rules_secondary":"","can_close_early":true,"event_ticker":"E",'
        '"expected_expiration_ts":1798743600}}',
        broadcasts.MarketLifecycle,
    ),
    (
        '{"market_ticker":"A","event_type":"deactivated","is_deactivated":true}',
        broadcasts.MarketLifecycle,
    ),
    (
        '{"market_ticker":"A","event_type":"determined","result":"yes","determination_ts":1798730000,'
        '"settlement_value":"1.0000"}',
        broadcasts.MarketLifecycle,
    ),
    (
        '{"event_ticker":"KXDEMO-27JAN31","exchange_index":0,"title":"t","subtitle":"s",'
        '"collateral_return_type":"MECNET","series_ticker":"KXDEMO"}',
        broadcasts.EventLifecycle,
    ),
    (
        '{"event_ticker":"KXDEMO-27JAN31","fee_type_override":null,"fee_multiplier_override":null}',
        broadcasts.EventFees,
    ),
    ('{"index_ids":["BRTI"]}', broadcasts.IndexList),
    ('{"underlying_tickers":["Metal.XAU/USD"]}', broadcasts.UnderlyingList),
]


@pytest.mark.parametrize(("sample", "shape"), SAMPLES)
def test_a_sample_decodes_and_encodes_to_itself(sample, shape):
    body = msgspec.json.decode(sample, type=shape)
    assert msgspec.json.decode(msgspec.json.encode(body)) == msgspec.json.decode(sample)
