"""Tells a person what matters, by every channel that a plugin offers.

Owns: the reading of facts, the clock of digests and reminders, one queue for each channel, and the commands of
`traderd notify`. A fact is handed to the channels in the same step in which it is read; nothing here waits for a channel,
so trading never does.
Must not: know how a channel sends.
"""

from __future__ import annotations

import math
from datetime import UTC, datetime, time, timedelta
from functools import partial
from typing import Any, Final
from zoneinfo import ZoneInfo

import trio

from traderd.config import Config
from traderd.config_notify import summary_minute
from traderd.config_risk import quiet_minutes
from traderd.core.notice_desk import DeskRules, NoticeDesk
from traderd.core.notice_outbox import ChannelRules
from traderd.core.notice_rules import TOLD_ABOUT, NoticeRules
from traderd.model.commands import Answer, Command, Outcome, denied, done
from traderd.model.notice_commands import (
    AcknowledgeAlerts,
    MuteNotices,
    TryNotifiers,
    UnmuteNotices,
)
from traderd.model.notices import Notice, NoticeClass, NoticeMessage, Urgency
from traderd.model.units import NS_PER_S, Timestamp
from traderd.plugin_api import Service, hookimpl
from traderd.runtime.inbox import Inbox, Policy
from traderd.services.context import Context
from traderd.services.daily_summary import daily_summary
from traderd.services.notifier_channel import NotifierChannel
from traderd.services.notifier_post import Poster

INBOX_DEPTH: Final = 10_000
"""Bounds the facts that wait: each is handled in microseconds, and a burst of fills has some thousands."""
DRAIN_S: Final = 1.0
"""Bounds the wait for the last messages when the daemon stops; its orders are cancelled before."""
LOOK_S: Final = 0.01
"""Bounds from below how soon something is looked at again, whatever the arithmetic of its time says."""
TRY_TEXT: Final = "this is a test of `traderd notify test`; nothing has happened"


@hookimpl
def traderd_services(config: Config) -> list[Service]:
    """Contribute the notifier: without any channel it keeps the alerts for `traderd notify list`."""
    return [Service(name="notifier", run=run, drain=drain)]


async def run(context: Context, *, task_status: trio.TaskStatus[None]) -> None:
    """Tell until cancelled; what waits in a queue then waits for the next start of the service."""
    with (
        context.subscribe(*TOLD_ABOUT, policy=Policy.LOSSLESS, depth=INBOX_DEPTH) as facts,
        context.shared.commands.serve(
            TryNotifiers, MuteNotices, UnmuteNotices, AcknowledgeAlerts
        ) as requests,
    ):
        teller = Teller(context)
        changed = teller.open_channels()
        teller.take_up()
        async with trio.open_nursery() as nursery:
            nursery.start_soon(teller.follow, facts)
            nursery.start_soon(teller.tell_when_due)
            nursery.start_soon(teller.summarize)
            nursery.start_soon(_serve, teller, requests)
            task_status.started()
            while True:
                await teller.run_channels(changed)
                changed = teller.open_channels()


async def drain(context: Context) -> None:
    """Send what waits, as far as that goes within DRAIN_S.  Cancelling is safe."""
    channels = context.shared.notices.channels
    for name, outbox in context.shared.notices.desk.outboxes.items():
        message = outbox.flush()
        if message is not None and name in channels:
            channels[name].offer(message)
    with trio.move_on_after(DRAIN_S):
        for channel in tuple(channels.values()):
            await channel.wait_idle()


