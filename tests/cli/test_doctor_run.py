import re

from tests.cli.doctor_tools import exchange_set_up, finding, sim_set_up
from tests.simulation.harness import REPOSITORY, simulated_exchange
from traderd.cli.doctor_report import Verdict
from traderd.cli.doctor_run import NETWORK
from traderd.cli.doctor_state import ARMING

ORDER = (
    *("configuration", "environment", "secret files", "key", "key environment", "hosts"),
    *NETWORK,
    *("state directory", "disk", "daemon", "journal", "kill switch", "port", "strategies"),
    *("plugins", "versions", "service", "time service"),
)


async def test_every_check_is_made_once_and_in_order(tmp_path, autojump_clock):
    async with simulated_exchange(tmp_path) as at:
        report = await exchange_set_up(tmp_path, at).examine()
    assert tuple(each.check for each in report.findings) == ORDER


async def test_after_any_fault_every_check_still_has_a_line(tmp_path, autojump_clock):
    (tmp_path / "traderd.toml").write_text("[")
    report = await sim_set_up(tmp_path).examine()
    skipped = [each.check for each in report.of(Verdict.SKIPPED)]
    assert "way to REST" in skipped
    assert finding(report, "versions").verdict is Verdict.OK
    assert all(each.cure for each in report.findings if each.verdict is Verdict.FAILED)


def test_the_page_lists_every_check_in_order():
    page = (REPOSITORY / "docs" / "doctor.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| (`.*?`) \| ", page, re.MULTILINE)
    listed = [name for row in rows for name in re.findall(r"`([^`]+)`", row)]
    expected = list(ORDER)
    expected.insert(expected.index("port"), ARMING)
    assert listed == expected
