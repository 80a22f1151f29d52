import pytest
import structlog
import trio

from tests.services.still_daemon import still_daemon
from tests.simulation.harness import simulated_daemon
from traderd.model.events import RequestAnswered, RequestTaken
from traderd.model.units import NS_PER_S, Timestamp
from traderd.runtime.simulation import SimEnv
from traderd.services.context import Context
from traderd.services.request_log import KEY_AGE_S, ON_DISK_S, RequestLog
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


async def test_a_day_later_a_key_is_nobodys_and_leaves_memory_with_the_next_one(
    autojump_clock, tmp_path
):
    async with still_daemon(tmp_path) as daemon:
        log = RequestLog(daemon.context("web"))
        await log.take("k-1", ASKED)
        await trio.sleep(KEY_AGE_S - 60)
        assert log.earlier("k-1") is not None
        await log.take("k-2", ASKED)
        await trio.sleep(120)
        assert log.earlier("k-1") is None
        await log.take("k-3", ASKED)
        assert list(daemon.view.keyed_requests) == ["k-2", "k-3"]
        assert list(daemon.shared.keys_since) == ["k-2", "k-3"]
        await log.take("k-1", ("cancel", "digest-2"))
        assert log.earlier("k-1").asked == ("cancel", "digest-2")


@pytest.mark.parametrize("days", [2, -2])
async def test_a_wall_clock_that_is_set_forgets_no_key_and_keeps_none_for_longer(
    autojump_clock, tmp_path, monkeypatch, days
):
    real, step_ns = SimEnv.wall_ns, 0
    monkeypatch.setattr(SimEnv, "wall_ns", lambda env: real(env) + step_ns)
    async with still_daemon(tmp_path) as daemon:
        context = daemon.context("web")
        log = RequestLog(context)
        await log.take("k-1", ASKED)
        await log.answer("k-1", ANSWER)
        step_ns = days * KEY_AGE_S * NS_PER_S
        await trio.sleep(60)
        assert log.earlier("k-1").answer == ANSWER
        await log.take("k-2", ASKED)
        assert log.earlier("k-1").answer == ANSWER, "the note of another one lets go of none"
        assert RequestLog(context).earlier("k-1") is not None, "nor does a new start of the service"
        await trio.sleep(KEY_AGE_S - 60)
        assert log.earlier("k-1") is None
        assert log.earlier("k-2") is not None


@pytest.mark.parametrize(
    ("age_s", "known_for_s"),
    [(KEY_AGE_S - 100, 100), (KEY_AGE_S + 1, 0), (-10 * KEY_AGE_S, KEY_AGE_S)],
    ids=["yesterday", "before", "in a future that was taken back"],
)
async def test_a_key_of_an_earlier_run_is_as_old_as_the_wall_clock_says_at_the_start_and_ages_from_there(
    autojump_clock, tmp_path, age_s, known_for_s
):
    async with still_daemon(tmp_path) as daemon:
        context = daemon.context("web")
        at = Timestamp(context.now() - age_s * NS_PER_S)
        context.publish(RequestTaken(at=at, key="k-1", verb=ASKED[0], digest=ASKED[1]))
        context.publish(RequestAnswered(at=at, key="k-1", status=200, answer="{}"))
        log = RequestLog(context)
        if known_for_s:
            await trio.sleep(known_for_s - 1)
            assert log.earlier("k-1").answer == (200, {})
            await trio.sleep(2)
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
