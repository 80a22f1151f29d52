import json
import re
from pathlib import Path

import jsonschema_rs
import pytest
import trio

from tests.services.still_daemon import MARKET, still_daemon
from tests.services.test_web import page_of
from tests.web.schema_tools import misfits
from tests.web.test_schema_status import busy
from traderd.errors import BadInput
from traderd.model import events as ev
from traderd.model.orders import Side
from traderd.services.console_source import DaemonSource
from traderd.web.live import LiveHub, watched_ticker
from traderd.web.schema_live import ASKED, MESSAGES, message_schema

PAGE = Path(__file__).parents[2] / "docs" / "websocket.md"


def examples():
    """Return the messages that the page shows, by type: one JSON block under each heading."""
    shown = re.findall(
        r"^### `(\w+)`\n.*?```json\n(.*?)```", PAGE.read_text(), re.MULTILINE | re.DOTALL
    )
    return {type_: json.loads(text) for type_, text in shown}


def test_the_page_has_one_example_of_every_type_and_each_is_what_the_schema_says():
    assert sorted(examples()) == sorted(MESSAGES)
    for type_, message in examples().items():
        assert misfits(message_schema(type_), message) == [], type_


async def test_every_type_that_is_really_sent_is_described_and_fits(autojump_clock, tmp_path):
    async with still_daemon(tmp_path) as daemon, page_of(daemon) as (page, client, hub):
        busy(daemon)
        client.watching = MARKET
        hub.publish("book", DaemonSource(daemon.context("web")).book(MARKET))
        daemon.publish(
            ev.HaltCleared(at=daemon.now(), halt_id="h", author=ev.Author.PERSON),
        )
        daemon.place(Side.BID, "5", "0.44")
        daemon.context("risk").log.warning("careful")
        await trio.testing.wait_all_tasks_blocked()
        sent = page.messages()
        snapshot = LiveHub(DaemonSource(daemon.context("web")))
        with snapshot.join() as newcomer:
            newcomer.watching = MARKET
            sent += [json.loads(text) for text in snapshot._take(newcomer)]
            newcomer.watching = "KXNONE"
            newcomer.mailbox.stale = True
            sent += [json.loads(text) for text in snapshot._take(newcomer)]
    for message in sent:
        assert misfits(message_schema(message["type"]), message) == [], message["type"]
    # An error is only sent to who asked for nonsense.
    assert {message["type"] for message in sent} == set(MESSAGES) - {"error"}
    assert [message["data"]["cleared"] for message in sent if message["type"] == "halt"] == [
        False,
        True,
    ]


async def test_the_answer_to_nonsense_is_described_too(autojump_clock, face):
    async with trio.open_nursery() as nursery:
        await nursery.start(face.hub.run)
        async with face.client.websocket("/v3/ws", headers={"Host": "localhost"}) as websocket:
            message = json.loads(await websocket.receive())
            await websocket.send("nonsense")
            with trio.fail_after(5):
                while message["type"] != "error":
                    message = json.loads(await websocket.receive())
        nursery.cancel_scope.cancel()
    assert misfits(message_schema("error"), message) == []


@pytest.mark.parametrize(
    ("asked", "taken"),
    [
        ({"watch": "KXA"}, True),
        ({"watch": None}, True),
        ({"watch": ""}, False),
        ({"watch": 1}, False),
        ({"watch": "x" * 121}, False),
        ({}, False),
        ([], False),
    ],
)
def test_what_a_client_may_send_is_what_is_understood(asked, taken):
    assert jsonschema_rs.is_valid(ASKED, asked) is taken
    if taken:
        assert watched_ticker(json.dumps(asked)) == asked["watch"]
    else:
        with pytest.raises(BadInput):
            watched_ticker(json.dumps(asked))
