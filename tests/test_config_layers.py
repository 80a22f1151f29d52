import pytest

from traderd.config_layers import (
    ENVIRONMENTS,
    KALSHI_VARIABLES,
    Given,
    find_file,
    from_variables,
    read_dotenv,
    read_layers,
    read_toml,
    setting_of,
    variable_of,
)
from traderd.errors import ConfigError


@pytest.fixture(autouse=True)
def _no_configuration_of_this_machine(monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))


def read(directory, variables=None, flags=None, config_file=None):
    found = read_layers(
        variables=variables or {}, directory=directory, config_file=config_file, flags=flags or {}
    )
    return found.environment, found.given


# --- environment ----------------------------------------------------------------------------------


def test_the_environment_comes_from_the_strongest_layer_that_names_one(tmp_path):
    assert read(tmp_path)[0] == "sim"
    (tmp_path / "traderd.toml").write_text('environment = "paper"')
    assert read(tmp_path)[0] == "paper"
    (tmp_path / ".env").write_text("TRADERD_ENVIRONMENT=local")
    assert read(tmp_path)[0] == "local"
    variables = {"TRADERD_ENVIRONMENT": "sim"}
    assert read(tmp_path, variables)[0] == "sim"
    assert read(tmp_path, variables, {"environment": "production"})[0] == "production"


@pytest.mark.parametrize(
    ("word", "name"),
    [("demo", "paper"), ("prod", "production"), ("live", "production"), ("local", "local")],
)
def test_other_words_for_an_environment_are_understood(tmp_path, word, name):
    assert read(tmp_path, {"KALSHI_ENV": word})[0] == name
    assert read(tmp_path, flags={"environment": word})[0] == name


@pytest.mark.parametrize("word", ["moon", "", "PAPER", 5, ["sim"], True])
def test_an_environment_that_does_not_exist_is_told_with_those_that_do(tmp_path, word):
    with pytest.raises(ConfigError, match=f"choose one of {', '.join(ENVIRONMENTS)}"):
        read(tmp_path, flags={"environment": word})


def test_only_the_file_of_the_chosen_environment_is_read(tmp_path):
    (tmp_path / ".env.paper").write_text("TRADERD_WEB__PORT=1\n")
    (tmp_path / ".env.local").write_text("TRADERD_WEB__PORT=2\n")
    assert "web.port" not in read(tmp_path)[1]
    assert read(tmp_path, {"KALSHI_ENV": "demo"})[1]["web.port"] == Given(
        "1", ".env.paper: TRADERD_WEB__PORT"
    )


def test_the_file_of_an_environment_cannot_name_another(tmp_path):
    (tmp_path / ".env.paper").write_text("KALSHI_ENV=production\n")
    with pytest.raises(ConfigError, match=r"\.env\.paper: KALSHI_ENV is 'production'"):
        read(tmp_path, flags={"environment": "paper"})
    (tmp_path / ".env.paper").write_text("KALSHI_ENV=demo\n")
    assert read(tmp_path, flags={"environment": "paper"})[0] == "paper"


# --- variables ------------------------------------------------------------------------------------


@pytest.mark.parametrize(("variable", "setting"), KALSHI_VARIABLES.items())
def test_names_of_other_clients_are_understood(variable, setting):
    assert from_variables({variable: "x"}, "") == {setting: Given("x", variable)}


def test_variables_of_other_programs_are_left_alone():
    others = {"PATH": "/bin", "KALSHI_OTHER": "x", "TRADER": "x", "traderd_web__port": "1"}
    assert from_variables({**others, "TRADERD_CONFIG": "x"}, "") == {}


