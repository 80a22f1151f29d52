"""The example of a route and a command: profit and loss as a table."""

import csv
import io
import json

import pytest

from tests.cli.conftest import run_traderd
from tests.process_tools import running_daemon
from tests.services.still_daemon import MARKET, OTHER_MARKET, still_daemon
from tests.simulation.harness import REPOSITORY
from traderd.model.orders import Side
from traderd.services.plugin_routes import PluginRoutes

PLUGINS = (REPOSITORY / "plugins",)


async def table(daemon, path):
    host = PluginRoutes(daemon.context("web"))
    status, kind, body = await host.answer("GET", "pnl_csv", path, query={}, body={})
    assert status == 200
    if path.endswith(".json"):
        return json.loads(body)
    assert kind == "text/csv; charset=utf-8"
    return list(csv.DictReader(io.StringIO(body.decode())))


async def test_markets_have_a_row_each_whose_net_adds_up(autojump_clock, tmp_path):
    async with still_daemon(tmp_path, plugin_directories=PLUGINS) as daemon:
        daemon.list_market()
        daemon.snapshot(bids={"0.46": "10"}, asks={"0.48": "10"})
        daemon.fill(daemon.place(Side.BID, "20", "0.47"), "10", "0.47", "0.10")
        daemon.fill(daemon.place(Side.ASK, "5", "0.60", ticker=OTHER_MARKET), "5", "0.60", "0")
        first, second = await table(daemon, "markets.csv")
        assert first == {
            "ticker": MARKET,
            "count": "10.00",
            "average_cost": "0.4700",
            "mark": "0.4600",
            "cost": "4.700000",
            "realized_pnl": "0.000000",
            "unrealized_pnl": "-0.100000",
            "fees_paid": "0.100000",
            "net": "-0.200000",
        }
        assert (second["ticker"], second["count"], second["mark"]) == (OTHER_MARKET, "-5.00", "")
        assert (await table(daemon, "markets.json"))["markets"] == [first, second]


async def test_days_add_up_what_was_traded(autojump_clock, tmp_path):
    async with still_daemon(tmp_path, plugin_directories=PLUGINS) as daemon:
        key = daemon.place(Side.BID, "20", "0.47")
        daemon.fill(key, "10", "0.47", "0.10")
        daemon.fill(key, "2.5", "0.47", "0.02")
        daemon.fill(daemon.place(Side.ASK, "5", "0.60"), "5", "0.60", "0")
        (row,) = await table(daemon, "days.csv")
        assert row == {
            "day": "2026-11-18",
            "fills": "3",
            "bought": "12.50",
            "sold": "5.00",
            "fees": "0.120000",
            "complete": "yes",
        }


async def test_a_day_of_which_fills_have_left_memory_says_so(autojump_clock, tmp_path):
    async with still_daemon(tmp_path, plugin_directories=PLUGINS) as daemon:
        key = daemon.place(Side.BID, "2000", "0.47")
        for _ in range(1_001):
            daemon.fill(key, "1", "0.47", "0")
        (row,) = await table(daemon, "days.csv")
        assert (row["fills"], row["complete"]) == ("1000", "no")


async def test_without_anything_there_is_a_heading(autojump_clock, tmp_path):
    async with still_daemon(tmp_path, plugin_directories=PLUGINS) as daemon:
        assert await table(daemon, "markets.csv") == []


@pytest.mark.process
def test_the_command_prints_them_from_a_real_daemon(tmp_path):
    state = tmp_path / "state"
    with running_daemon(state) as daemon:
        daemon.wait_ready()
        given = ("--state-dir", str(state))
        markets = run_traderd("pnl-csv", *given, directory=REPOSITORY)
        assert (markets.code, markets.err) == (0, "")
        assert markets.out.startswith("ticker,count,average_cost,mark,cost,realized_pnl")
        days = run_traderd("pnl-csv", "--by", "day", "--json", *given, directory=REPOSITORY)
        assert "days" in json.loads(days.out)
        wrong = run_traderd("pnl-csv", "--by", "year", *given, directory=REPOSITORY)
        assert wrong.code == 2
    gone = run_traderd("pnl-csv", *given, directory=REPOSITORY)
    assert gone.code == 3
