"""`/metrics`: what is served is documented, what is documented is served, and checkers of the format agree."""

import re
import shutil
import subprocess
import urllib.error
import urllib.request

import pytest
from prometheus_client.parser import text_string_to_metric_families

from tests.architecture.sources import ROOT
from tests.process_tools import running_daemon
from tests.services.still_daemon import MARKET, still_daemon
from traderd.model import events as ev
from traderd.model.orders import Side
from traderd.services.console_source import DaemonSource
from traderd.services.metric_table import Kind
from traderd.services.metrics import metrics_route, tables
from traderd.services.plugin_metrics import PREFIX

PAGE = ROOT / "docs" / "metrics.md"
ROW = re.compile(
    r"^\| `(?P<name>\w+)` \| (?P<kind>\w+) \| (?P<labels>.*?) \| (?P<meaning>.+) \|$", re.MULTILINE
)
PROMTOOL = shutil.which("promtool")
FROM_THE_LIBRARY = ("process_", "python_")


def documented() -> dict[str, re.Match]:
    return {row["name"]: row for row in ROW.finditer(PAGE.read_text(encoding="utf-8"))}


def families(text: bytes) -> dict[str, str]:
    """Return the type of each name that is served."""
    return dict(re.findall(r"^# TYPE (\S+) (\S+)$", text.decode(), re.MULTILINE))


@pytest.fixture
async def busy(tmp_path):
    async with still_daemon(tmp_path) as daemon:
        daemon.climb()
        daemon.snapshot(bids={"0.46": "10"}, asks={"0.48": "10"})
        daemon.sync("998.7725")
        daemon.fill(daemon.place(Side.BID, "20", "0.47"), "10", "0.47", "0.10")
        yield daemon


def promtool_on(text: bytes) -> tuple[int, bytes]:
    assert PROMTOOL is not None
    checked = subprocess.run(
        [PROMTOOL, "check", "metrics"], input=text, capture_output=True, check=False, timeout=20
    )
    return checked.returncode, checked.stdout + checked.stderr


def scrape(daemon) -> bytes:
    return metrics_route(daemon.context("web")).body()


async def test_what_is_served_is_what_is_documented(busy, autojump_clock):
    served = families(scrape(busy))
    assert {name: row["kind"] for name, row in documented().items()} == served


def test_the_page_says_of_each_metric_what_the_scrape_says():
    rows = documented()
    for metric in tables(trading=True):
        row = rows[metric.name]
        labels = ", ".join(f"`{label}`" for label in metric.labels)
        assert (row["kind"], row["labels"].strip(), row["meaning"]) == (
            metric.kind.value,
            labels,
            metric.meaning,
        )


async def test_the_numbers_of_the_feed_are_those_of_the_status(busy, autojump_clock):
    told = DaemonSource(busy.context("web")).status()["market_data"]
    samples = {
        sample.name: sample.value
        for family in text_string_to_metric_families(scrape(busy).decode())
        for sample in family.samples
        if not sample.labels
    }
    assert samples["traderd_market_data_snapshots_total"] == told["snapshots_total"] == 1
    assert samples["traderd_market_data_markets_wanted"] == told["markets_wanted"] == 12


async def test_each_scrape_reads_the_present(busy, autojump_clock):
    route = metrics_route(busy.context("web"))
    assert b"traderd_paused 0.0" in route.body()
    busy.publish(ev.TradingPaused(at=busy.now(), reason="lunch"))
    assert b"traderd_paused 1.0" in route.body()


async def test_with_trading_off_no_name_has_a_word_of_trading(autojump_clock, tmp_path):
    async with still_daemon(tmp_path, trading__enabled="false") as daemon:
        served = families(scrape(daemon))
        assert "traderd_market_data_deltas_total" in served
        words = ("order", "fills", "balance", "position", "pnl", "halt", "account")
        assert [name for name in served if any(word in name for word in words)] == []


async def test_no_series_has_a_market_in_it(busy, autojump_clock):
    assert MARKET not in scrape(busy).decode()


def test_names_end_with_their_unit_and_counters_with_total():
    names = [metric.name for metric in tables(trading=True)]
    assert len(names) == len(set(names))
    for metric in tables(trading=True):
        assert metric.name.startswith("traderd_")
        assert (metric.kind is Kind.COUNTER) == metric.name.endswith("_total")
        assert metric.meaning.endswith(".")
        assert not re.search(r"_(ms|ns|percent|dollar|second|byte)(_|$)", metric.name)


@pytest.mark.process
def test_a_real_daemon_serves_it_under_the_names_of_this_machine_only(tmp_path):
    with running_daemon(tmp_path / "state") as daemon:
        daemon.wait_ready()
        with urllib.request.urlopen(f"{daemon.url}/metrics", timeout=10) as answer:
            assert answer.headers["Content-Type"] == "text/plain; version=0.0.4; charset=utf-8"
            text = answer.read()
        ours = [name for name in families(text) if not name.startswith(PREFIX)]
        assert sorted(ours) == sorted(documented())
        assert b'traderd_state{state="ready"}' in text
        foreign = urllib.request.Request(f"{daemon.url}/metrics", headers={"Host": "evil.example"})
        with pytest.raises(urllib.error.HTTPError) as refused:
            urllib.request.urlopen(foreign, timeout=10)
        assert refused.value.code == 421
        refused.value.close()


@pytest.mark.skipif(PROMTOOL is None, reason="promtool is not here (Debian: prometheus)")
async def test_prometheus_own_checker_has_nothing_to_say(busy, autojump_clock):
    assert promtool_on(scrape(busy)) == (0, b"")