def test_a_setting_and_its_variable_name_each_other():
    for setting in ("web.port", "state_dir", "strategies.spread_maker.markets_max"):
        assert setting_of(variable_of(setting)) == setting
    assert variable_of("risk.max_open_orders") == "TRADERD_RISK__MAX_OPEN_ORDERS"


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("KALSHI_API_KEY_ID", "TRADERD_EXCHANGE__KEY_ID"),
        ("KALSHI_PRIVATE_KEY_PATH", "TRADERD_EXCHANGE__KEY_FILE"),
        ("KALSHI_API_BASE_URL", "TRADERD_EXCHANGE__REST_URL"),
        ("KALSHI_WS_URL", "TRADERD_EXCHANGE__WS_URL"),
        ("TRADERD_WEB__PORT", "TRADERD_Web__Port"),
    ],
)
def test_two_variables_that_say_different_things_are_an_error_that_names_both(
    tmp_path, first, second
):
    with pytest.raises(ConfigError, match="to different values") as caught:
        read(tmp_path, {first: "a", second: "b"})
    assert f"variable {first}" in str(caught.value)
    assert f"variable {second}" in str(caught.value)
    # The same thing said twice is no contradiction.
    assert read(tmp_path, {first: "a", second: "a"})[0] == "sim"


def test_two_names_of_one_environment_do_not_contradict_each_other(tmp_path):
    assert read(tmp_path, {"KALSHI_ENV": "demo", "TRADERD_ENVIRONMENT": "paper"})[0] == "paper"
    with pytest.raises(ConfigError, match="KALSHI_ENV and variable TRADERD_ENVIRONMENT both set"):
        read(tmp_path, {"KALSHI_ENV": "demo", "TRADERD_ENVIRONMENT": "sim"})


def test_a_contradiction_inside_a_file_is_found_as_well(tmp_path):
    (tmp_path / ".env").write_text("KALSHI_API_KEY_ID=a\nTRADERD_EXCHANGE__KEY_ID=b\n")
    with pytest.raises(ConfigError, match=r"\.env: KALSHI_API_KEY_ID and \.env: TRADERD"):
        read(tmp_path)


def test_a_stronger_layer_may_say_something_else(tmp_path):
    (tmp_path / ".env").write_text("KALSHI_API_KEY_ID=a\n")
    _, layer = read(tmp_path, {"TRADERD_EXCHANGE__KEY_ID": "b"})
    assert layer["exchange.key_id"] == Given("b", "variable TRADERD_EXCHANGE__KEY_ID")


def test_the_directory_that_systemd_makes_is_the_weakest_of_all(tmp_path):
    variables = {"STATE_DIRECTORY": "/var/lib/traderd:/var/lib/other"}
    assert read(tmp_path, variables)[1]["state_dir"] == Given(
        "/var/lib/traderd", "variable STATE_DIRECTORY"
    )
    (tmp_path / "traderd.toml").write_text('state_dir = "/x"')
    assert read(tmp_path, variables)[1]["state_dir"].value == "/x"
    assert read(tmp_path, variables, {"state_dir": "/y"})[1]["state_dir"].value == "/y"
    assert "state_dir" not in read(tmp_path / "empty", {"STATE_DIRECTORY": ""})[1]


def test_flags_that_were_not_given_are_not_there(tmp_path):
    _, layer = read(tmp_path, flags={"web.port": None, "log.level": "debug"})
    assert layer == {"log.level": Given("debug", "--log-level")}


# --- files ----------------------------------------------------------------------------------------


def test_the_nearest_file_is_read(tmp_path):
    user = tmp_path / "config" / "traderd"
    user.mkdir(parents=True)
    (user / "traderd.toml").touch()
    assert find_file({}, tmp_path, None) == user / "traderd.toml"
    (tmp_path / "traderd.toml").touch()
    assert find_file({}, tmp_path, None) == tmp_path / "traderd.toml"
    named = tmp_path / "mine.toml"
    named.touch()
    assert find_file({"TRADERD_CONFIG": str(named)}, tmp_path, None) == named
    other = tmp_path / "other.toml"
    other.touch()
    assert find_file({"TRADERD_CONFIG": str(named)}, tmp_path, other) == other


def test_a_file_that_was_named_must_exist(tmp_path):
    with pytest.raises(ConfigError, match=r"none\.toml does not exist; correct --config"):
        read(tmp_path, config_file=tmp_path / "none.toml")
    with pytest.raises(ConfigError, match=r"none\.toml does not exist; correct TRADERD_CONFIG"):
        read(tmp_path, {"TRADERD_CONFIG": str(tmp_path / "none.toml")})


