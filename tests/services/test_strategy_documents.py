"""Strategies on screens: the outcomes stand beside the ticks and add up to them."""

import json

import trio

from tests.services.strategy_files import write_probe
from tests.simulation.harness import TICKERS, simulated_daemon
from traderd.services import strategy_documents
from traderd.services.context import Context
from traderd.services.strategy_documents import tenants_document, why_document
from traderd.services.strategy_routes import strategy_routes

MIXED = """
    def decide(self, observation):
        return [self.bid(observation, "0.0150")] if observation.ticker == "FIRST" else ()
"""


async def test_the_documents_add_up_and_are_served(tmp_path, autojump_clock, monkeypatch):
    write_probe(tmp_path, MIXED)
    async with simulated_daemon(tmp_path) as simulated:
        await trio.sleep(5.0)
        view = simulated.view
        (total,) = why_document(view)["strategies"]
        assert sum(total["outcomes"].values()) == total["ticks"] == view.ticks.ticks["probe"]
        denied = [row for row in why_document(view)["rows"] if row["outcome"] == "denied"]
        assert [(row["ticker"], row["rule"]) for row in denied] == [(TICKERS[0], "grid")]
        assert "denied by rule grid" in denied[0]["reason"]
        (row,) = tenants_document(view)
        assert (row["strategy"], row["status"], row["reason"]) == ("probe", "running", "")
        assert row["parameters"][0] == {
            "name": "size",
            "value": "1",
            "tunable": True,
            "doc": "Contracts.",
        }
        context = Context(name="test", shared=simulated.daemon.shared, log=None)
        served = {route.path: json.loads(route.body()) for route in strategy_routes(context)}
        assert served["/v3/why"]["strategies"] == [total]
        assert served["/v3/strategies"]["strategies"][0]["strategy"] == "probe"
        monkeypatch.setattr(strategy_documents, "ROWS_SHOWN", 2)
        short = why_document(view)
        assert len(short["rows"]) == 2
        assert short["left_out"] == len(view.ticks.rows) - 2
