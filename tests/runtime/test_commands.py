"""Every command gets exactly one answer, whatever becomes of the caller and of the service."""

import pytest
import trio
import trio.testing

from traderd.runtime.commands import COMMANDS_WAITING_MAX, STOPPING, CommandRequest, CommandRouter


class Place:
    """A command."""


class Cancel:
    """Another one."""


@pytest.fixture
def router():
    return CommandRouter(
        refuse=lambda sentence: ("refused", sentence),
        unanswered=lambda sentence: ("unanswered", sentence),
    )


class Served:
    """A service that carries out commands one by one, as long as the test says."""

    def __init__(self, router, *types):
        self.router, self.types = router, types or (Place,)
        self.done: list[object] = []
        self.scope = trio.CancelScope()
        self.release = trio.Event()
        self.taken = trio.Event()
        self.error: Exception | None = None

    async def run(self, *, task_status):
        with self.scope, self.router.serve(*self.types) as requests:
            task_status.started()
            async for request in requests:
                with request as command:
                    self.taken.set()
                    await self.release.wait()
                    if self.error is not None:
                        raise self.error
                    self.done.append(command)
                    request.answer(("done", command))


async def collect(router, command, answers):
    answers.append(await router.send(command))


async def test_a_command_is_answered_by_the_service_that_serves_its_type(router, autojump_clock):
    place, cancel = Served(router, Place), Served(router, Cancel)
    async with trio.open_nursery() as nursery:
        for service in (place, cancel):
            service.release.set()
            await nursery.start(service.run)
        command = Cancel()
        assert await router.send(command) == ("done", command)
        assert (place.done, cancel.done) == ([], [command])
        nursery.cancel_scope.cancel()


async def test_a_command_that_nobody_serves_is_refused(router, autojump_clock):
    assert await router.send(Place()) == ("refused", "nothing serves Place now")


async def test_two_services_of_one_type_are_refused(router, autojump_clock):
    with router.serve(Place):
        with pytest.raises(ValueError, match="Place is served already"), router.serve(Place):
            raise AssertionError("it was served twice")
        with router.serve(Cancel):
            pass
    with router.serve(Place):
        pass


async def test_the_first_answer_counts(router, autojump_clock):
    request = CommandRequest(Place(), str)
    with request:
        request.answer("first")
        request.answer("second")
    assert await request.wait_outcome() == "first"


async def test_what_changed_on_the_way_is_asked_about_where_the_command_is_done(
    router, autojump_clock
):
    answers, done, is_stale = [], [], []

    async def work(command):
        done.append(command)
        return ("done", command)

    async def ask():
        answers.append(
            await router.send(Place(), lambda: ("refused", "it changed") if is_stale else None)
        )

    async with trio.open_nursery() as nursery:
        with router.serve(Place) as requests:
            for _ in range(2):
                nursery.start_soon(ask)
            await trio.testing.wait_all_tasks_blocked()
            await (await requests.receive()).carry_out(work)
            is_stale.append(True)
            await (await requests.receive()).carry_out(work)
    assert [word for word, _ in answers] == ["done", "refused"]
    assert len(done) == 1


async def test_work_that_waits_before_the_doing_asks_once_more(router, autojump_clock):
    """Who serves which verb, and that each asks, is tested with the whole daemon: `simulation/test_if_match.py`."""
    answers, done, is_stale = [], [], []

    async def ask():
        answers.append(
            await router.send(Place(), lambda: ("refused", "it changed") if is_stale else None)
        )

    async with trio.open_nursery() as nursery:
        with router.serve(Place) as requests:
            nursery.start_soon(ask)
            request = await requests.receive()

            async def work(command):
                is_stale.append(True)
                if (why := request.refusal()) is not None:
                    return why
                done.append(command)
                return ("done", command)

            await request.carry_out(work)
    assert (answers, done) == ([("refused", "it changed")], [])
    assert CommandRequest(Place(), str).refusal() is None


async def test_a_caller_that_is_cancelled_does_not_break_off_the_command(router, autojump_clock):
    service = Served(router)
    async with trio.open_nursery() as nursery:
        await nursery.start(service.run)
        with trio.move_on_after(1) as patience:
            await router.send(Place())
        assert patience.cancelled_caught
        assert service.done == []
        service.release.set()
        await trio.testing.wait_all_tasks_blocked()
        assert len(service.done) == 1
        nursery.cancel_scope.cancel()


