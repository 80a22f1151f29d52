import json

import attrs
import pytest
import trio

from tests.core.builders import READY
from tests.services.still_daemon import MARKET, OTHER_MARKET, StillDaemon, still_daemon
from traderd.model import events as ev
from traderd.model import states as st
from traderd.model.ids import StrategyName
from traderd.model.orders import Attribution, OrderOwner, Side
from traderd.model.units import NS_PER_S, Money, Timestamp, format_money, format_time
from traderd.services import documents

STRATEGY = Attribution(owner=OrderOwner.STRATEGY, strategy=StrategyName("spread_maker"))
TRADING_WORDS = (
    "order_id",
    "balance",
    "position",
    "trading_client",
    "fill",
    "portfolio",
    "api_url",
)
SUMMARY = st.TradingClientSummary(
    connected=True,
    mode="trading",
    balance=Money(998_772_500),
    portfolio_value=Money(0),
    positions=2,
    orders=1,
)
METADATA = (
    st.InitializingMetadata(environment="sim", host="127.0.0.1", log_level="info", mode="trading"),
    st.OrderbookConnectMetadata(ws_url="ws://x", markets="A", market_count=1, environment="sim"),
    st.TradingClientConnectMetadata(mode="trading", environment="sim", api_url="http://x"),
    st.KalshiDataSyncMetadata(mode="trading", sync_type="initial"),
    attrs.evolve(READY, trading_client=SUMMARY),
    st.ActingMetadata(orders_in_flight=1),
    st.ErrorMetadata(failed_stage="sync", error="no answer", attempt=1, retry_in_s=0.5),
    st.ShutdownMetadata(reason="SIGTERM"),
)


def status_of(daemon: StillDaemon) -> documents.Document:
    return documents.status_document(
        daemon.view,
        environment="sim",
        trading=daemon.shared.config.trading_enabled,
        uptime_s=1.0,
        now=daemon.now(),
        services={},
        market_data={},
    )


def with_book(daemon: StillDaemon) -> None:
    daemon.list_market(title="A demo")
    daemon.snapshot(bids={"0.46": "10", "0.45": "7.5"}, asks={"0.48": "10"})


# --- status ---------------------------------------------------------------------------------------


async def test_the_status_has_the_agreed_shape(autojump_clock, tmp_path):
    async with still_daemon(tmp_path) as daemon:
        status = status_of(daemon)
        assert {
            *("environment", "state", "uptime_s", "health", "metrics", "account"),
            *("services", "halts", "transitions"),
        } <= status.keys()
        assert {
            *("markets_connected", "snapshots_received", "deltas_received"),
            *("connection_uptime", "ws_connection_status", "last_message_time"),
        } <= status["metrics"].keys()
        assert {
            *("balance_dollars", "positions", "open_orders", "fills"),
            *("realized_pnl_dollars", "unrealized_pnl_dollars"),
        } <= status["account"].keys()


async def test_every_document_is_json_without_a_float_for_money(autojump_clock, tmp_path):
    async with still_daemon(tmp_path) as daemon:
        daemon.climb()
        with_book(daemon)
        daemon.sync("998.7725")
        daemon.fill(daemon.place(Side.BID, "20", "0.47"), "10", "0.47", "0.10")
        status = status_of(daemon)
        assert json.loads(json.dumps(status)) == status
        dollars = {k: v for k, v in status["account"].items() if k.endswith("_dollars")}
        assert dollars == {
            "balance_dollars": "998.772500",
            "portfolio_value_dollars": "0.000000",
            "realized_pnl_dollars": "0.000000",
            "unrealized_pnl_dollars": "-0.100000",
            "unrealized_at_bid_dollars": "-0.100000",
            "unrealized_at_mid_dollars": "0.000000",
            "fees_dollars": "0.100000",
            "exposure_dollars": format_money(daemon.view.exposure()),
        }


