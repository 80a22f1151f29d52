import pytest
import structlog
import trio

from tests.services.still_daemon import still_daemon
from tests.simulation.harness import simulated_daemon
from traderd.core.keyed_requests import KEY_AGE_S
from traderd.services.context import Context
from traderd.services.request_log import ON_DISK_S, RequestLog
from traderd.store.journal import Journal

ASKED = ("place", "digest-1")
ANSWER = (
    200,
    {"answer": "done", "sentence": "order k1 rests", "key": "k1", "items": [{"key": "é"}]},
)


async def test_a_note_is_on_the_disk_when_it_is_taken(autojump_clock, tmp_path):
    async with still_daemon(tmp_path) as daemon:
        log, journal = RequestLog(daemon.context("web")), daemon.shared.journal
        for noting in (log.take("k-1", ASKED), log.answer("k-1", ANSWER)):
            before = journal.durable_position
            await noting
            assert journal.durable_position > before


async def test_what_was_answered_is_known_with_its_answer(autojump_clock, tmp_path):
    async with still_daemon(tmp_path) as daemon:
        log = RequestLog(daemon.context("web"))
        assert log.earlier("k-1") is None
        await log.take("k-1", ASKED)
        known = log.earlier("k-1")
        assert (known.asked, known.answer) == (ASKED, None)
        assert known.taken_at.endswith("Z")
        await log.answer("k-1", ANSWER)
        assert log.earlier("k-1").answer == ANSWER


async def test_a_day_later_a_key_is_nobodys(autojump_clock, tmp_path):
    async with still_daemon(tmp_path) as daemon:
        log = RequestLog(daemon.context("web"))
        await log.take("k-1", ASKED)
        await trio.sleep(KEY_AGE_S - 60)
        assert log.earlier("k-1") is not None
        await trio.sleep(120)
        assert log.earlier("k-1") is None


async def test_a_stuck_disk_holds_nothing_up_for_long_and_is_told(
    autojump_clock, tmp_path, monkeypatch
):
    async with still_daemon(tmp_path) as daemon:

        async def never(*_: object) -> None:
            await trio.sleep_forever()

        monkeypatch.setattr(Journal, "wait_durable", never)
        log, began = RequestLog(daemon.context("web")), trio.current_time()
        await log.take("k-1", ASKED)
        assert trio.current_time() - began == pytest.approx(ON_DISK_S)
        assert log.earlier("k-1").asked == ASKED
        told = "a restart may not know the Idempotency-Key of place: the disk took longer than 2 s"
        assert told in daemon.log_text.getvalue()
        monkeypatch.undo()


async def test_without_a_journal_a_key_is_known_until_the_end_and_that_is_told(
    autojump_clock, tmp_path
):
    async with simulated_daemon(tmp_path) as simulated:
        simulated.env.disk_words = "no space left"
        log = RequestLog(
            Context(name="web", shared=simulated.daemon.shared, log=structlog.get_logger())
        )
        await log.take("k-1", ASKED)
        assert log.earlier("k-1").asked == ASKED
        assert simulated.said("a restart may not know the Idempotency-Key of place: ")
        assert simulated.said("no space left")