class Teller:
    """From facts to messages in queues."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._desk: NoticeDesk = context.shared.notices.desk
        self._channels: dict[str, NotifierChannel] = context.shared.notices.channels
        self._post = Poster(context.env)
        self._wake = trio.Event()
        view = context.view
        self._rules = NoticeRules(lambda: view.limits, dict(view.risk.limits_before))

    def take_up(self) -> None:
        """Tell of what stands already and was not told: halts of an earlier run, or of a moment without a notifier."""
        for halt in self._context.view.conditions.halts.values():
            for notice in self._rules.halt_raised(halt):
                if notice.urgency is Urgency.CRITICAL and not self._was_told(notice):
                    self._hear(notice)

    async def follow(self, facts: Inbox[Any]) -> None:
        """Read facts until cancelled."""
        async for batch in facts:
            for event in batch:
                for notice in self._rules.notices(event):
                    self._hear(notice)
            self._send_due()

    async def tell_when_due(self) -> None:
        """Send digests and reminders at their times, until cancelled."""
        while True:
            self._wake = trio.Event()
            self._dispatch()
            now = self._context.now()
            moment = self._desk.next_at(now)
            wait_s = math.inf if moment is None else max(LOOK_S, (moment - now) / NS_PER_S)
            with trio.move_on_after(wait_s):
                await self._wake.wait()

    async def summarize(self) -> None:
        """Tell how the day went, once a day, until cancelled."""
        config = self._context.config
        minute = summary_minute(config.notify)
        if minute is None or not config.trading_enabled:
            return
        while True:
            now = self._context.now()
            await trio.sleep((next_moment(now, minute, config.risk.day_zone) - now) / NS_PER_S)
            self._hear(daily_summary(self._context.view, self._context.now()))
            self._send_due()

    def open_channels(self) -> trio.Event:
        """Make the channels that plugins offer now; returns what is set when they offer others.

        A channel that stays keeps what waits in it, also over a restart of the notifier.
        """
        context, extensions = self._context, self._context.shared.extensions
        changed = extensions.changed
        before = dict(self._channels)
        self._channels.clear()
        for owned in extensions.notifiers:
            self._channels[owned.item.name] = NotifierChannel(
                owned,
                env=context.env,
                post=self._post,
                faults=extensions.faults,
                log=context.log,
                before=before.get(owned.item.name),
            )
        notify = context.config.notify
        self._desk.open_channels(
            desk_rules(context.config),
            {
                name: ChannelRules(
                    classes=channel.notifier.classes,
                    digest_s=notify.digest_s,
                    repeat_s=notify.repeat_s,
                    messages_per_min=notify.messages_per_min,
                )
                for name, channel in self._channels.items()
            },
            context.config.environment,
        )
        self._wake.set()
        return changed

    async def run_channels(self, changed: trio.Event) -> None:
        """Run the channels until plugins offer others, or until cancelled."""
        async with trio.open_nursery() as nursery:
            for channel in self._channels.values():
                nursery.start_soon(channel.run)
            await changed.wait()
            nursery.cancel_scope.cancel(reason="plugins offer other notifiers")

    # --- commands --------------------------------------------------------------------------------

    def mute(self, command: MuteNotices) -> Outcome:
        """Mute a class."""
        until = Timestamp(self._context.now() + command.for_s * NS_PER_S)
        self._desk.mute(command.kind, until)
        self._wake.set()
        return done(
            f"{command.kind.value} is muted for {show_span(command.for_s)}; its alerts are kept and told afterwards"
        )

    def unmute(self, command: UnmuteNotices) -> Outcome:
        """End a mute."""
        word = command.kind.value
        was_muted = self._desk.unmute(command.kind)
        self._wake.set()
        return done(f"{word} is told again" if was_muted else f"{word} was not muted")

    def acknowledge(self, command: AcknowledgeAlerts) -> Outcome:
        """Stop repeating alerts."""
        found = self._desk.acknowledge(command.numbers)
        missing = [number for number in command.numbers or () if number not in found]
        if missing:
            words = ", ".join(str(number) for number in missing)
            rest = f"; acknowledged: {', '.join(map(str, found))}" if found else ""
            sentence = f"there is no alert {words}; `traderd notify list` shows them{rest}"
            return denied(sentence)
        self._wake.set()
        what = ", ".join(str(number) for number in found)
        return done(f"alert {what} is acknowledged" if found else "no alert waits for anybody")

    async def try_out(self, command: TryNotifiers) -> Outcome:
        """Send a test message by one channel or all, and wait for what becomes of it."""
        chosen = [c for c in self._channels.values() if command.name in {None, c.name}]
        if not chosen:
            known = (
                ", ".join(self._channels) or "none; docs/notifications.md tells how to set one up"
            )
            which = (
                "no notifier is set up"
                if command.name is None
                else f"there is no notifier {command.name!r}"
            )
            return denied(f"{which}; known are: {known}")
        errors: dict[str, str] = {}
        message = self._test_message()

        async def one(channel: NotifierChannel) -> None:
            errors[channel.name] = await channel.try_once(message)

        async with trio.open_nursery() as nursery:
            for channel in chosen:
                nursery.start_soon(one, channel)
        items = tuple(
            Outcome(
                answer=Answer.REJECTED if errors[channel.name] else Answer.DONE,
                sentence=f"{channel.name}: {errors[channel.name] or 'delivered'}",
            )
            for channel in chosen
        )
        failed = [item for item in items if not item.ok]
        answer = Answer.REJECTED if failed else Answer.DONE
        sentence = f"{len(items) - len(failed)} of {len(items)} channels took the test message"
        return Outcome(answer=answer, sentence=sentence, items=items)

    # --- pieces ----------------------------------------------------------------------------------

    def _hear(self, notice: Notice) -> None:
        told = self._context.shared.notices.told
        if notice.ends:
            told.pop(notice.key, None)
        elif notice.urgency is Urgency.CRITICAL:
            # Only what may stand: to remember every fill would grow for as long as the daemon runs.
            told[notice.key] = notice.at
        self._desk.hear(notice, self._context.now())

    def _was_told(self, notice: Notice) -> bool:
        # Also one that somebody acknowledged: it is told once, however often the notifier is restarted.
        return self._context.shared.notices.told.get(notice.key) == notice.at

    def _send_due(self) -> None:
        self._dispatch()
        # What waits now may have another time.
        self._wake.set()

    def _dispatch(self) -> None:
        for name, message in self._desk.due(self._context.now()):
            self._channels[name].offer(message)

    def _test_message(self) -> NoticeMessage:
        return NoticeMessage(
            environment=self._context.config.environment,
            notices=(
                Notice(
                    at=self._context.now(),
                    kind=NoticeClass.STATE,
                    urgency=Urgency.NORMAL,
                    key="test",
                    title="test",
                    text=TRY_TEXT,
                ),
            ),
        )


def desk_rules(config: Config) -> DeskRules:
    """Return what holds for all channels."""
    return DeskRules(
        zone=config.risk.day_zone,
        quiet=tuple(quiet_minutes(entry) for entry in config.notify.quiet_hours),
        remind_s=config.notify.remind_s,
    )


def next_moment(now: Timestamp, minute: int, zone: str) -> Timestamp:
    """Return the next time that the clock of a zone shows this minute after midnight."""
    local = datetime.fromtimestamp(now // NS_PER_S, UTC).astimezone(ZoneInfo(zone))
    for days in (0, 1, 2):
        wall = datetime.combine(
            local.date() + timedelta(days=days), time(minute // 60, minute % 60), local.tzinfo
        )
        moment = Timestamp(int(wall.timestamp()) * NS_PER_S)
        if moment > now:
            return moment
    raise AssertionError("a day has no more than two midnights ahead of it")


def show_span(seconds: int) -> str:
    """Return a duration for people: `2 h`, `90 s`."""
    for unit, length in (("h", 3_600), ("min", 60)):
        if seconds % length == 0:
            return f"{seconds // length} {unit}"
    return f"{seconds} s"


async def _serve(teller: Teller, requests: Any) -> None:
    async with trio.open_nursery() as nursery:
        async for request in requests:
            nursery.start_soon(request.carry_out, partial(_carry_out, teller))


async def _carry_out(teller: Teller, command: Command) -> Outcome:
    match command:
        case TryNotifiers():
            return await teller.try_out(command)
        case MuteNotices():
            return teller.mute(command)
        case UnmuteNotices():
            return teller.unmute(command)
        case AcknowledgeAlerts():
            return teller.acknowledge(command)
        case _:
            raise AssertionError(f"nobody sends {type(command).__name__} here")