async def test_before_anything_is_known_it_says_so_instead_of_zero(autojump_clock, tmp_path):
    async with still_daemon(tmp_path) as daemon:
        status = status_of(daemon)
        assert status["account"]["balance_dollars"] is None
        assert status["account"]["balance_read_at"] is None
        assert status["metrics"]["last_message_time"] is None
        assert status["metrics"]["ws_connection_status"] == "disconnected"
        assert status["metrics"]["connection_uptime"] == 0.0
        assert status["health"] == "unhealthy"


async def test_the_uptime_of_a_connection_counts_from_its_standing(autojump_clock, tmp_path):
    async with still_daemon(tmp_path) as daemon:
        daemon.connect(ev.FeedName.MARKET_DATA)
        later = Timestamp(daemon.now() + 90 * NS_PER_S)
        metrics = documents.metrics_document(daemon.view, later)
        assert (metrics["ws_connection_status"], metrics["connection_uptime"]) == (
            "connected",
            90.0,
        )
        daemon.publish(
            ev.FeedDisconnected(
                at=daemon.now(), feed=ev.FeedName.MARKET_DATA, connection=1, reason="reset"
            )
        )
        metrics = documents.metrics_document(daemon.view, later)
        assert (metrics["ws_connection_status"], metrics["connection_uptime"]) == (
            "disconnected",
            0.0,
        )


# --- states ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("metadata", METADATA, ids=lambda each: type(each).__name__)
def test_a_states_document_has_its_own_fields_and_no_others(metadata):
    document = documents.metadata_document(metadata)
    own = [field.name for field in attrs.fields(type(metadata))]
    assert list(document) == own


def test_every_state_that_is_entered_is_among_these_examples():
    assert [type(each) for each in METADATA] == list(st.STATE_OF)


def test_money_in_metadata_is_exact_text_with_its_unit_in_the_name():
    summary = documents.metadata_document(METADATA[4])["trading_client"]
    assert summary["balance_dollars"] == "998.772500"
    assert summary["portfolio_value_dollars"] == "0.000000"
    assert "balance" not in summary


def test_changes_are_told_on_an_update_only():
    first = documents.metadata_document(METADATA[4])["trading_client"]
    assert [name for name in first if "change" in name] == []
    update = attrs.evolve(SUMMARY, balance_change=Money(-1), positions_change=0, orders_change=-2)
    document = documents.metadata_document(attrs.evolve(METADATA[4], trading_client=update))
    assert document["trading_client"]["balance_change_dollars"] == "-0.000001"
    assert document["trading_client"]["positions_change"] == 0
    assert document["trading_client"]["orders_change"] == -2


async def test_with_trading_off_no_transition_has_a_word_of_trading(autojump_clock, tmp_path):
    async with still_daemon(tmp_path, trading__enabled="false") as daemon:
        daemon.climb()
        text = json.dumps(documents.transitions_document(daemon.view))
        assert [word for word in TRADING_WORDS if word in text] == []
        assert "trading" not in text
        assert [each["to_state"] for each in json.loads(text)] == [
            "initializing",
            "orderbook_connect",
            "ready",
        ]
        assert status_of(daemon)["mode"] == "orderbook_only"


async def test_a_transition_says_how_long_the_state_it_left_had_lasted(autojump_clock, tmp_path):
    async with still_daemon(tmp_path) as daemon:
        start = daemon.now()
        daemon.publish(
            ev.StateChanged(
                at=Timestamp(start + 2 * NS_PER_S),
                from_state=st.State.INITIALIZING,
                to_state=st.State.SHUTDOWN,
                context="stop",
                metadata=st.ShutdownMetadata(reason="SIGTERM"),
            )
        )
        first, last = documents.transitions_document(daemon.view)
        assert first["duration_ms"] is None
        entered_at = daemon.view.transitions[0].at
        assert last["duration_ms"] == (start + 2 * NS_PER_S - entered_at) // 1_000_000
        assert (last["from_state"], last["to_state"], last["context"], last["metadata"]) == (
            "initializing",
            "shutdown",
            "stop",
            {"reason": "SIGTERM"},
        )


# --- orders, positions, fills, books --------------------------------------------------------------


