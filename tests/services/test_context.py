import pytest
import trio

from tests.services.still_daemon import MARKET, still_daemon
from traderd.errors import AuthenticationRefused
from traderd.model import events as ev
from traderd.model.commands import Answer, Calibrate, ConfirmLimits, Reconcile, Reload, Resume
from traderd.runtime.inbox import Policy
from traderd.runtime.simulation import SimEnv
from traderd.services.context import EmbeddedAddress, broken_off, key_refused, refuse


async def test_the_embedded_exchange_gets_the_listener_that_was_bound_for_it(autojump_clock):
    env = SimEnv(seed=1)
    listener, port = await env.listen("127.0.0.1", 0)
    address = EmbeddedAddress("127.0.0.1", port, listener)
    assert address.address == f"127.0.0.1:{port}"
    assert await address.take_listener(env) is listener
    await listener.aclose()


async def test_after_a_crash_it_binds_the_same_port_again(autojump_clock):
    env = SimEnv(seed=1)
    listener, port = await env.listen("127.0.0.1", 0)
    address = EmbeddedAddress("127.0.0.1", port, listener)
    await (await address.take_listener(env)).aclose()
    again = await address.take_listener(env)
    assert again is not listener
    assert again.port == port
    await again.aclose()


async def test_a_batch_is_one_batch_for_who_listens(autojump_clock, tmp_path):
    async with still_daemon(tmp_path) as daemon:
        context = daemon.context("test")
        paused = ev.TradingPaused(at=context.now(), reason="lunch")
        resumed = ev.TradingResumed(at=context.now())
        with context.subscribe(
            ev.TradingPaused, ev.TradingResumed, policy=Policy.LOSSLESS
        ) as inbox:
            context.publish(paused, resumed)
            context.publish_batch([paused])
            assert [await inbox.receive(), await inbox.receive()] == [[paused, resumed], [paused]]
        assert context.view.conditions.paused == "lunch"


async def test_an_inbox_has_the_name_of_its_service(autojump_clock, tmp_path):
    async with still_daemon(tmp_path) as daemon:
        with daemon.context("risk").subscribe(ev.HaltRaised):
            assert [each.name for each in daemon.shared.bus.statistics()] == ["risk"]
        assert daemon.shared.bus.statistics() == ()


async def test_now_is_the_wall_clock_and_moves_with_it(autojump_clock, tmp_path):
    async with still_daemon(tmp_path) as daemon:
        context = daemon.context("test")
        before = context.now()
        await trio.sleep(2.5)
        assert context.now() - before == 2_500_000_000
        assert context.now() == context.env.wall_ns()


async def test_a_command_that_nobody_serves_is_refused_and_not_lost(autojump_clock, tmp_path):
    async with still_daemon(tmp_path) as daemon:
        outcome = await daemon.context("test").send(Resume())
        assert (outcome.answer, outcome.ok) == (Answer.UNAVAILABLE, False)
        assert outcome.sentence == "nothing serves Resume now"


@pytest.mark.parametrize(
    ("make", "answer"),
    # What nobody took was not done; what was broken off may have been.
    [(refuse, Answer.UNAVAILABLE), (broken_off, Answer.UNKNOWN)],
)
def test_an_outcome_says_whether_anything_can_have_happened(make, answer):
    outcome = make("because")
    assert (outcome.answer, outcome.sentence, outcome.key) == (answer, "because", None)


async def test_a_refused_key_names_the_key_and_where_to_look(autojump_clock, tmp_path):
    async with still_daemon(tmp_path) as daemon:
        context = daemon.context("sync")
        refusal = AuthenticationRefused(status=401, code="NOT_FOUND", message="unknown key")
        sentence = str(key_refused(context, refusal))
        key_id = context.venue.signer.key_id
        assert f"the key {key_id[:4]}…: " in sentence
        assert key_id not in sentence
        assert "exchange.key_id and exchange.key_file" in sentence
        assert "environment sim" in sentence
        assert MARKET not in sentence


@pytest.mark.parametrize(
    ("command", "what"),
    [
        (ConfirmLimits(by="ann"), "limits can be raised"),
        (Reload(raise_limits=True, by="ann"), "limits can be raised"),
        (Reconcile(adopt=("all",), by="ann"), "differences from the exchange can be accepted"),
        (Calibrate(accept_balance=True), "differences from the exchange can be accepted"),
    ],
)
async def test_what_only_a_person_may_decide_no_service_can_send(
    autojump_clock, tmp_path, command, what
):
    """C17: whatever author a plugin names."""
    async with still_daemon(tmp_path) as daemon:
        outcome = await daemon.context("a_plugin").send(command)
        assert outcome.answer is Answer.DENIED
        assert outcome.sentence == f"{what} by a person only, not by the service a_plugin"


@pytest.mark.parametrize("command", [Reload(), Calibrate()])
async def test_what_decides_nothing_any_service_can_send(autojump_clock, tmp_path, command):
    async with still_daemon(tmp_path) as daemon:
        outcome = await daemon.context("a_plugin").send(command)
        # Nobody serves it in these parts of a daemon; that it got so far is the point.
        assert outcome.answer is Answer.UNAVAILABLE
