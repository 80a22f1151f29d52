from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from traderd.cli.client import DaemonClient
from traderd.cli.options import (
    SETTINGS,
    daemon_command,
    print_json,
    read_config,
    settings_options,
)
from traderd.errors import ConfigError

NOTHING = {"config_file": None, "environment": None, "state_dir": None, "settings": ()}


@pytest.fixture(autouse=True)
def _clean(monkeypatch, tmp_path):
    for name in ("TRADERD_STATE_DIR", "TRADERD_CONFIG", "TRADERD_ENVIRONMENT", "KALSHI_ENV"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.chdir(tmp_path)


def given(**changes):
    return read_config(**{**NOTHING, **changes})


def test_without_options_the_directory_and_the_variables_decide(tmp_path, monkeypatch):
    assert given().environment == "sim"
    (tmp_path / "traderd.toml").write_text("[web]\nport = 1001\n")
    assert given().web.port == 1001
    monkeypatch.setenv("TRADERD_WEB__PORT", "1002")
    assert given().web.port == 1002


def test_options_are_stronger_than_everything_else(tmp_path, monkeypatch):
    monkeypatch.setenv("TRADERD_WEB__PORT", "1002")
    config = given(settings=("web.port=1003", "market_data.markets=A,B"), state_dir="/x")
    assert config.web.port == 1003
    assert config.market_data.markets == ("A", "B")
    assert config.state_path() == Path("/x")
    assert given(extra={"web.port": 1004}).web.port == 1004
    assert given(extra={"web.port": None}).web.port == 1002


def test_an_option_of_the_command_wins_over_a_set_and_one_that_was_not_given_does_not():
    settings = ("web.port=8006", "log.level=debug")
    config = given(settings=settings, extra={"web.port": None, "log.level": "warning"})
    assert (config.web.port, config.log.level) == (8006, "warning")


def test_a_value_may_hold_an_equals_sign():
    assert given(settings=("strategies.mine.rule=a=b",)).strategies == {"mine": {"rule": "a=b"}}


@pytest.mark.parametrize("text", ["web.port", "", "--port"])
def test_a_setting_without_a_value_is_wrong_usage(text):
    with pytest.raises(click.UsageError, match=r"--set needs SECTION\.KEY=VALUE"):
        given(settings=(text,))


@pytest.mark.parametrize("sign", [":", " ", "-", "!"])
def test_what_may_be_a_secret_is_not_said_again(sign):
    with pytest.raises(click.UsageError) as caught:
        given(settings=(f"notify.telegram.token{sign}canary",))
    assert str(caught.value) == "--set needs SECTION.KEY=VALUE, not 'notify.telegram.token…'"


def test_who_only_asks_is_not_asked_for_keys():
    assert given(environment="demo", check=False).environment == "paper"
    with pytest.raises(ConfigError, match="API key"):
        given(environment="demo")


def test_a_command_gets_a_client_of_the_daemon_that_the_options_name(tmp_path):
    got = {}

    @click.command()
    @daemon_command
    @click.option("--extra")
    def show(client, config, as_json, extra):
        got.update(client=client, config=config, as_json=as_json, extra=extra)

    ran = CliRunner().invoke(show, ["--state-dir", str(tmp_path / "s"), "--json", "--extra", "x"])
    assert (ran.exit_code, ran.exception) == (0, None)
    assert got["client"] == DaemonClient(tmp_path / "s" / "control.sock")
    assert (got["as_json"], got["extra"]) == (True, "x")
    assert got["config"].environment == "sim"
    CliRunner().invoke(show, ["-e", "local"])
    path = tmp_path / "state" / "traderd" / "local" / "control.sock"
    # Without `--json` somebody looks, who is told what takes long.
    assert got["client"] == DaemonClient(path, shows_progress=True)
    assert got["as_json"] is False


def test_the_shared_options_are_those_that_make_a_configuration():
    @click.command()
    @settings_options
    def run(**options):
        assert options == NOTHING

    assert CliRunner().invoke(run).exit_code == 0
    assert sorted(option.name for option in run.params) == sorted(SETTINGS)


def test_an_environment_that_does_not_exist_is_wrong_usage():
    @click.command()
    @settings_options
    def run(**options):
        raise AssertionError("it was run")

    ran = CliRunner().invoke(run, ["--environment", "moon"])
    assert ran.exit_code == 2
    assert "'moon' is not one of 'sim', 'paper', 'local', 'production', 'demo'" in ran.output


def test_documents_are_printed_with_their_unicode(capsys):
    print_json({"sentence": "ready · sim", "rows": [1, None]})
    assert capsys.readouterr().out == (
        '{\n  "sentence": "ready · sim",\n  "rows": [\n    1,\n    null\n  ]\n}\n'
    )
