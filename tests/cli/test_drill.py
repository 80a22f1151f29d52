from click.testing import CliRunner

from traderd.cli import exit_codes
from traderd.cli.drill import phase_table
from traderd.cli.main import cli
from traderd.cli.tables import table_lines


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
    table, _ = table_lines(*phase_table(receipt), width=None)
    assert table[0].split() == ["seconds", "until", "alive", "dead"]
    assert [line.split() for line in table if line.startswith("last")] == [
        ["last", "cancelled", "-", "1.40"]
    ]
    assert table[-1].split() == ["verified", "1.82", "1.82"]