async def test_an_order_is_told_with_exact_texts_and_its_owner(autojump_clock, tmp_path):
    async with still_daemon(tmp_path) as daemon:
        key = daemon.place(Side.BID, "5", "0.45", attribution=STRATEGY)
        daemon.fill(key, "1.5", "0.44", "0")
        order = daemon.view.order(key)
        document = documents.order_document(order, Timestamp(order.created_at + 12 * NS_PER_S))
        assert document == {
            "key": key,
            "order_id": f"order-{key}",
            "ticker": MARKET,
            "side": "bid",
            "price_dollars": "0.4500",
            "count": "5.00",
            "filled": "1.50",
            "remaining": "3.50",
            "status": "resting",
            "owner": "spread_maker",
            "age_s": 12.0,
            "ended_at": None,
            "reason": "",
            "expires_at": None,
            "renewed": False,
            "change": None,
        }


async def test_an_order_that_is_over_ages_no_more_and_says_when_it_ended(autojump_clock, tmp_path):
    async with still_daemon(tmp_path) as daemon:
        key = daemon.place(Side.BID, "5", "0.45")
        await trio.sleep(3)
        daemon.fill(key, "5", "0.45", "0")
        order, ended = daemon.view.order(key), daemon.now()
        for later in (0, 1_000):
            document = documents.order_document(order, Timestamp(ended + later * NS_PER_S))
            assert document["status"] == "executed"
            assert (document["age_s"], document["ended_at"]) == (3.0, format_time(ended))


async def test_an_order_of_a_person_says_person(autojump_clock, tmp_path):
    async with still_daemon(tmp_path) as daemon:
        order = daemon.view.order(daemon.place(Side.BID, "5", "0.45"))
        assert documents.order_document(order, daemon.now())["owner"] == "person"


async def test_an_order_from_the_future_has_age_zero(autojump_clock, tmp_path):
    async with still_daemon(tmp_path) as daemon:
        order = daemon.view.order(daemon.place(Side.BID, "5", "0.45"))
        assert documents.order_document(order, Timestamp(0))["age_s"] == 0.0


async def test_positions_are_marked_where_they_could_be_closed(autojump_clock, tmp_path):
    async with still_daemon(tmp_path) as daemon:
        with_book(daemon)
        daemon.fill(daemon.place(Side.BID, "10", "0.47"), "10", "0.47", "0.07")
        position = daemon.view.position(MARKET)
        assert documents.position_document(position, daemon.view) == {
            "ticker": MARKET,
            "count": "10.00",
            "side": "YES",
            "held": "10.00",
            "average_cost_dollars": "0.4700",
            "mark_dollars": "0.4600",
            "held_mark_dollars": "0.4600",
            "realized_pnl_dollars": "0.000000",
            "unrealized_pnl_dollars": "-0.100000",
            "unrealized_at_bid_dollars": "-0.100000",
            "unrealized_at_mid_dollars": "0.000000",
            "settled": False,
            "fees_dollars": "0.070000",
        }
        daemon.fill(daemon.place(Side.ASK, "10", "0.48"), "10", "0.48", "0")
        flat = documents.position_document(position, daemon.view)
        assert (flat["side"], flat["count"], flat["average_cost_dollars"]) == ("flat", "0.00", None)
        assert flat["realized_pnl_dollars"] == "0.100000"
        daemon.fill(daemon.place(Side.ASK, "3", "0.48"), "3", "0.48", "0")
        short = documents.position_document(position, daemon.view)
        assert (short["side"], short["count"], short["mark_dollars"]) == ("NO", "-3.00", "0.4800")


async def test_a_fill_names_its_order_by_our_key(autojump_clock, tmp_path):
    async with still_daemon(tmp_path) as daemon:
        key = daemon.place(Side.BID, "10", "0.47")
        daemon.fill(key, "2.5", "0.47", "0.0175")
        (fill,) = daemon.view.recent_fills(10)
        document = documents.fill_document(fill, daemon.view)
        assert document["order_key"] == key
        assert (document["count"], document["price_dollars"]) == ("2.50", "0.4700")
        assert document["fee_dollars"] == "0.017500"


