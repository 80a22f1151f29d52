import json
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import trio
from click.testing import CliRunner

from tests.cli.conftest import run_traderd
from tests.notify_socket import notify_socket
from tests.process_tools import (
    START_BUDGET_S,
    STOP_BUDGET_S,
    free_port,
    running_exchange,
    wait_for,
)
from traderd.cli import exit_codes
from traderd.cli.exchange import exchange
from traderd.cli.exchange_serve import EVENTS_PER_S_MAX, MARKETS_MAX, _serve_options, serve
from traderd.config import load_config
from traderd.errors import ConfigError
from traderd.kalshi.auth import load_signer
from traderd.kalshi.rest import open_rest
from traderd.model.units import parse_money
from traderd.paper.faults.plan import FaultKind
from traderd.paper.scenario import generated_scenario
from traderd.paper.settings import Dialect, Tier
from traderd.runtime.env import RealEnv


def refused(*arguments: str) -> str:
    ran = CliRunner().invoke(exchange, ["serve", *arguments])
    assert ran.exit_code == exit_codes.USAGE
    return " ".join(ran.output.split())


def chosen(*arguments: str):
    """Return what `serve` would serve with."""
    with serve.make_context("serve", [*arguments]) as context:
        return _serve_options(**context.params)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--account", "bob"), "--account needs NAME:DOLLARS, not 'bob'"),
        (("--account", ":5"), "--account needs NAME:DOLLARS, not ':5'"),
        (("--account", "bob:much"), "the cash of bob is not a plain decimal number: 'much'"),
        (("--account", "bob:-5"), "the cash of bob must not be below 0"),
        (("--account", "bob:1", "--account", "bob:2"), "--account bob is given twice"),
        (("--port", "99999"), "99999 is not in the range 0<=x<=65535"),
        (("--events-per-s", "-1"), "-1.0 is not in the range"),
        (("--events-per-s", "nan"), "--events-per-s must be a number"),
        (("--events-per-s", "many"), "'many' is not a valid float"),
        (("--markets", "0"), "0 is not in the range"),
        (("--markets", str(MARKETS_MAX + 1)), "is not in the range"),
        (("--markets", "5", "--scenario", "default"), "it does not go with --scenario"),
        (("--seed", "-1"), "-1 is not in the range"),
        (("--tier", "gold"), "'gold' is not one of 'basic', 'advanced'"),
        (("--dialect", "v3"), "'v3' is not one of 'v2', 'legacy'"),
        (("--balance", "all"), "'all' is not one of 'available', 'cash'"),
        (("--key-type", "dsa"), "'dsa' is not one of 'rsa', 'ed25519'"),
    ],
    ids=str,
)
def test_what_cannot_be_served_is_told_before_anything_is_opened(arguments, words):
    assert words in refused(*arguments)


def test_the_defaults_are_those_of_kalshi_and_of_older_clients():
    options = chosen()
    assert options.settings.tier is Tier.BASIC
    assert options.settings.dialect is Dialect.V2
    assert options.settings.balance_is_available
    assert options.accounts == {"trader": parse_money("1000.00")}
    assert (options.key_type, options.seed, options.state) == ("rsa", None, None)
    assert options.scenario.name
    assert options.scenario.weekly_pauses == ()
    assert options.faults.fault == ()


def test_options_reach_what_is_served(tmp_path):
    faults = tmp_path / "faults.toml"
    faults.write_text('[[fault]]\nkind = "lost_reply"\nprobability = 0.1')
    options = chosen(
        *("--seed", "7", "--markets", "40", "--tier", "premier", "--dialect", "legacy"),
        *("--balance", "cash", "--thursday-pause", "--account", "ann:5", "--key-type", "ed25519"),
        *("--faults", str(faults), "--state", str(tmp_path / "state"), "--events-per-s", "0"),
    )
    assert options.settings.tier is Tier.PREMIER
    assert options.settings.is_legacy
    assert not options.settings.balance_is_available
    assert options.scenario.generated == generated_scenario(40, 7).generated
    (pause,) = options.scenario.weekly_pauses
    assert (pause.day, pause.begins, pause.ends) == ("thursday", "03:00", "05:00")
    assert options.accounts == {"ann": parse_money("5")}
    assert (options.key_type, options.seed, options.flow_rate) == ("ed25519", 7, 0)
    assert options.state == tmp_path / "state"
    assert [rule.kind for rule in options.faults.fault] == [FaultKind.LOST_REPLY]


def test_requests_are_logged_only_when_asked_for(capsys):
    assert chosen().log is None
    chosen("--log-requests").log("a line")
    assert capsys.readouterr().out == "a line\n"


