"""The notifier of a composed daemon, with real plugins that send to a server in memory."""

import json
from contextlib import asynccontextmanager
from functools import partial

import pytest
import trio

from tests.services.fake_receiver import Reply, receiver
from tests.services.still_daemon import still_daemon
from tests.simulation.harness import REPOSITORY
from traderd.model import events as ev
from traderd.model.commands import Answer
from traderd.model.notice_commands import (
    AcknowledgeAlerts,
    MuteNotices,
    TryNotifiers,
    UnmuteNotices,
)
from traderd.model.notices import NoticeClass
from traderd.model.orders import Side
from traderd.model.units import NS_PER_S, Timestamp
from traderd.services import notifier
from traderd.services.notice_board import notices_document
from traderd.services.notifier import next_moment, show_span

PLUGINS = REPOSITORY / "plugins"
PORT = 9_100
TOKEN = "12345:hush-hush-token"
SOON = ev.Author.MACHINE


class World:
    """A daemon whose notifier sends to two servers."""

    def __init__(self, daemon, there):
        self.daemon, self.there = daemon, there

    @property
    def texts(self):
        """What came, oldest first."""
        return [request.json["text"] for request in self.there.requests]

    @property
    def board(self):
        return self.daemon.shared.notices

    def halt(self, halt_id="breaker", author=SOON):
        self.daemon.publish(
            ev.HaltRaised(
                at=self.daemon.now(), halt_id=halt_id, author=author, reason="5 errors in a row"
            )
        )

    async def send(self, command):
        return await self.daemon.shared.commands.send(command)

    async def settle(self):
        """Let what is due now arrive."""
        await trio.sleep(0.05)


@asynccontextmanager
async def world(tmp_path, *, service=True, **flags):
    async with (
        still_daemon(
            tmp_path,
            plugin_directories=(PLUGINS,),
            notify__telegram__token=TOKEN,
            notify__telegram__chat_id="77",
            notify__telegram__base_url=f"http://127.0.0.1:{PORT}",
            notify__daily_summary="",
            **flags,
        ) as daemon,
        receiver(daemon.shared.env, port=PORT) as there,
    ):
        made = World(daemon, there)
        async with trio.open_nursery() as nursery:
            if service:
                await nursery.start(partial(notifier.run, daemon.context("notifier")))
            yield made
            nursery.cancel_scope.cancel()


async def test_a_halt_reaches_the_channel_within_five_seconds(autojump_clock, tmp_path):
    async with world(tmp_path) as here:
        before = trio.current_time()
        here.halt()
        await trio.sleep(5)
        (text,), (request,) = here.texts, here.there.requests
        assert request.at - before < 1
        assert text.startswith(
            "[sim] ALERT halt breaker (alert 1): the account is halted by machine"
        )


async def test_publishing_never_waits_for_a_channel(autojump_clock, tmp_path):
    async with world(tmp_path) as here:
        here.there.otherwise = Reply(delay_s=9)
        before = trio.current_time()
        for number in range(50):
            here.halt(f"h{number}")
            await trio.lowlevel.checkpoint()
        assert trio.current_time() - before < 0.1
        await trio.sleep(60)
        assert here.board.desk.alerts["halt:h49"].number == 50


async def test_an_alert_comes_back_until_it_is_acknowledged(autojump_clock, tmp_path):
    async with world(tmp_path) as here:
        here.halt()
        await trio.sleep(200)
        assert [text.split(" (")[0] for text in here.texts] == [
            "[sim] ALERT halt breaker",
            "[sim] ALERT still: halt breaker",
            "[sim] ALERT still: halt breaker",
        ]
        outcome = await here.send(AcknowledgeAlerts(numbers=(1,)))
        assert outcome.sentence == "alert 1 is acknowledged"
        await trio.sleep(10_000)
        assert len(here.texts) == 3


async def test_an_unknown_alert_is_not_acknowledged(autojump_clock, tmp_path):
    async with world(tmp_path) as here:
        outcome = await here.send(AcknowledgeAlerts(numbers=(9,)))
        assert (outcome.answer, outcome.sentence) == (
            Answer.DENIED,
            "there is no alert 9; `traderd notify list` shows them",
        )
        assert (await here.send(AcknowledgeAlerts())).sentence == "no alert waits for anybody"


async def test_clearing_a_halt_ends_its_alert(autojump_clock, tmp_path):
    async with world(tmp_path) as here:
        here.halt()
        await here.settle()
        here.daemon.publish(
            ev.HaltCleared(at=here.daemon.now(), halt_id="breaker", author=ev.Author.PERSON)
        )
        await trio.sleep(10_000)
        assert len(here.texts) == 2
        assert "halt breaker cleared" in here.texts[1]
        assert here.board.told == {}