async def test_a_book_shows_levels_best_first_and_our_orders(autojump_clock, tmp_path):
    async with still_daemon(tmp_path) as daemon:
        with_book(daemon)
        daemon.place(Side.BID, "5", "0.45")
        daemon.place(Side.BID, "5", "0.45", ticker=OTHER_MARKET)
        document = documents.book_document(daemon.view, MARKET, daemon.now())
        assert document is not None
        assert document["bids"] == [["0.4600", "10.00"], ["0.4500", "7.50"]]
        assert document["asks"] == [["0.4800", "10.00"]]
        assert (document["best_bid"], document["best_ask"]) == ("0.4600", "0.4800")
        assert (document["spread"], document["last_trade"]) == ("0.0200", None)
        assert (document["usable"], document["reason"], document["title"]) == (True, "", "A demo")
        assert document["own_orders"] == [
            {"side": "bid", "price_dollars": "0.4500", "remaining": "5.00"}
        ]


async def test_a_book_in_doubt_says_why_and_shows_old_prices_only_as_such(autojump_clock, tmp_path):
    async with still_daemon(tmp_path) as daemon:
        with_book(daemon)
        daemon.publish(
            ev.FeedDisconnected(
                at=daemon.now(), feed=ev.FeedName.MARKET_DATA, connection=1, reason="reset by peer"
            )
        )
        document = documents.book_document(daemon.view, MARKET, daemon.now())
        assert document is not None
        assert (document["usable"], document["reason"]) == (False, "reset by peer")
        assert (document["best_bid"], document["best_ask"], document["mid"]) == (None, None, None)
        assert (document["bids"], document["asks"]) == ([], [])
        last_known = document["last_known"]
        assert last_known["bids"] == [["0.4600", "10.00"], ["0.4500", "7.50"]]
        assert (last_known["best_bid"], last_known["best_ask"]) == ("0.4600", "0.4800")
        assert last_known["mid"] == "0.470000"
        quality = document["quality"]
        assert (quality["grade"], quality["causes"][0]) == ("F", "reset by peer")
        assert quality["faults"] == {"disconnected": 1}


async def test_cost_and_mark_of_a_no_position_are_prices_of_no(autojump_clock, tmp_path):
    async with still_daemon(tmp_path) as daemon:
        daemon.snapshot(bids={"0.68": "10"}, asks={"0.69": "10"})
        daemon.fill(daemon.place(Side.ASK, "5", "0.68"), "5", "0.68", "0")
        position = documents.position_document(daemon.view.position(MARKET), daemon.view)
        assert (position["side"], position["held"], position["count"]) == ("NO", "5.00", "-5.00")
        assert (position["average_cost_dollars"], position["held_mark_dollars"]) == (
            "0.3200",
            "0.3100",
        )
        assert position["mark_dollars"] == "0.6900"


async def test_a_book_and_its_quality_have_no_two_ages_under_one_word(autojump_clock, tmp_path):
    async with still_daemon(tmp_path) as daemon:
        with_book(daemon)
        document = documents.book_document(daemon.view, MARKET, daemon.now())
        assert document is not None
        assert document.keys() & document["quality"].keys() == set()
        assert document["quality"]["proven_s"] == 0.0


async def test_where_no_market_is_followed_the_list_says_why(autojump_clock, tmp_path):
    async with still_daemon(tmp_path, market_data__discover__series="KXNONE") as daemon:
        assert documents.markets_document(daemon.view, daemon.now(), 9)["problems"] == []
        daemon.publish(ev.DegradedRaised(at=daemon.now(), part="series KXNONE", reason="unknown"))
        told = documents.markets_document(daemon.view, daemon.now(), 9)
        assert (told["markets"], told["problems"]) == ([], ["series KXNONE: unknown"])


