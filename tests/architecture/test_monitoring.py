"""The dashboard and the alerts: what they ask for is served and documented, and Prometheus' own tool agrees."""

import json
import re
import shutil
import subprocess
from collections.abc import Iterator

import pytest
import yaml
from prometheus_client.parser import text_string_to_metric_families

from tests.architecture.sources import ROOT
from tests.services.still_daemon import still_daemon
from traderd.cli.main import cli
from traderd.model.orders import OrderStatus
from traderd.model.state_events import Author
from traderd.model.states import State
from traderd.services.metrics import metrics_route, tables

FOLDER = ROOT / "docs" / "monitoring"
ALERTS = FOLDER / "alerts.yml"
DASHBOARD = FOLDER / "grafana-dashboard.json"
OF_PROMETHEUS = {"up": ("job", "instance")}
"""Made by the scraper itself."""
OF_THE_SCRAPER = frozenset({"job", "instance"})
"""Labels that every series has."""
METRIC = re.compile(r"\b(?P<name>(?:traderd|process|python)_\w+|up)\b(?:\{(?P<labels>[^}]*)\})?")
SELECTOR = re.compile(r'(?P<label>\w+)\s*(?P<how>=~|=|!=|!~)\s*"(?P<value>[^"]*)"')
VALUES = {
    "state": {state.value for state in State},
    "author": {author.value for author in Author},
    "status": {status.value for status in OrderStatus},
    "health": {"healthy", "degraded", "unhealthy"},
    "result": {"agreed", "differed", "wrong", "inconclusive"},
    "quantile": {"0.5", "0.99"},
    "job": {"traderd"},
}
PROMTOOL = shutil.which("promtool")
needs_promtool = pytest.mark.skipif(
    PROMTOOL is None, reason="no promtool here (apt-get install prometheus)"
)


def rules() -> list[dict]:
    return [
        rule for group in yaml.safe_load(ALERTS.read_text())["groups"] for rule in group["rules"]
    ]


def panels() -> list[dict]:
    return json.loads(DASHBOARD.read_text())["panels"]


def expressions() -> Iterator[tuple[str, str]]:
    """Yield (where, expression) for everything that is asked of Prometheus."""
    for rule in rules():
        yield rule["alert"], rule["expr"]
    for panel in panels():
        for target in panel.get("targets", ()):
            yield panel["title"], target["expr"]


def known_labels() -> dict[str, tuple[str, ...]]:
    known = {metric.name: metric.labels for metric in tables(trading=True)}
    return {**known, **OF_PROMETHEUS}


async def served(tmp_path) -> set[str]:
    """Return the names of all families that a daemon serves."""
    async with still_daemon(tmp_path) as daemon:
        body = metrics_route(daemon.context("web")).body().decode()
    return set(re.findall(r"^# TYPE (\S+) ", body, re.MULTILINE))


EXPRESSIONS = list(expressions())


async def test_every_metric_asked_for_is_served_and_documented(autojump_clock, tmp_path):
    names = await served(tmp_path)
    page = (ROOT / "docs" / "metrics.md").read_text()
    asked = {found["name"] for _, expr in EXPRESSIONS for found in METRIC.finditer(expr)} - {"up"}
    assert len(asked) > 40
    assert sorted(asked - names) == []
    assert [name for name in sorted(asked) if f"| `{name}` |" not in page] == []


@pytest.mark.parametrize(("where", "expr"), EXPRESSIONS, ids=[where for where, _ in EXPRESSIONS])
def test_the_labels_asked_for_exist_and_can_have_these_values(where, expr):
    known = known_labels()
    for found in METRIC.finditer(expr):
        for selector in SELECTOR.finditer(found["labels"] or ""):
            label, value = selector["label"], selector["value"]
            assert label in {*known.get(found["name"], ()), *OF_THE_SCRAPER}, found[0]
            if value.startswith("$"):
                continue
            for each in value.split("|"):
                assert each in VALUES[label], found[0]


