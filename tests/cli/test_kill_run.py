"""The kill switch of its own process against an exchange that outlives every daemon."""

from types import SimpleNamespace

import pytest
import trio

from tests.services.test_kill import place_foreign, resting
from tests.simulation.harness import simulated_daemon, simulated_exchange
from traderd.cli import exit_codes
from traderd.cli.client import DaemonClient
from traderd.cli.json_request import CommandFailed
from traderd.cli.kill_report import KillOptions
from traderd.cli.kill_run import (
    ALONE_AFTER_S,
    NO_PROGRESS_S,
    _Helper,
    kill_run,
    resting_orders,
)
from traderd.config import load_config
from traderd.errors import ConfigError
from traderd.runtime.simulation import SimEnv
from traderd.store.latch import LATCH_FILE, read_latch
from traderd.store.lock import hold_lock
from traderd.store.traded_exchange import TradedExchange, write_traded_exchange


def config_for(at, directory, **flags):
    return load_config(
        variables={},
        directory=directory,
        flags={"state_dir": str(directory / "state")} | at.settings() | flags,
        check=False,
    )


async def run(at, directory, **options):
    told = []
    report = await kill_run(
        config_for(at, directory),
        KillOptions(reason="test", by="ann", **options),
        env=SimEnv(seed=2, network=at.network),
        tell=told.append,
    )
    return report, told


class Account:
    """What the exchange says, when no daemon runs."""

    def __init__(self, at):
        self.exchange = at.exchange
        (self.account_id,) = at.exchange.venue.account_ids()


async def test_with_no_daemon_every_order_is_cancelled_verified_and_latched(
    tmp_path, autojump_clock
):
    async with simulated_exchange(tmp_path) as at:
        place_foreign(Account(at))
        report, told = await run(at, tmp_path)
        assert (report.exit_code, report.daemon) == (exit_codes.OK, "not running")
        assert report.sentence.startswith("killed: 1 order was resting, none rests now; verified")
        assert resting(Account(at)) == []
        assert read_latch(tmp_path / "state").by == "ann"
        assert "1 order rests" in told
        # And the daemon that starts afterwards honours it.
        async with simulated_daemon(tmp_path / "state", at=at) as simulated:
            assert simulated.view.conditions.killed.by == "ann"


async def test_a_corrupt_journal_is_nothing_to_it(tmp_path, autojump_clock):
    async with simulated_exchange(tmp_path) as at:
        state = tmp_path / "state"
        async with simulated_daemon(state, at=at) as simulated:
            assert (await simulated.place("bid", "1", "0.0100")).ok
            place_foreign(simulated)
            simulated.kill()
            await simulated.ended.wait()
        (state / "journal.sqlite3").write_bytes(b"rubbish" * 1000)
        report, _ = await run(at, tmp_path, only_ours=True)
        assert report.exit_code == exit_codes.OK
        assert (report.sweep.found, report.sweep.spared) == (1, 1)


async def test_without_an_instance_id_only_ours_is_refused_and_nothing_is_cancelled(
    tmp_path, autojump_clock
):
    async with simulated_exchange(tmp_path) as at:
        place_foreign(Account(at))
        with pytest.raises(ConfigError, match="leave --only-ours away"):
            await run(at, tmp_path, only_ours=True)
        assert len(resting(Account(at))) == 1
        assert (tmp_path / "state" / LATCH_FILE).exists()


async def test_an_exchange_that_does_not_answer_is_a_time_out_and_a_refused_key_an_error(
    tmp_path, autojump_clock
):
    async with simulated_exchange(tmp_path) as at:
        place_foreign(Account(at))
        at.exchange.faults.refuse_requests("/portfolio", 503)
        report, _ = await run(at, tmp_path, timeout_s=5.0)
        assert report.exit_code == exit_codes.TIME_OUT
        assert report.sentence.startswith("NOT VERIFIED after 5.0 s")
        assert not report.document()["verified"]
        at.exchange.faults.clear()
        at.exchange.faults.refuse_requests("/portfolio", 401)
        report, _ = await run(at, tmp_path)
        assert report.exit_code == exit_codes.ERROR
        assert "HTTP 401" in report.sentence


async def test_a_state_directory_that_takes_no_file_does_not_stop_it_and_is_told(
    tmp_path, autojump_clock
):
    async with simulated_exchange(tmp_path) as at:
        (tmp_path / "state").write_text("a file where the directory should be")
        place_foreign(Account(at))
        report, _ = await run(at, tmp_path)
        assert report.exit_code == exit_codes.OK
        assert not report.latched
        assert "THE LATCH DID NOT HOLD" in report.sentence
        assert resting(Account(at)) == []


async def test_a_dry_run_lists_the_orders_and_sends_nothing_but_reads(tmp_path, autojump_clock):
    async with simulated_exchange(tmp_path) as at:
        place_foreign(Account(at))
        env = SimEnv(seed=2, network=at.network)
        (record,) = await resting_orders(config_for(at, tmp_path), env=env, only_ours=False)
        assert record.client_order_id == "by-hand"
        assert len(resting(Account(at))) == 1
        assert not (tmp_path / "state" / LATCH_FILE).exists()


async def test_a_running_daemon_sees_the_latch_of_a_process_that_could_not_reach_it(
    tmp_path, autojump_clock
):
    async with (
        simulated_exchange(tmp_path) as at,
        simulated_daemon(tmp_path / "state", at=at) as simulated,
    ):
        report, _ = await run(at, tmp_path)
        assert report.daemon == "not running", "its control socket is off in this test"
        await trio.sleep(1.0)
        assert simulated.view.conditions.killed.reason == "test"


