"""Why no trade, and what the loss limits go by, as JSON."""

import json

from tests.services.still_daemon import MARKET, PERSON, still_daemon
from traderd.model import events as ev
from traderd.model.orders import OrderTerms, Side
from traderd.model.units import Count, Price
from traderd.services.risk_document import denials_document, risk_document


async def test_a_refusal_is_listed_with_its_control_numbers_sentence_and_time(
    autojump_clock, tmp_path
):
    async with still_daemon(tmp_path) as daemon:
        terms = OrderTerms(ticker=MARKET, side=Side.BID, price=Price(5_000), count=Count(10_100))
        denied = ev.OrderDenied(
            at=daemon.now(),
            terms=terms,
            attribution=PERSON,
            rule="size",
            sentence="too many",
            control="C1",
            number="101",
            limit="100",
        )
        daemon.publish(denied, denied)
        (one,) = denials_document(daemon.view)
        assert one.pop("last_at").endswith("Z")
        assert one == {
            "owner": "person",
            "rule": "size",
            "control": "C1",
            "count": 2,
            "number": "101",
            "limit": "100",
            "last_sentence": "too many",
        }


async def test_limits_and_losses_are_told_in_words_and_dollars(autojump_clock, tmp_path):
    async with still_daemon(tmp_path) as daemon:
        before = risk_document(daemon.view)
        assert (before["day"], before["profit_dollars"]) == (None, None)
        daemon.climb()
        daemon.publish(ev.ProfitMarked(at=daemon.now()))
        document = risk_document(daemon.view)
        assert document["limits"]["max_order_contracts"] == "100"
        assert document["profit_dollars"] == document["day_start_dollars"] == "0.000000"
        assert json.loads(json.dumps(document)) == document
