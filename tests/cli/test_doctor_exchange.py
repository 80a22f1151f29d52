import pytest

from tests.cli.doctor_tools import assert_named, exchange_set_up, finding
from tests.simulation.harness import simulated_exchange
from traderd.cli.doctor_exchange import AFTER_REACH
from traderd.cli.doctor_report import Verdict


async def test_the_checks_come_in_their_order(tmp_path, autojump_clock):
    async with simulated_exchange(tmp_path) as at:
        report = await exchange_set_up(tmp_path, at).examine()
    names = [each.check for each in report.findings if each.check in AFTER_REACH]
    assert tuple(names) == AFTER_REACH


@pytest.mark.parametrize(
    ("seconds", "verdict"),
    [(0.0, Verdict.OK), (3.0, Verdict.WARNING), (20.0, Verdict.FAILED), (-20.0, Verdict.FAILED)],
)
async def test_the_clock_is_judged_by_what_signatures_allow(
    tmp_path, autojump_clock, seconds, verdict
):
    async with simulated_exchange(tmp_path) as at:
        at.exchange.faults.shift_clock(seconds)
        report = await exchange_set_up(tmp_path, at).examine()
    found = finding(report, "clock")
    assert found.verdict is verdict, found.line()
    if seconds:
        assert ("behind" if seconds > 0 else "ahead of") in found.sentence


async def test_an_unsigned_401_of_the_status_does_not_hide_the_rest(tmp_path, autojump_clock):
    async with simulated_exchange(tmp_path) as at:
        at.exchange.faults.refuse_requests("/exchange/status", 401)
        report = await exchange_set_up(tmp_path, at).examine()
    assert finding(report, "exchange status").verdict is not Verdict.OK
    assert finding(report, "signed REST").verdict is Verdict.OK


async def test_limits_that_cannot_be_read_are_told_alone(tmp_path, autojump_clock):
    async with simulated_exchange(tmp_path) as at:
        at.exchange.faults.refuse_requests("/account/limits", 500)
        report = await exchange_set_up(tmp_path, at).examine()
    assert_named(report, "limits", part="http", says="HTTP 500", cure="try again")
    assert finding(report, "signed WebSocket").verdict is Verdict.OK


async def test_nothing_is_written_at_the_exchange(tmp_path, autojump_clock):
    async with simulated_exchange(tmp_path) as at:
        await exchange_set_up(tmp_path, at).examine()
        (account,) = at.exchange.venue.account_ids()
        assert list(at.exchange.venue.orders(account)) == []


async def test_without_a_network_everything_signed_is_left_out(tmp_path, autojump_clock):
    async with simulated_exchange(tmp_path) as at:
        set_up = exchange_set_up(tmp_path, at)
        set_up.offline = True
        report = await set_up.examine()
    assert {finding(report, name).verdict for name in AFTER_REACH} == {Verdict.SKIPPED}