async def test_fills_come_as_one_digest(autojump_clock, tmp_path):
    async with world(tmp_path, notify__digest_s="300") as here:
        key = here.daemon.place(Side.BID, "5", "0.45")
        for _ in range(3):
            here.daemon.fill(key, "1", "0.45", "0.01")
            await trio.sleep(10)
        assert here.texts == []
        await trio.sleep(300)
        (text,) = here.texts
        assert text.splitlines()[0] == "[sim] fill and 2 more"
        assert text.count("bought 1 YES of") == 3


async def test_a_muted_class_is_silent_until_it_is_not(autojump_clock, tmp_path):
    async with world(tmp_path) as here:
        outcome = await here.send(MuteNotices(kind=NoticeClass.RISK, for_s=7_200))
        assert outcome.sentence.startswith("risk is muted for 2 h")
        here.halt()
        await trio.sleep(3_600)
        assert here.texts == []
        assert (
            await here.send(UnmuteNotices(kind=NoticeClass.RISK))
        ).sentence == "risk is told again"
        await here.settle()
        assert here.texts[0].startswith("[sim] ALERT still: halt breaker")
        again = await here.send(UnmuteNotices(kind=NoticeClass.RISK))
        assert again.sentence == "risk was not muted"


async def test_a_mute_ends_by_itself_and_then_the_alert_is_told(autojump_clock, tmp_path):
    async with world(tmp_path) as here:
        await here.send(MuteNotices(kind=NoticeClass.RISK, for_s=600))
        here.halt()
        await trio.sleep(599)
        assert here.texts == []
        await trio.sleep(2)
        assert len(here.texts) == 1


async def test_in_quiet_hours_a_person_sleeps_unless_it_is_an_alert(autojump_clock, tmp_path):
    # The simulated clock starts at 06:06:40 in New York.
    async with world(tmp_path, notify__quiet_hours="06:00-06:40", notify__digest_s="60") as here:
        here.daemon.publish(ev.TradingPaused(at=here.daemon.now(), reason="lunch"))
        here.halt()
        await trio.sleep(30 * 60)
        assert all("paused" not in text for text in here.texts)
        assert any("halt breaker" in text for text in here.texts)
        await trio.sleep(5 * 60)
        assert any("paused" in text for text in here.texts)


async def test_a_test_message_tells_of_each_channel(autojump_clock, tmp_path):
    async with world(tmp_path) as here:
        outcome = await here.send(TryNotifiers())
        assert outcome.ok
        assert [item.sentence for item in outcome.items] == ["telegram: delivered"]
        assert "this is a test" in here.texts[0]
        here.there.otherwise = Reply(401, b'{"ok":false,"description":"Unauthorized"}')
        outcome = await here.send(TryNotifiers(name="telegram"))
        assert outcome.answer is Answer.REJECTED
        assert "telegram: Telegram answered 401 Unauthorized" in outcome.items[0].sentence
        outcome = await here.send(TryNotifiers(name="pigeon"))
        assert (outcome.answer, outcome.sentence) == (
            Answer.DENIED,
            "there is no notifier 'pigeon'; known are: telegram",
        )


async def test_halts_of_an_earlier_run_are_told_at_the_start_and_once(autojump_clock, tmp_path):
    async with world(tmp_path, service=False) as here:
        here.halt("of the machine")
        here.halt("of a person", ev.Author.PERSON)
        for _ in range(2):
            # The second time is a restart of the service alone.
            with trio.move_on_after(5):
                async with trio.open_nursery() as nursery:
                    await nursery.start(partial(notifier.run, here.daemon.context("notifier")))
        assert len(here.texts) == 1
        assert "of the machine" in here.texts[0]


async def test_an_acknowledged_alert_stays_so_over_a_restart_of_the_notifier(
    autojump_clock, tmp_path
):
    async with world(tmp_path, service=False) as here:
        here.halt()
        for number in range(2):
            with trio.move_on_after(5):
                async with trio.open_nursery() as nursery:
                    await nursery.start(partial(notifier.run, here.daemon.context("notifier")))
                    if number == 0:
                        await here.settle()
                        await here.send(AcknowledgeAlerts())
        await trio.sleep(1)
        assert len(here.texts) == 1