async def test_a_configuration_of_another_exchange_is_not_where_a_kill_looks(
    tmp_path, autojump_clock
):
    """The daemon is gone, and the command line names the embedded exchange."""
    async with simulated_exchange(tmp_path) as at:
        state = tmp_path / "state"
        async with simulated_daemon(state, at=at) as simulated:
            assert (await simulated.place("bid", "1", "0.0100")).ok
            simulated.kill()
            await simulated.ended.wait()
        config = load_config(
            variables={}, directory=tmp_path, flags={"state_dir": str(state)}, check=False
        )
        env = SimEnv(seed=2, network=at.network)
        told = []
        report = await kill_run(
            config, KillOptions(reason="test", by="ann"), env=env, tell=told.append
        )
        assert report.exit_code == exit_codes.OK, report.sentence
        assert report.exchange == at.exchange.rest_url
        assert report.sweep.readings >= 2
        assert report.sentence.startswith("killed: 1 order was resting, none rests now; verified")
        assert any("the configuration names" in line for line in told)
        assert resting(Account(at)) == []


async def test_an_exchange_that_was_read_does_not_answer_for_the_one_inside_the_daemon(
    tmp_path, autojump_clock
):
    """The newest daemon here had its own exchange and holds its lock; it does not answer."""
    async with simulated_exchange(tmp_path) as at:
        state = tmp_path / "state"
        state.mkdir()
        embedded = TradedExchange(environment="sim", embedded=True, rest_url="r", ws_url="w")
        write_traded_exchange(state, embedded)
        with hold_lock(state / "lock"):
            report, _ = await run(at, tmp_path)
        assert report.exit_code == exit_codes.ERROR
        assert (
            "the daemon trades on its embedded exchange, where nobody has read" in report.sentence
        )
        report, _ = await run(at, tmp_path)
        assert report.exit_code == exit_codes.OK


async def test_an_order_that_the_daemon_does_not_know_the_fate_of_is_named_and_waited_for(
    tmp_path, autojump_clock, monkeypatch
):
    """N3: only the daemon knows of a create that the exchange does not list yet."""
    asked = []

    def command(self, verb, body):
        asked.append(trio.current_time())
        unclear = [{"answer": "unknown", "sentence": "it is unknown", "key": "c1"}]
        return {"answer": "done", "items": unclear} if len(asked) < known_after else {}

    monkeypatch.setattr(DaemonClient, "command", command)
    async with simulated_exchange(tmp_path) as at:
        known_after = 1_000
        report, _ = await run(at, tmp_path, timeout_s=5.0)
        assert report.exit_code == exit_codes.TIME_OUT
        assert "the daemon does not know yet what became of order c1" in report.sentence
        assert report.document()["unknown_orders"] == ["c1"]
        assert not read_latch(tmp_path / "state").verified
        asked.clear()
        known_after = 4
        report, _ = await run(at, tmp_path)
        assert report.exit_code == exit_codes.OK
        assert 3.0 <= report.seconds < 5.0
        assert read_latch(tmp_path / "state").verified


async def test_an_answer_without_a_word_of_orders_leaves_a_doubt_as_it_is(
    tmp_path, autojump_clock, monkeypatch
):
    asked = []

    def command(self, verb, body):
        asked.append(verb)
        if len(asked) > 1:
            raise CommandFailed("Too many connections are open", exit_codes.ERROR, {"error": {}})
        return {
            "answer": "done",
            "items": [{"answer": "unknown", "sentence": "it is unknown", "key": "c1"}],
        }

    monkeypatch.setattr(DaemonClient, "command", command)
    async with simulated_exchange(tmp_path) as at:
        report, _ = await run(at, tmp_path, timeout_s=5.0)
    assert len(asked) > 1
    assert report.exit_code == exit_codes.TIME_OUT
    assert report.document()["unknown_orders"] == ["c1"]
    assert not read_latch(tmp_path / "state").verified


async def test_what_was_spared_is_not_called_none(tmp_path, autojump_clock):
    async with simulated_exchange(tmp_path) as at:
        async with simulated_daemon(tmp_path / "state", at=at) as simulated:
            assert (await simulated.place("bid", "1", "0.0100")).ok
            place_foreign(simulated)
            simulated.kill()
            await simulated.ended.wait()
        report, told = await run(at, tmp_path, only_ours=True)
        assert "none of this daemon rests now, 1 left alone" in report.sentence
        assert any(line.startswith("verified: no order of ours rests") for line in told)


async def test_it_cancels_itself_only_while_the_daemon_answers_late_or_gets_no_further(
    autojump_clock,
):
    sweep = SimpleNamespace(left=["a", "b"])
    helper = _Helper(SimEnv(seed=1))
    assert not helper.is_alone(sweep)
    await trio.sleep(ALONE_AFTER_S + 0.01)
    assert helper.is_alone(sweep)
    helper.latched = False
    assert helper.is_alone(sweep)
    helper.latched = True
    assert not helper.is_alone(sweep)
    await trio.sleep(NO_PROGRESS_S)
    sweep.left.pop()
    assert not helper.is_alone(sweep)
    await trio.sleep(NO_PROGRESS_S + 0.01)
    assert helper.is_alone(sweep)
