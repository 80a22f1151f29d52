"""The ledger, the strategies and the proof as documents."""

import json

from tests.services.still_daemon import MARKET, still_daemon
from traderd.core.balance_proof import Candidate, Proof
from traderd.model import events as ev
from traderd.model.cash import Settlement
from traderd.model.orders import Side
from traderd.model.units import NS_PER_S, Count, Money, Timestamp, parse_count, parse_money
from traderd.services.ledger_document import (
    balance_document,
    difference_document,
    ledger_document,
    reconciliation_document,
    settlements_document,
    shards_document,
    strategies_document,
)


async def test_the_accounts_sum_to_zero_and_are_named(autojump_clock, tmp_path):
    async with still_daemon(tmp_path) as daemon:
        daemon.fill(daemon.place(Side.BID, "10", "0.47"), "10", "0.47", "0.1744")
        document = ledger_document(daemon.view)
        assert document["accounts"]["cash_dollars"] == "-4.874400"
        assert document["accounts"]["position_cost_dollars"] == "4.700000"
        assert sum(parse_money(text) for text in document["accounts"].values()) == 0
        assert document["transactions"] == 1


async def test_a_strategy_is_marked_at_bid_and_at_mid(autojump_clock, tmp_path):
    async with still_daemon(tmp_path) as daemon:
        daemon.list_market()
        daemon.snapshot(bids={"0.45": "10"}, asks={"0.51": "10"})
        daemon.fill(daemon.place(Side.BID, "10", "0.47"), "10", "0.47", "0.1744")
        (document,) = strategies_document(daemon.view)
        assert document["strategy"] == "person"
        assert document["positions"] == {MARKET: "10.00"}
        assert document["unrealized_at_bid_dollars"] == "-0.200000"
        assert document["unrealized_at_mid_dollars"] == "0.100000"


async def test_the_proof_says_amount_beginning_and_candidates(autojump_clock, tmp_path):
    async with still_daemon(tmp_path) as daemon:
        proof = daemon.view.account.proof
        proof.status, proof.unexplained, proof.since = Proof.UNEXPLAINED, Money(-5), daemon.now()
        proof.candidates = (Candidate("fee", Money(-5), "fees"),)
        document = balance_document(daemon.view, daemon.now())
        assert (document["status"], document["unexplained_dollars"]) == ("unexplained", "-0.000005")
        assert document["is_drift"]
        assert document["candidates"] == [
            {"kind": "fee", "amount_dollars": "-0.000005", "sentence": "fees"}
        ]
        assert (
            json.loads(json.dumps(reconciliation_document(daemon.view, daemon.now())))["balance"]
            == document
        )


async def test_a_proof_that_rows_keep_open_says_how_many_and_for_how_long(autojump_clock, tmp_path):
    async with still_daemon(tmp_path) as daemon:
        proof = daemon.view.account.proof
        proof.status, proof.unexplained = Proof.INCONCLUSIVE, Money(-50_000)
        proof.hidden, proof.hidden_since = 2, daemon.now()
        document = balance_document(daemon.view, Timestamp(daemon.now() + 90 * NS_PER_S))
        assert (document["status"], document["is_drift"]) == ("inconclusive", False)
        assert (document["unreadable_rows"], document["unreadable_age_s"]) == (2, 90.0)
        assert document["unexplained_dollars"] == "-0.050000"
        assert document["sentence"].startswith("inconclusive: -$0.05 is left over, and 2 rows")


async def test_the_exchanges_own_news_are_no_drift(autojump_clock, tmp_path):
    for kind, is_drift in (("market_settled", False), ("fill_missed", True), ("position", True)):
        difference = ev.Difference(kind=kind, subject="s", ours="a", theirs="b")
        assert difference_document(difference)["is_drift"] is is_drift
    async with still_daemon(tmp_path) as daemon:
        daemon.sync("998.7725")
        document = reconciliation_document(daemon.view, daemon.now())
        assert (document["version"], document["mismatches"], document["settling"]) == (1, [], [])


async def test_the_balance_of_each_shard_is_told_where_the_exchange_tells_it(
    autojump_clock, tmp_path
):
    async with still_daemon(tmp_path) as daemon:
        assert shards_document(daemon.view) == []
        daemon.view.account.balance_by_engine = ((0, parse_money("7.50")), (3, parse_money("0.25")))
        assert shards_document(daemon.view) == [
            {"exchange_index": 0, "balance_dollars": "7.500000"},
            {"exchange_index": 3, "balance_dollars": "0.250000"},
        ]


async def test_a_settlement_says_what_it_paid_and_earned_before_fees(autojump_clock, tmp_path):
    async with still_daemon(tmp_path) as daemon:
        daemon.list_market()
        daemon.fill(daemon.place(Side.BID, "10", "0.47"), "10", "0.47", "0.1744")
        settled = Settlement(
            ticker=MARKET,
            result="yes",
            yes_count=parse_count("10"),
            no_count=Count(0),
            cost=parse_money("4.70"),
            revenue=parse_money("10"),
            fees_paid=parse_money("0.1744"),
            settled_at=daemon.now(),
        )
        daemon.publish(ev.MarketSettled(at=daemon.now(), settlement=settled))
        (document,) = settlements_document(daemon.view)
        assert (document["ticker"], document["result"], document["count"]) == (
            MARKET,
            "yes",
            "10.00",
        )
        assert document["revenue_dollars"] == "10.000000"
        assert document["profit_dollars"] == "5.300000"
        assert document["fees_dollars"] == "0.174400"