async def test_a_service_that_fails_in_a_command_leaves_it_unanswered(router, autojump_clock):
    service, taken, waiting = Served(router), [], []
    service.error = RuntimeError("a defect")
    async with trio.open_nursery() as callers:
        with pytest.RaisesGroup(RuntimeError):
            async with trio.open_nursery() as nursery:
                await nursery.start(service.run)
                callers.start_soon(collect, router, Place(), taken)
                await service.taken.wait()
                callers.start_soon(collect, router, Place(), waiting)
                await trio.testing.wait_all_tasks_blocked()
                service.release.set()
    reason = "the command was not finished because its service failed: RuntimeError: a defect"
    assert taken == [("unanswered", reason)]
    assert waiting == [("refused", STOPPING)]
    assert await router.send(Place()) == ("refused", "nothing serves Place now")


async def test_a_service_that_stops_breaks_off_its_command_and_refuses_what_waits(
    router, autojump_clock
):
    service, taken, waiting = Served(router), [], []
    async with trio.open_nursery() as nursery:
        await nursery.start(service.run)
        nursery.start_soon(collect, router, Place(), taken)
        await service.taken.wait()
        for _ in range(3):
            nursery.start_soon(collect, router, Place(), waiting)
        await trio.testing.wait_all_tasks_blocked()
        service.scope.cancel()
    assert taken == [("unanswered", "the command was not finished because its service stopped")]
    assert waiting == [("refused", STOPPING)] * 3
    assert service.done == []


async def test_a_command_that_was_taken_but_never_begun_is_broken_off(router, autojump_clock):
    answers = []
    async with trio.open_nursery() as nursery:
        with router.serve(Place) as requests:
            nursery.start_soon(collect, router, Place(), answers)
            await requests.receive()
            # The service ends with the request in its hand.
    assert answers == [("unanswered", "the command was not finished because its service stopped")]


async def test_a_task_that_holds_a_command_may_finish_it_after_the_service_stopped_serving(
    router, autojump_clock
):
    answers = []

    async def carry_out(request):
        with request:
            await trio.sleep(1)
            request.answer(("done", "late"))

    async with trio.open_nursery() as nursery:
        with router.serve(Place) as requests:
            nursery.start_soon(collect, router, Place(), answers)
            nursery.start_soon(carry_out, await requests.receive())
            await trio.testing.wait_all_tasks_blocked()
        await trio.testing.wait_all_tasks_blocked()
        assert answers == []
    assert answers == [("done", "late")]


async def test_a_service_that_forgets_to_answer_is_told_so(router, autojump_clock):
    answers = []
    async with trio.open_nursery() as nursery:
        with router.serve(Place) as requests:
            nursery.start_soon(collect, router, Place(), answers)
            with await requests.receive():
                pass
            await trio.testing.wait_all_tasks_blocked()
            assert len(answers) == 1
    (answer,) = answers
    assert answer == (
        "unanswered",
        "the command was not finished because its service gave no answer",
    )


async def test_a_full_queue_refuses_at_once_and_takes_again_when_there_is_room(
    router, autojump_clock
):
    service, answers = Served(router), []
    async with trio.open_nursery() as nursery:
        with router.serve(Place):
            for _ in range(COMMANDS_WAITING_MAX):
                nursery.start_soon(collect, router, Place(), answers)
            await trio.testing.wait_all_tasks_blocked()
            before = trio.current_time()
            sentence = f"{COMMANDS_WAITING_MAX} commands are waiting already"
            assert await router.send(Place()) == ("refused", sentence)
            assert trio.current_time() == before
            assert answers == []
        await trio.testing.wait_all_tasks_blocked()
        assert answers == [("refused", STOPPING)] * COMMANDS_WAITING_MAX
        service.release.set()
        await nursery.start(service.run)
        assert (await router.send(Place()))[0] == "done"
        nursery.cancel_scope.cancel()


async def test_a_service_that_no_longer_listens_refuses(router, autojump_clock):
    with router.serve(Place) as requests:
        requests.close()
        assert await router.send(Place()) == ("refused", STOPPING)


async def test_what_was_answered_is_not_kept(router, autojump_clock):
    service = Served(router)
    service.release.set()
    async with trio.open_nursery() as nursery:
        await nursery.start(service.run)
        for _ in range(500):
            await router.send(Place())
        assert len(router._servers[Place].unanswered) == 1
        nursery.cancel_scope.cancel()
    assert len(service.done) == 500
