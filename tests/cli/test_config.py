import json

import pytest

from tests.cli.conftest import run_traderd
from traderd.cli import exit_codes


def test_show_prints_each_value_with_its_place(tmp_path):
    (tmp_path / "traderd.toml").write_text("[risk]\nmax_open_orders = 4\n")
    ran = run_traderd("config", "show", "risk", directory=tmp_path)
    assert ran.code == 0
    header, *rows = ran.out.splitlines()
    assert ran.err.startswith("configuration · sim (default) · ")
    assert header.split() == ["setting", "from", "value"]
    assert ["risk.max_open_orders", str(tmp_path / "traderd.toml"), "4"] in [
        row.split() for row in rows
    ]
    assert all(row.startswith("risk.") for row in rows)


def test_only_what_was_changed(tmp_path):
    ran = run_traderd("config", "show", "--changed", directory=tmp_path)
    assert ran.out.splitlines()[-1] == "every value is a default"
    ran = run_traderd("config", "show", "--changed", "--set", "risk.day_hour=5", directory=tmp_path)
    assert ran.out.splitlines()[-1].split() == ["risk.day_hour", "--set", "5"]


def test_a_part_that_does_not_exist_is_wrong_usage(tmp_path):
    ran = run_traderd("config", "show", "rsik", directory=tmp_path)
    assert ran.code == exit_codes.USAGE
    assert "no setting begins with 'rsik'" in ran.err


def test_the_shape_of_json(tmp_path):
    ran = run_traderd("config", "show", "web.port", "--json", directory=tmp_path)
    document = json.loads(ran.out)
    assert document == {
        "environment": "sim",
        "environment_from": "default",
        "file": None,
        "settings": [{"name": "web.port", "value": 8005, "from": "default", "means": None}],
        "problems": [],
    }


def test_show_works_with_a_wrong_value_and_says_so_beside(tmp_path):
    (tmp_path / "traderd.toml").write_text("[web]\nprot = 1\nport = 5\n")
    ran = run_traderd("config", "show", "web", directory=tmp_path)
    assert ran.code == 0
    assert "web.port" in ran.out
    assert "wrong: web.prot" in ran.err
    assert "did you mean web.port?" in ran.err


def test_check_tells_every_fault_and_exits_with_4(tmp_path):
    ran = run_traderd("config", "check", directory=tmp_path)
    assert (ran.code, ran.out.split(" · ")[0]) == (0, "the configuration is right")
    (tmp_path / "traderd.toml").write_text("[web]\nprot = 1\n[risk]\nday_hour = 24\n")
    ran = run_traderd("config", "check", directory=tmp_path)
    assert ran.code == exit_codes.CONFIGURATION
    *faults, last = ran.out.splitlines()
    assert [line.split()[1] for line in faults] == ["web.prot", "risk.day_hour"]
    assert (last, ran.err) == ("2 faults in the configuration · sim", ""), "said once"
    ran = run_traderd("config", "check", "--json", directory=tmp_path)
    assert (ran.code, ran.err) == (exit_codes.CONFIGURATION, "")
    document = json.loads(ran.out)
    assert (document["ok"], len(document["problems"])) == (False, 2)


def test_a_file_that_is_not_toml_cannot_be_shown(tmp_path):
    (tmp_path / "traderd.toml").write_text("[")
    ran = run_traderd("config", "show", directory=tmp_path)
    assert ran.code == exit_codes.CONFIGURATION
    assert "cannot be read" in ran.err


def test_a_secret_that_is_not_set_does_not_look_as_if_it_were(tmp_path):
    shown = {
        row["name"]: row["value"]
        for row in json.loads(run_traderd("config", "show", "--json", directory=tmp_path).out)[
            "settings"
        ]
    }
    for name in ("exchange.key_id", "notify.telegram.token", "notify.webhook.secret"):
        assert not shown[name]
    ran = run_traderd(
        *("config", "show", "notify.telegram.token", "--set", "notify.telegram.token=abc:defgh"),
        directory=tmp_path,
    )
    assert ran.out.splitlines()[-1].split() == ["notify.telegram.token", "--set", "[masked]"]


LEAKY = """
import attrs
from traderd.plugin_api import BadInput, StrategySpec, hookimpl, setting

def check(text):
    if text != "good":
        raise BadInput(f"{text!r} is no token")

@attrs.frozen(kw_only=True)
class Parameters:
    api_token: str = setting("good", check=check)

class Mine:
    def __init__(self, parameters): ...
    def decide(self, observation): ...

@hookimpl
def traderd_strategies():
    return [StrategySpec(name="mine", make=Mine, parameters=Parameters)]

@hookimpl
def traderd_risk_rules(config):
    raise ValueError(f"no rule with {config.notify.telegram.token}")
"""
WRONG = """
[notify.telegram]
token = "canary-telegram"
chat_id = "7"
[notify.webhook]
secret = ["canary-webhook"]
[strategies.mine]
enabled = true
api_token = "canary-strategy"
"""


@pytest.mark.parametrize("command", ["config check", "config show", "doctor"])
@pytest.mark.parametrize("json_too", [[], ["--json"]])
def test_no_complaint_quotes_a_secret_of_core_plugin_or_strategy(tmp_path, command, json_too):
    (tmp_path / "plugins").mkdir()
    (tmp_path / "plugins" / "mine.py").write_text(LEAKY)
    (tmp_path / "traderd.toml").write_text(WRONG)
    ran = run_traderd(*command.split(), *json_too, directory=tmp_path)
    said = ran.out + ran.err
    assert "canary" not in said
    assert "what was given is not shown, because it is a secret" in " ".join(said.split())
    if command != "config show":
        words = " ".join(said.split())
        assert "strategies.mine.api_token: '[masked]' is no token" in words
        assert "ValueError: no rule with [masked]" in words