def test_a_scenario_is_a_packaged_one_or_a_file(tmp_path):
    assert chosen("--scenario", "default").scenario == chosen().scenario
    file = tmp_path / "mine.toml"
    file.write_text(
        'name = "mine"\n[generated]\nmarkets = 3\n[[accounts]]\nname = "eve"\ncash = "7"'
    )
    options = chosen("--scenario", str(file))
    assert options.scenario.name == "mine"
    assert options.accounts == {"eve": parse_money("7")}
    assert chosen("--scenario", str(file), "--account", "bob:1").accounts == {
        "bob": parse_money("1")
    }
    with pytest.raises(ConfigError, match=r"gone\.toml cannot be read: .*packaged are: .*default"):
        chosen("--scenario", str(tmp_path / "gone.toml"))
    file.write_text("name = 3")
    with pytest.raises(ConfigError, match=r"mine\.toml"):
        chosen("--scenario", str(file))


def test_the_flow_is_bounded_as_in_the_configuration(tmp_path):
    def config(rate):
        flags = {"exchange.events_per_s": rate}
        return load_config(variables={}, directory=tmp_path, flags=flags)

    assert config(EVENTS_PER_S_MAX).exchange.events_per_s == EVENTS_PER_S_MAX
    with pytest.raises(ConfigError, match=f"<= {EVENTS_PER_S_MAX}"):
        config(EVENTS_PER_S_MAX + 1)


@pytest.mark.process
def test_another_process_trades_with_what_the_ready_file_says(tmp_path):
    with running_exchange(tmp_path, events_per_s=0) as ready:
        (account,) = ready["accounts"]
        signer = load_signer(account["key_id"], Path(account["key_file"]))

        async def balance():
            async with open_rest(env=RealEnv(), base_url=ready["rest_url"], signer=signer) as rest:
                return (await rest.balance()).balance

        assert trio.run(balance) == parse_money("1000.00")
    assert not (tmp_path / "ready.json").exists()


@pytest.mark.process
def test_it_says_where_it_is_and_ends_with_zero_when_asked(tmp_path):
    process = subprocess.Popen(
        [
            *(sys.executable, "-u", "-m", "traderd", "exchange", "serve", "--port", "0"),
            *("--account", "ann:5", "--account", "bob:6.50", "--keys-dir", str(tmp_path / "keys")),
            *("--ready-file", str(tmp_path / "ready.json")),
        ],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=tmp_path,
    )
    wait_for((tmp_path / "ready.json").exists, within_s=START_BUDGET_S, what="the ready file")
    ready = json.loads((tmp_path / "ready.json").read_text())
    process.send_signal(signal.SIGTERM)
    out, err = process.communicate(timeout=STOP_BUDGET_S)
    assert (process.returncode, err) == (exit_codes.OK, "")
    assert out.splitlines()[:3] == [
        f"REST       {ready['rest_url']}",
        f"WebSocket  {ready['ws_url']}",
        f"admin      {ready['admin_url']} (token in {tmp_path / 'keys' / 'admin.json'})",
    ]
    assert f"export KALSHI_API_KEY_ID={ready['accounts'][0]['key_id']}" in out
    assert [account["name"] for account in ready["accounts"]] == ["ann", "bob"]
    assert (tmp_path / "keys" / "bob.pem").stat().st_mode & 0o077 == 0
    assert not (tmp_path / "keys" / "admin.json").exists()


@pytest.mark.process
def test_a_port_that_is_taken_is_four_and_one_sentence(tmp_path):
    with running_exchange(tmp_path / "first", events_per_s=0) as ready:
        port = ready["rest_url"].rpartition(":")[2].partition("/")[0]
        ran = run_traderd("exchange", "serve", "--port", port, directory=tmp_path)
    assert ran.code == exit_codes.CONFIGURATION
    assert ran.err.startswith(f"traderd: cannot listen on 127.0.0.1:{port}: ")
    assert len(ran.err.splitlines()) == 1


@pytest.mark.process
def test_keys_that_cannot_be_made_are_four_and_one_sentence(tmp_path):
    (tmp_path / "keys").write_text("a file is in the way")
    port = str(free_port())
    ran = run_traderd("exchange", "serve", "--port", port, "--keys-dir", "keys", directory=tmp_path)
    assert (ran.code, ran.out) == (exit_codes.CONFIGURATION, "")
    assert len(ran.err.splitlines()) == 1


@pytest.mark.process
def test_a_fault_plan_that_cannot_be_is_four_and_one_sentence(tmp_path):
    (tmp_path / "faults.toml").write_text('[[fault]]\nkind = "refused"')
    ran = run_traderd("exchange", "serve", "--faults", "faults.toml", directory=tmp_path)
    assert (ran.code, ran.out) == (exit_codes.CONFIGURATION, "")
    assert "refused needs status" in ran.err


@pytest.mark.process
def test_systemd_hears_when_it_serves_and_when_it_stops(tmp_path, monkeypatch):
    address = str(tmp_path / "notify")
    monkeypatch.setenv("NOTIFY_SOCKET", address)
    with notify_socket(address) as systemd:
        with running_exchange(tmp_path / "exchange") as ready:
            systemd.wait_for("READY=1", within_s=START_BUDGET_S)
            assert systemd.statuses() == [f"serves {ready['rest_url']}"]
        systemd.wait_for("STOPPING=1", within_s=STOP_BUDGET_S)
    assert systemd.words() == ["READY=1", "STOPPING=1"]
