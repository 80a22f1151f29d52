import json
import re
from pathlib import Path

import jsonschema_rs
import pytest
import trio

from tests.services.still_daemon import MARKET, still_daemon
from tests.web.schema_tools import closed
from tests.web.test_schema_status import busy
from traderd.services.console_source import DaemonSource
from traderd.services.web_app import make_app
from traderd.web.access import AccessRules
from traderd.web.live import LiveHub
from traderd.web.openapi import PATH, document
from traderd.web.reads import READS
from traderd.web.schema_parts import OUTCOME_STATUSES

HOST = {"Host": "127.0.0.1:8005"}
ROOT = Path(__file__).parents[2]
TOKEN = "correct-horse-battery-staple"


class Served:
    """The application as the daemon makes it, over a composed daemon."""

    def __init__(self, daemon):
        self.context = daemon.context("web")
        self.source = DaemonSource(self.context)
        self.app = make_app(
            self.context,
            self.source,
            LiveHub(self.source),
            AccessRules(control_token=TOKEN),
            trio.Event(),
        )
        self.client = self.app.test_client()

    async def get(self, path):
        return await self.client.get(path, headers=HOST)

    async def document(self):
        return await (await self.get(PATH)).get_json()


async def test_every_served_route_is_described_and_every_described_one_is_served(
    autojump_clock, tmp_path
):
    async with still_daemon(tmp_path) as daemon:
        served = Served(daemon)
        described = {
            (method.upper(), path)
            for path, item in (await served.document())["paths"].items()
            for method in item
        }
        verbs = served.source.verbs()
    routes = set()
    for rule in served.app.url_map.iter_rules():
        path = re.sub(r"<(?:path:)?(\w+)>", r"{\1}", rule.rule)
        methods = {"GET"} if rule.websocket else rule.methods - {"HEAD", "OPTIONS"}
        routes |= {(method, path) for method in methods}
    # One rule serves all verbs, another all routes of plugins.
    assert ("POST", "/v3/commands/{verb}") in routes
    routes.discard(("POST", "/v3/commands/{verb}"))
    routes |= {("POST", f"/v3/commands/{verb}") for verb in verbs}
    routes -= {(method, "/x/{plugin}/{path}") for method in ("GET", "POST")}
    assert described == routes


async def test_every_read_answers_with_what_is_described(autojump_clock, tmp_path):
    async with still_daemon(tmp_path) as daemon:
        busy(daemon)
        served = Served(daemon)
        described = await served.document()
        judged = []
        for path, item in described["paths"].items():
            if "get" not in item or path == "/v3/ws":
                continue
            answer = await served.get(path.replace("{ticker}", MARKET))
            said = item["get"]["responses"][str(answer.status_code)]["content"]
            media = answer.content_type.partition(";")[0]
            assert media in said, path
            if media == "application/json":
                root = {
                    **closed(said[media]["schema"]),
                    "components": closed(described["components"]),
                }
                body = json.loads(await answer.get_data())
                jsonschema_rs.validate(root, body)
                judged.append(path)
    assert len(judged) >= 17


async def test_the_description_is_an_openapi_document_whose_references_all_lead_somewhere(
    autojump_clock, tmp_path
):
    async with still_daemon(tmp_path) as daemon:
        described = await Served(daemon).document()
    text = json.dumps(described)
    assert described["openapi"].startswith("3.1")
    for name in set(re.findall(r'"#/components/schemas/(\w+)"', text)):
        assert name in described["components"]["schemas"]
    for item in described["paths"].values():
        for operation in item.values():
            assert operation["summary"]
            assert "default" in operation["responses"]
    for schema in described["components"]["schemas"].values():
        jsonschema_rs.meta.validate(schema)


def error_of(body):
    return sorted(body["error"]) == ["code", "cure", "sentence"] and all(body["error"].values())


@pytest.mark.parametrize(
    ("method", "path", "headers", "body", "status"),
    [
        ("GET", "/nothing", {}, b"", 404),
        ("GET", "/v3/books/NONE", {}, b"", 404),
        ("GET", "/v3/ws", {}, b"", 400),
        ("GET", "/x/none/none", {}, b"", 404),
        ("POST", "/v3/status", {}, b"", 405),
        ("GET", "/v3/commands/pause", {}, b"", 405),
        ("GET", "/v3/log?limit=x", {}, b"", 400),
        ("GET", "/v3/log?before=x", {}, b"", 400),
        ("POST", "/v3/commands/pause", {}, b"", 401),
        ("POST", "/v3/commands/pause", {"Authorization": f"Bearer {TOKEN}"}, b"x" * 70_000, 413),
        ("POST", "/v3/commands/pause", {"Authorization": f"Bearer {TOKEN}"}, b"a=1", 415),
        ("POST", "/v3/commands/none", {"Authorization": f"Bearer {TOKEN}"}, b"", 404),
        ("GET", "/v3/status", {"Host": "evil.example"}, b"", 421),
        ("POST", "/v3/commands/pause", {"Origin": "http://evil.example"}, b"", 403),
    ],
)
async def test_every_refusal_has_a_code_a_sentence_and_a_cure(
    autojump_clock, tmp_path, method, path, headers, body, status
):
    async with still_daemon(tmp_path) as daemon:
        client = Served(daemon).client
        answer = await client.open(path, method=method, headers={**HOST, **headers}, data=body)
        told = json.loads(await answer.get_data())
    assert answer.status_code == status
    assert answer.content_type == "application/json"
    assert error_of(told)


async def test_the_routes_of_plugins_are_described_too(autojump_clock, face):
    class Host:
        def listing(self):
            route = {"method": "POST", "path": "/x/notes/add", "plugin": "notes", "meaning": "Add."}
            return {"routes": [route], "faults": []}

    described = document(face.source, (), Host())
    assert list(described["paths"]["/x/notes/add"]) == ["post"]
    assert described["paths"]["/x/notes/add"]["post"]["security"] == [{"token": []}]


def test_the_page_names_every_read_every_status_of_a_verb_and_every_error_code():
    page = (ROOT / "docs" / "api.md").read_text()
    for read in READS:
        assert f"`/v3/{read.path}`" in page
    for status in OUTCOME_STATUSES:
        assert f"| {status} | `" in page
    sources = [
        *(ROOT / "traderd" / "web").glob("*.py"),
        *(ROOT / "traderd" / "services").glob("*routes.py"),
    ]
    codes = {
        code
        for source in sources
        for code in re.findall(
            r"(?:Refusal|error_answer|_failure)\(\s*\d{3},\s*\"(\w+)\"", source.read_text()
        )
    }
    assert len(codes) >= 15
    codes |= {
        "plugin_failed",
        "not_found",
        "method_not_allowed",
        "request_entity_too_large",
        "too_many_connections",
    }
    assert {code for code in codes if f"`{code}`" not in page} == set()