def test_sections_become_dotted_names(tmp_path):
    path = tmp_path / "t.toml"
    path.write_text('a = 1\n[b]\nc = 0.10\n[b.d]\ne = ["x"]\n[f]\n')
    layer = read_toml(path)
    assert {name: given.value for name, given in layer.items()} == {
        "a": 1,
        # A float would already have lost what the person wrote.
        "b.c": "0.10",
        "b.d.e": ["x"],
        "f": {},
    }
    assert {given.where for given in layer.values()} == {str(path)}
    assert read_toml(None) == {}


@pytest.mark.parametrize("content", [b"a = ", b"\xff\xfe", b"[a]\n[a]\n"])
def test_a_file_that_cannot_be_read_is_named(tmp_path, content):
    path = tmp_path / "traderd.toml"
    path.write_bytes(content)
    with pytest.raises(ConfigError, match=r"traderd\.toml cannot be read"):
        read(tmp_path)


def test_a_dotenv_file_has_quotes_comments_and_export(tmp_path):
    (tmp_path / ".env").write_text(
        "# a comment\nexport TRADERD_WEB__PORT='1001'\nTRADERD_LOG__LEVEL=\"debug\" # why\n"
        "OTHER=x\nTRADERD_NOTHING\n"
    )
    layer = read_dotenv(tmp_path / ".env")
    assert {name: given.value for name, given in layer.items()} == {
        "web.port": "1001",
        "log.level": "debug",
    }
    assert read_dotenv(tmp_path / "none") == {}


def test_a_dotenv_file_does_not_look_into_the_process(tmp_path, monkeypatch):
    monkeypatch.setenv("SECRET_OF_THE_PROCESS", "leaked")
    (tmp_path / ".env").write_text("TRADERD_STATE_DIR=${SECRET_OF_THE_PROCESS}/x\n")
    given = read_dotenv(tmp_path / ".env")["state_dir"]
    assert given.value == "${SECRET_OF_THE_PROCESS}/x"


def test_a_dotenv_file_that_is_no_text_is_named(tmp_path):
    (tmp_path / ".env").write_bytes(b"TRADERD_WEB__PORT=\xff\n")
    with pytest.raises(ConfigError, match=r"\.env cannot be read"):
        read(tmp_path)


# --- credentials of systemd -----------------------------------------------------------------------


def test_the_credentials_of_systemd_give_the_key_without_a_path(tmp_path):
    credentials = tmp_path / "credentials"
    credentials.mkdir()
    variables = {"CREDENTIALS_DIRECTORY": str(credentials)}
    assert read(tmp_path, variables)[1] == {}
    (credentials / "kalshi-key").write_text("a private key")
    (credentials / "kalshi-key-id").write_text("an-id\n")
    layer = read(tmp_path, variables)[1]
    assert layer["exchange.key_file"] == Given(
        str(credentials / "kalshi-key"), "credential kalshi-key"
    )
    assert layer["exchange.key_id"] == Given("an-id", "credential kalshi-key-id")


def test_a_setting_is_stronger_than_a_credential(tmp_path):
    (tmp_path / "kalshi-key").write_text("a private key")
    variables = {
        "CREDENTIALS_DIRECTORY": str(tmp_path),
        "KALSHI_PRIVATE_KEY_PATH": "/etc/traderd/other",
    }
    given = read(tmp_path, variables)[1]["exchange.key_file"]
    assert given == Given("/etc/traderd/other", "variable KALSHI_PRIVATE_KEY_PATH")


def test_a_credential_that_is_no_text_is_told(tmp_path):
    (tmp_path / "kalshi-key-id").write_bytes(b"\xff\xfe")
    with pytest.raises(ConfigError, match=r"the credentials in .* cannot be read"):
        read(tmp_path, {"CREDENTIALS_DIRECTORY": str(tmp_path)})