async def test_the_last_messages_leave_before_the_daemon_does(autojump_clock, tmp_path):
    async with world(tmp_path) as here:
        key = here.daemon.place(Side.BID, "5", "0.45")
        here.daemon.fill(key, "1", "0.45", "0.01")
        await here.settle()
        await notifier.drain(here.daemon.context("notifier"))
        assert "fill: bought 1 YES" in here.texts[0]


async def test_a_stop_does_not_wait_for_a_channel_that_hangs(autojump_clock, tmp_path):
    async with world(tmp_path) as here:
        here.there.otherwise = Reply(delay_s=100)
        here.halt()
        await here.settle()
        before = trio.current_time()
        await notifier.drain(here.daemon.context("notifier"))
        assert trio.current_time() - before <= notifier.DRAIN_S + 0.01


async def test_telegram_gets_the_pause_that_it_asks_for(autojump_clock, tmp_path):
    async with world(tmp_path) as here:
        wait = {"ok": False, "description": "Too Many Requests", "parameters": {"retry_after": 17}}
        here.there.replies.append(Reply(429, json.dumps(wait).encode()))
        here.halt()
        await trio.sleep(30)
        first, second = here.there.requests
        assert 17 <= second.at - first.at < 20
        assert first.body == second.body


async def test_no_secret_is_anywhere(autojump_clock, tmp_path):
    async with world(tmp_path) as here:
        here.there.otherwise = Reply(404, b'{"ok":false,"description":"Not Found"}')
        here.daemon.publish(
            ev.HaltRaised(
                at=here.daemon.now(), halt_id="x", author=SOON, reason=f"leaked {TOKEN} somewhere"
            )
        )
        await here.settle()
        await here.send(TryNotifiers())
        here.there.otherwise = Reply(drop=True)
        outcome = await here.send(TryNotifiers())
        await trio.sleep(100)
        told = json.dumps(notices_document(here.board, here.daemon.now())["notifiers"])
        bodies = b"".join(request.body for request in here.there.requests)
        log = here.daemon.log_text.getvalue()
        assert "gave up a message" in log
        # The halt's own reason is in the log as somebody wrote it; the notifier adds nothing to that.
        own = [line for line in log.splitlines() if '"notifier"' in line]
        assert own != []
        for text in (*own, told, bodies.decode(), repr(outcome), repr(here.board.channels)):
            assert TOKEN not in text


async def test_a_summary_comes_once_a_day_at_its_time(autojump_clock, tmp_path):
    async with world(tmp_path, service=False) as here:
        here.daemon.shared.settings.current = _with_summary(here.daemon.shared.config, "08:00")
        async with trio.open_nursery() as nursery:
            await nursery.start(partial(notifier.run, here.daemon.context("notifier")))
            await trio.sleep(2 * 86_400)
            nursery.cancel_scope.cancel()
        summaries = [text for text in here.texts if "summary of the day" in text]
        assert len(summaries) == 2
        gap = here.there.requests[-1].at - here.there.requests[0].at
        assert gap == pytest.approx(86_400, abs=1)


def _with_summary(config, when):
    import msgspec

    return msgspec.structs.replace(
        config, notify=msgspec.structs.replace(config.notify, daily_summary=when)
    )


async def test_other_notifiers_take_over_when_plugins_change(autojump_clock, tmp_path):
    async with world(tmp_path) as here:
        extensions = here.daemon.shared.extensions
        here.halt("a")
        await here.settle()
        extensions.replace(notifiers=(), routes=(), metrics=(), features=())
        await here.settle()
        here.halt("b")
        await trio.sleep(5)
        assert len(here.texts) == 1
        assert here.board.channels == {}
        assert len(here.board.desk.alerts) == 2


def test_the_next_moment_is_of_the_zone_and_never_now():
    noon = Timestamp(1_795_000_000 * NS_PER_S)  # 11:06:40 UTC, 06:06:40 in New York
    assert next_moment(noon, 8 * 60, "America/New_York") - noon == (113 * 60 + 20) * NS_PER_S
    assert (
        next_moment(noon, 6 * 60, "America/New_York") - noon
        == (24 * 3_600 - 6 * 60 - 40) * NS_PER_S
    )
    exactly = next_moment(noon, 8 * 60, "UTC")
    assert next_moment(exactly, 8 * 60, "UTC") - exactly == 86_400 * NS_PER_S


@pytest.mark.parametrize(("seconds", "text"), [(7_200, "2 h"), (90, "90 s"), (1_800, "30 min")])
def test_a_span_is_shown_in_its_largest_whole_unit(seconds, text):
    assert show_span(seconds) == text
