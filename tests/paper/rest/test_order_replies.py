"""Replies carry a field only when it has something to say."""

import msgspec

from tests.paper.venues import NOW, STANDARD, ask, bid, market, venue
from traderd.model.ids import ClientOrderId, MarketTicker
from traderd.model.orders import Side
from traderd.model.units import Count, Price
from traderd.paper.rest.order_replies import (
    amended_reply,
    batch_canceled,
    canceled_reply,
    created_reply,
    decreased_reply,
)
from traderd.paper.venue.messages import AmendTerms


def plain(reply) -> dict:
    return msgspec.json.decode(msgspec.json.encode(reply))


def test_an_asks_average_price_is_the_yes_price():
    built = venue()
    built.create_order("ann", bid("10", "0.40"), None, NOW)
    reply = plain(created_reply(built.create_order("bob", ask("4", "0.30"), None, NOW)))
    assert (reply["average_fill_price"], reply["fill_count"]) == ("0.4000", "4.00")
    assert "client_order_id" not in reply


def test_average_fees_have_four_decimals_half_up():
    built = venue(market(fees=STANDARD))
    built.create_order("ann", ask("10", "0.52"), None, NOW)
    reply = plain(created_reply(built.create_order("bob", bid("10", "0.52"), None, NOW)))
    # 10 at 0.52 cost a net fee of 0.1748, which is 0.01748 a contract.
    assert reply["average_fee_paid"] == "0.0175"


def test_only_a_batch_names_the_client_order_id_of_a_cancel():
    built = venue()
    made = built.create_order("ann", bid("1", "0.40"), ClientOrderId("mine"), NOW)
    done = built.cancel_order("ann", made.order_id, NOW)
    single, batched = plain(canceled_reply(done, NOW)), plain(batch_canceled(done, NOW))
    assert batched == single | {"client_order_id": "mine"}
    assert single["ts_ms"] == NOW // 1_000_000


def test_an_amend_that_ends_an_order_tells_that_nothing_remains():
    built = venue()
    made = built.create_order("ann", bid("5", "0.40"), None, NOW)
    built.create_order("bob", ask("2", "0.40"), None, NOW)
    terms = AmendTerms(
        ticker=MarketTicker(made.ticker), side=Side.BID, price=Price(4_000), count=Count(200)
    )
    reply = plain(amended_reply(built.amend_order("ann", made.order_id, terms, NOW), NOW))
    assert (reply["remaining_count"], reply["fill_count"]) == ("0.00", "0.00")
    assert "average_fill_price" not in reply


def test_a_decrease_tells_what_remains():
    built = venue()
    made = built.create_order("ann", bid("5", "0.40"), None, NOW)
    left = built.decrease_order("ann", made.order_id, NOW, reduce_by=Count(150))
    assert plain(decreased_reply(left, NOW))["remaining_count"] == "3.50"
