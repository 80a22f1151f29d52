from click.testing import CliRunner

from traderd.cli import exit_codes
from traderd.cli.main import cli


def test_the_drill_explains_itself_with_an_example():
    ran = CliRunner().invoke(cli, ["drill", "kill", "--help"])
    assert ran.exit_code == exit_codes.OK
    assert "Example: traderd drill kill --scenario dead --json" in ran.output
    assert "Your own daemon and account are not touched" in " ".join(ran.output.split())


def test_a_scenario_that_there_is_not_is_a_usage_error():
    ran = CliRunner().invoke(cli, ["drill", "kill", "--scenario", "asleep"])
    assert ran.exit_code == exit_codes.USAGE
