"""From recorded frames to opening books."""

from __future__ import annotations

import json
from pathlib import Path

from traderd.paper.scenario import default_scenario, opening_books

DATA = Path(__file__).parents[2] / "data"
RECORDING = (DATA / "ws_orderbook_prod_20260807.json").read_bytes()


def test_the_packaged_opening_books_are_those_of_the_recording():
    recorded = opening_books(RECORDING)
    assert len(recorded) == 12
    assert {m.ticker: (m.bids, m.asks) for m in default_scenario().markets} == recorded


def test_no_bids_become_asks_at_the_complement():
    frame = {
        "type": "orderbook_snapshot",
        "msg": {
            "market_ticker": "X",
            "yes_dollars_fp": [["0.4500", "10.00"], ["0.4700", "3.00"]],
            "no_dollars_fp": [["0.4600", "5.00"], ["0.4800", "2.50"]],
        },
    }
    later = {"type": "orderbook_snapshot", "msg": {"market_ticker": "X"}}
    other = {"type": "orderbook_delta", "msg": {"market_ticker": "X"}}
    frames = [{"frame": each} for each in (other, frame, later)]
    assert opening_books(json.dumps({"frames": frames}).encode()) == {
        "X": (
            (("0.4500", "10.00"), ("0.4700", "3.00")),
            (("0.5200", "2.50"), ("0.5400", "5.00")),
        )
    }