def test_the_names_are_found_whole():
    (found,) = METRIC.finditer('rate(traderd_orders{status="unknown", a!~"b"}[5m])')
    assert found["name"] == "traderd_orders"
    assert [one["label"] for one in SELECTOR.finditer(found["labels"])] == ["status", "a"]


def test_every_alert_says_how_bad_it_is_and_what_to_do():
    names = [rule["alert"] for rule in rules()]
    assert len(names) == len(set(names)) > 15
    for rule in rules():
        assert rule["labels"]["severity"] in {"page", "look"}, rule
        assert set(rule["annotations"]) == {"summary", "cure"}, rule
    verbs = [
        verb
        for rule in rules()
        for verb in re.findall(r"\btraderd ([a-z][\w-]*)", rule["annotations"]["cure"])
    ]
    assert [verb for verb in verbs if verb not in cli.commands] == []
    assert len(verbs) > 5


def test_every_alert_and_its_cure_are_on_the_page():
    page = (ROOT / "docs" / "monitoring.md").read_text()
    assert [rule["alert"] for rule in rules() if f"`{rule['alert']}`" not in page] == []
    assert re.findall(r"^\| `(Traderd\w+)`", page, re.MULTILINE) == [
        rule["alert"] for rule in rules()
    ]


def test_the_dashboard_is_one_that_grafana_can_read():
    board = json.loads(DASHBOARD.read_text())
    assert (board["uid"], board["title"]) == ("traderd", "traderd")
    assert [one["name"] for one in board["templating"]["list"]] == ["datasource", "instance"]
    numbers = [panel["id"] for panel in board["panels"]]
    assert len(set(numbers)) == len(numbers)
    taken: set[tuple[int, int]] = set()
    for panel in board["panels"]:
        place = panel["gridPos"]
        assert place["x"] + place["w"] <= 24
        cells = {
            (x, y)
            for x in range(place["x"], place["x"] + place["w"])
            for y in range(place["y"], place["y"] + place["h"])
        }
        assert taken.isdisjoint(cells), panel["title"]
        taken |= cells
        if panel["type"] == "row":
            continue
        assert panel["description"].endswith("."), panel["title"]
        assert panel["targets"], panel["title"]
        assert len({target["refId"] for target in panel["targets"]}) == len(panel["targets"])
        assert panel["datasource"]["uid"] == "${datasource}"
        # Without it the choice of a daemon on top would change nothing.
        assert all('instance=~"$instance"' in target["expr"] for target in panel["targets"])


def promtool(*arguments: str):
    assert PROMTOOL is not None
    return subprocess.run(
        [PROMTOOL, *arguments], capture_output=True, text=True, check=False, timeout=60
    )


@needs_promtool
def test_prometheus_takes_the_rules_and_they_do_what_they_say():
    checked = promtool("check", "rules", str(ALERTS))
    assert checked.returncode == 0, checked.stdout + checked.stderr
    tested = promtool("test", "rules", str(FOLDER / "alerts_test.yml"))
    assert tested.returncode == 0, tested.stdout + tested.stderr


@needs_promtool
def test_prometheus_understands_the_dashboards_questions(tmp_path):
    asked = [
        expr.replace("$__rate_interval", "5m").replace("$instance", ".*")
        for where, expr in EXPRESSIONS
    ]
    recorded = [{"record": f"asked:{number}", "expr": expr} for number, expr in enumerate(asked)]
    path = tmp_path / "rules.yml"
    path.write_text(yaml.safe_dump({"groups": [{"name": "asked", "rules": recorded}]}))
    checked = promtool("check", "rules", str(path))
    assert checked.returncode == 0, checked.stdout + checked.stderr


async def test_what_a_daemon_serves_can_be_read_by_a_scraper(autojump_clock, tmp_path):
    async with still_daemon(tmp_path) as daemon:
        body = metrics_route(daemon.context("web")).body().decode()
    assert list(text_string_to_metric_families(body))