async def test_a_good_book_has_nothing_that_is_only_last_known(autojump_clock, tmp_path):
    async with still_daemon(tmp_path) as daemon:
        with_book(daemon)
        document = documents.book_document(daemon.view, MARKET, daemon.now())
        assert document is not None
        assert (document["last_known"], document["mid"]) == (None, "0.470000")
        assert document["quality"]["grade"] == "A"
        assert document["quality"]["history"] == []
        json.dumps(document)


async def test_a_book_has_what_is_read_off_it_with_exact_texts(autojump_clock, tmp_path):
    async with still_daemon(tmp_path) as daemon:
        daemon.snapshot(bids={"0.46": "30", "0.45": "7.5"}, asks={"0.48": "10"})
        document = documents.book_document(daemon.view, MARKET, daemon.now())
        assert document is not None
        assert (document["mid"], document["microprice"]) == ("0.470000", "0.475000")
        assert document["imbalance"] == "0.5000"
        assert (document["best_bid_count"], document["best_ask_count"]) == ("30.00", "10.00")
        assert (document["bid_depth"], document["ask_depth"]) == ("37.50", "10.00")
        assert (document["bid_levels"], document["ask_levels"]) == (2, 1)


async def test_a_market_has_a_line_with_its_grade_and_only_prices_that_can_be_trusted(
    autojump_clock, tmp_path
):
    markets = f"{MARKET},{OTHER_MARKET},KXNONE"
    async with still_daemon(tmp_path, market_data__markets=markets) as daemon:
        with_book(daemon)
        daemon.snapshot(OTHER_MARKET, bids={"0.20": "1"}, asks={"0.30": "1"})
        shed = ev.BooksShed(at=daemon.now(), tickers=(OTHER_MARKET,), reason="too much")
        daemon.publish(shed)
        told = documents.markets_document(daemon.view, daemon.now(), 100)
        good, given_up, unknown = told["markets"]
        assert (good["ticker"], good["title"], good["status"]) == (MARKET, "A demo", "active")
        assert (good["best_bid"], good["best_ask"], good["spread"]) == (
            "0.4600",
            "0.4800",
            "0.0200",
        )
        assert (good["usable"], good["reason"], good["grade"]) == (True, "", "A")
        assert good["why"] == "named in market_data.markets"
        assert (given_up["usable"], given_up["best_bid"]) == (False, None)
        assert (given_up["reason"], given_up["grade"]) == ("too much", "F")
        assert (unknown["reason"], unknown["grade"]) == ("no snapshot yet", None)
        assert (unknown["status"], unknown["age_s"]) == ("unknown", None)
        cut = documents.markets_document(daemon.view, daemon.now(), 1)
        assert (cut["followed"], len(cut["markets"])) == (3, 1)


async def test_an_empty_side_has_no_price_and_no_spread(autojump_clock, tmp_path):
    async with still_daemon(tmp_path) as daemon:
        daemon.snapshot(bids={}, asks={"0.48": "10"})
        document = documents.book_document(daemon.view, MARKET, daemon.now())
        assert document is not None
        assert (document["best_bid"], document["spread"], document["bids"]) == (None, None, [])


async def test_only_the_best_levels_are_shown(autojump_clock, tmp_path):
    async with still_daemon(tmp_path) as daemon:
        daemon.snapshot(bids={f"0.{cent:02d}": "1" for cent in range(10, 40)}, asks={})
        document = documents.book_document(daemon.view, MARKET, daemon.now())
        assert document is not None
        assert len(document["bids"]) == documents.BOOK_LEVELS
        assert document["bids"][0] == ["0.3900", "1.00"]


async def test_a_market_that_is_not_followed_has_no_book(autojump_clock, tmp_path):
    async with still_daemon(tmp_path) as daemon:
        assert documents.book_document(daemon.view, "NOPE", daemon.now()) is None


async def test_markets_that_nobody_named_are_those_of_the_embedded_exchange(
    autojump_clock, tmp_path
):
    async with still_daemon(tmp_path) as daemon:
        told = documents.markets_document(daemon.view, daemon.now(), 100)
        assert {each["why"] for each in told["markets"]} == {"the embedded exchange lists it"}
