from click.testing import CliRunner

from traderd.cli import exit_codes
from traderd.cli.drill import phase_table
from traderd.cli.main import cli


def test_the_drill_explains_itself_with_an_example():
    ran = CliRunner().invoke(cli, ["drill", "kill", "--help"])
    assert ran.exit_code == exit_codes.OK
    assert "Example: traderd drill kill --scenario dead --json" in ran.output
    assert "Your own daemon and account are not touched" in " ".join(ran.output.split())


def test_a_scenario_that_there_is_not_is_a_usage_error():
    ran = CliRunner().invoke(cli, ["drill", "kill", "--scenario", "asleep"])
    assert ran.exit_code == exit_codes.USAGE


def test_the_table_shows_when_each_scenario_reached_each_phase_and_what_it_left_out():
    phases = {"process_started": 0.4, "latched": 0.41, "verified": 1.823}
    receipt = {
        "scenarios": [
            {"daemon": "alive", "phases": phases},
            {"daemon": "dead", "phases": phases | {"last_cancelled": 1.4}},
        ]
    }
    table = phase_table(receipt)
    assert table[0].split() == ["seconds", "until", "alive", "dead"]
    assert "last cancelled          -     1.40" in table
    assert table[-1].split() == ["verified", "1.82", "1.82"]
