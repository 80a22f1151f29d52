import re
import tomllib

import msgspec
import pytest

from tests.architecture.sources import ROOT
from traderd.config import STRATEGIES, Config, RiskConfig, check_config, load_config
from traderd.config_strategies import DEFAULTS, StrategySettings
from traderd.config_values import settings_of
from traderd.errors import ConfigError

PAGE = ROOT / "docs" / "configuration.md"
KEY = {"exchange.key_id": "id", "exchange.key_file": "key.pem"}
CHOICES = {
    "environment": "paper",
    "log.level": "debug",
    "market_data.discover.status": "any",
    "market_data.ingest": "plain",
    "risk.min_book_grade": "E",
    "trading.strategy_orders.on_exit": "keep",
    "trading.strategy_orders.on_disconnect": "cancel",
    "trading.strategy_orders.on_restart": "expire",
    "trading.person_orders.on_exit": "expire",
    "trading.person_orders.on_disconnect": "cancel",
    "trading.person_orders.on_restart": "cancel",
}
SETTINGS = list(settings_of(Config, free=STRATEGIES))
OF_STRATEGIES = "| setting of every strategy |"
"""The head of the table whose rows are below `[strategies.<name>]`."""


@pytest.fixture(autouse=True)
def _no_configuration_of_this_machine(monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))


def load(directory, variables=None, *, check=True, **flags):
    """Load with flags whose dots are written `__`."""
    named = {name.replace("__", "."): value for name, value in flags.items()}
    return load_config(variables=variables or {}, directory=directory, flags=named, check=check)


def setting(config, name):
    value = config
    for part in name.split("."):
        value = getattr(value, part)
    return value


# --- the layers, weakest first --------------------------------------------------------------------


def test_without_anything_it_is_the_simulation_with_every_default(tmp_path):
    config = load(tmp_path)
    assert config == Config()
    assert (config.environment, config.embedded, config.trading_enabled) == ("sim", True, True)
    assert config.market_data_required is False


def test_each_layer_is_stronger_than_the_one_before(tmp_path):
    def port(variables=None, **flags):
        return load(tmp_path, variables, **flags).web.port

    assert port() == 8005
    (tmp_path / "traderd.toml").write_text("[web]\nport = 1001\n")
    assert port() == 1001
    (tmp_path / ".env.sim").write_text("TRADERD_WEB__PORT=1002\n")
    assert port() == 1002
    (tmp_path / ".env").write_text("TRADERD_WEB__PORT=1003\n")
    assert port() == 1003
    variables = {"TRADERD_WEB__PORT": "1004"}
    assert port(variables) == 1004
    assert port(variables, web__port=1005) == 1005


def test_a_layer_that_says_nothing_about_a_setting_leaves_it_alone(tmp_path):
    (tmp_path / "traderd.toml").write_text("[risk]\nmax_open_orders = 3\nbreaker_errors = 7\n")
    config = load(tmp_path, {"TRADERD_RISK__BREAKER_ERRORS": "8"})
    assert config.risk == RiskConfig(max_open_orders=3, breaker_errors=8)


@pytest.mark.parametrize("name", SETTINGS)
def test_every_setting_can_be_given_as_a_variable(tmp_path, name):
    default = setting(Config(), name)
    if name in CHOICES:
        text = value = CHOICES[name]
    elif isinstance(default, tuple):
        text, value = "A, B", ("A", "B")
    elif default is None or isinstance(default, bool):
        value = default is not True
        text = str(value).lower()
    else:
        text, value = "2", type(default)(2)
    variable = "TRADERD_" + name.upper().replace(".", "__")
    assert value != default
    assert setting(load(tmp_path, {variable: text}, check=False), name) == value


# --- values ---------------------------------------------------------------------------------------


def test_amounts_may_be_numbers_or_texts_and_stay_exact(tmp_path):
    (tmp_path / "traderd.toml").write_text(
        "[risk]\nmax_order_contracts = 10\nmax_exposure_dollars = 0.3\n"
        'price_collar_dollars = "0.05"\n'
    )
    risk = load(tmp_path).risk
    assert (risk.max_order_contracts, risk.max_exposure_dollars) == ("10", "0.3")
    assert risk.price_collar_dollars == "0.05"


def test_markets_are_a_list_or_a_text_with_commas(tmp_path):
    (tmp_path / "traderd.toml").write_text('[market_data]\nmarkets = ["A", "B"]\n')
    assert load(tmp_path).market_data.markets == ("A", "B")
    assert load(tmp_path, market_data__markets="C, D,").market_data.markets == ("C", "D")


@pytest.mark.parametrize(
    ("name", "value", "sentence"),
    [
        ("web.port", "x", "web.port (--port) must be a whole number, not 'x'"),
        ("web.port", "65536", "web.port (--port) must be a whole number <= 65535, not '65536'"),
        ("web.port", "-1", "web.port (--port) must be a whole number >= 0, not '-1'"),
        ("web.enabled", "maybe", "web.enabled (--set) must be true or false, not 'maybe'"),
        ("trading.enabled", "2", "trading.enabled (--set) must be true or false, not '2'"),
        ("log.level", "loud", "must be one of debug, info, warning, error, not 'loud'"),
        ("risk.max_open_orders", "0", "must be a whole number >= 1, not '0'"),
        ("risk.max_open_orders", "2.5", "must be a whole number, not '2.5'"),
        ("health.interval_s", "0", "must be a number > 0.0, not '0'"),
        ("health.interval_s", "nan", "must be a number > 0.0, not 'nan'"),
        ("health.interval_s", "inf", "must be a number <= 86400.0, not 'inf'"),
        ("exchange.events_per_s", "-1", "must be a number >= 0.0, not '-1'"),
        ("market_data.markets", 5, "must be a list of texts, not 5"),
        ("state_dir", True, "state_dir (--state-dir) must be a text, not True"),
        ("risk", "x", "risk (--set) is a section with settings of its own, not a value"),
        ("strategies", "x", "strategies (--set) is a section with settings of its own"),
        ("strategies.x", "x", "strategies.x (--set) cannot be; write strategies.<name>."),
        ("strategies.x.y.z", "x", "strategies.x.y.z (--set) cannot be; write strategies.<name>."),
    ],
)
def test_a_value_that_cannot_be_is_told_with_its_place_and_what_would_be_right(
    tmp_path, name, value, sentence
):
    with pytest.raises(ConfigError, match=re.escape(sentence)):
        load(tmp_path, **{name.replace(".", "__"): value})


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("risk.max_order_contracts", "lots", "not a plain decimal number: 'lots'"),
        ("risk.max_order_contracts", "0", "must be above 0, it is 0"),
        ("risk.max_order_contracts", "0.001", "more than 2 decimals"),
        ("risk.max_exposure_dollars", "-5", "must be above 0, it is -5"),
        ("risk.max_exposure_dollars", "NaN", "not a plain decimal number"),
        ("risk.max_exposure_dollars", "1e3", "not a plain decimal number"),
        ("risk.price_collar_dollars", "1.5", "not between $0 and $1"),
        ("exchange.balance_dollars", "$5", "not a plain decimal number"),
    ],
)
def test_an_amount_that_cannot_be_names_its_setting(tmp_path, name, value, words):
    with pytest.raises(ConfigError, match=re.escape(words)) as caught:
        load(tmp_path, **{name.replace(".", "__"): value})
    assert name in str(caught.value)


def test_markets_are_named_or_looked_for_and_not_both(tmp_path):
    found = load(tmp_path, market_data__discover__series="KXA, KXB")
    assert found.discovers
    assert found.market_data.discover.series == ("KXA", "KXB")
    assert load(tmp_path, market_data__discover__enabled="true").discovers
    assert not load(tmp_path, market_data__discover__enabled="false").discovers
    with pytest.raises(ConfigError, match="looks for them; remove one"):
        load(tmp_path, market_data__markets="A", market_data__discover__events="E")


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"min_volume_24h": "many"}, "min_volume_24h (--set) is not a plain decimal number"),
        ({"min_volume_24h": "-1"}, "min_volume_24h (--set) cannot be below 0, it is -1"),
        ({"closes_in_min_s": "60", "closes_in_max_s": "30"}, "30 lies below closes_in_min_s = 60"),
        ({"max_markets": "0"}, "must be a whole number >= 1"),
        ({"status": "active"}, "must be one of open, unopened, any"),
    ],
)
def test_a_search_that_cannot_be_is_refused(tmp_path, settings, words):
    with pytest.raises(ConfigError, match=re.escape(words)):
        load(tmp_path, **{f"market_data__discover__{name}": v for name, v in settings.items()})


@pytest.mark.parametrize("place", ["series", "events", "categories"])
def test_a_search_that_is_off_and_says_what_to_look_for_is_refused(tmp_path, place):
    off = {f"market_data__discover__{place}": "KXA", "market_data__discover__enabled": "false"}
    with pytest.raises(ConfigError, match=r"discover\.enabled \(--set\) is false, and"):
        load(tmp_path, **off)


def test_a_list_of_markets_that_names_none_is_refused(tmp_path):
    with pytest.raises(ConfigError, match=r"market_data\.markets \(--set\) names no market"):
        load(tmp_path, market_data__markets="")
    assert load(tmp_path).market_data.markets == ()
    # Beside a search it takes back what a weaker layer names.
    (tmp_path / "traderd.toml").write_text('[market_data]\nmarkets = ["KXA"]\n')
    taken_back = load(tmp_path, market_data__markets="", market_data__discover__series="KXS")
    assert taken_back.discovers


def test_a_complaint_about_settings_together_says_where_each_was_given(tmp_path):
    (tmp_path / "traderd.toml").write_text("[risk]\nmax_order_contracts = -5\n")
    with pytest.raises(ConfigError) as caught:
        load(tmp_path)
    where = tmp_path / "traderd.toml"
    assert str(caught.value) == f"risk.max_order_contracts ({where}) must be above 0, it is -5"


def test_a_search_without_an_end_of_closes_has_no_bound(tmp_path):
    assert load(tmp_path, market_data__discover__closes_in_min_s="60").market_data is not None


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("risk.max_open_order", "did you mean risk.max_open_orders?"),
        ("risk.MAX_OPEN_ORDERS", "did you mean risk.max_open_orders?"),
        ("max_open_orders", "did you mean risk.max_open_orders?"),
        ("rsk.max_open_orders", "did you mean risk.max_open_orders?"),
        ("wev.port", "did you mean web.port?"),
        ("risk.zzz", "known are risk.max_order_contracts, risk.max_open_orders, "),
        ("qqq.zzz", "known are environment, state_dir, log, exchange, market_data, trading, risk"),
        ("risk.max_open_orders.x", "did you mean risk.max_open_orders?"),
    ],
)
def test_an_unknown_setting_is_an_error_with_a_suggestion(tmp_path, name, sentence):
    with pytest.raises(ConfigError, match=re.escape(sentence)) as caught:
        load(tmp_path, **{name.replace(".", "__"): "1"})
    assert f"{name} (--set) does not exist" in str(caught.value)


@pytest.mark.parametrize(
    ("variable", "meant"),
    [
        ("TRADERD_RISK_MAX_OPEN_ORDERS", "TRADERD_RISK__MAX_OPEN_ORDERS"),
        ("TRADERD_RISK__MAX_OPEN_ORDER", "TRADERD_RISK__MAX_OPEN_ORDERS"),
        ("TRADERD_STATEDIR", "TRADERD_STATE_DIR"),
        ("TRADERD_PORT", "TRADERD_WEB__PORT"),
    ],
)
def test_a_misspelled_variable_is_an_error_that_spells_the_right_one(tmp_path, variable, meant):
    with pytest.raises(ConfigError, match=f"variable {variable}.*{meant}"):
        load(tmp_path, {variable: "1"})


def test_an_error_names_the_file_that_it_is_in(tmp_path):
    (tmp_path / "traderd.toml").write_text("[risk]\nmax_open_orders = true\n")
    with pytest.raises(ConfigError, match=re.escape(str(tmp_path / "traderd.toml"))):
        load(tmp_path)


def test_parameters_of_strategies_are_passed_on_as_they_are(tmp_path):
    (tmp_path / "traderd.toml").write_text(
        "[strategies.mine]\nenabled = true\nsize = 2.5\nsteps = [1, 2]\n[strategies.other]\n"
    )
    strategies = load(tmp_path, strategies__mine__size="3").strategies
    assert strategies == {"mine": {"enabled": True, "size": "3", "steps": [1, 2]}, "other": {}}


# --- what settings obey together ------------------------------------------------------------------


def test_production_does_not_trade_without_a_word_in_the_settings(tmp_path):
    with pytest.raises(ConfigError, match=r"only when trading\.live is true"):
        load(
            tmp_path, environment="production", **{k.replace(".", "__"): v for k, v in KEY.items()}
        )
    config = load(
        tmp_path,
        environment="production",
        trading__enabled="false",
        exchange__key_id="id",
        exchange__key_file="key.pem",
    )
    assert (config.trading_enabled, config.market_data_required) == (False, True)


def test_local_never_trades(tmp_path):
    config = load(tmp_path, environment="local", exchange__key_id="id", exchange__key_file="k")
    assert (config.trading_enabled, config.market_data_required) == (False, True)
    with pytest.raises(ConfigError, match=r"local never trades; remove trading\.enabled"):
        load(tmp_path, environment="local", trading__enabled="true")


@pytest.mark.parametrize("environment", ["paper", "local"])
def test_only_the_simulation_has_an_exchange_of_its_own(tmp_path, environment):
    with pytest.raises(
        ConfigError, match=r"exchange\.embedded \(--set\) is for the environment sim"
    ):
        load(tmp_path, environment=environment, exchange__embedded="true")


@pytest.mark.parametrize("environment", ["paper", "local", "demo"])
@pytest.mark.parametrize("given", [(), ("exchange.key_id",), ("exchange.key_file",)])
def test_a_real_exchange_needs_a_key_and_both_its_parts(tmp_path, environment, given):
    flags = {name.replace(".", "__"): KEY[name] for name in given}
    with pytest.raises(ConfigError, match="needs an API key, also for market data") as caught:
        load(tmp_path, environment=environment, **flags)
    missing = [name for name in KEY if name not in given]
    assert [name for name in KEY if name in str(caught.value)] == missing


def test_another_paper_exchange_needs_its_addresses(tmp_path):
    with pytest.raises(ConfigError, match=r"exchange\.rest_url and exchange\.ws_url must name"):
        load(tmp_path, exchange__embedded="false", exchange__key_id="id", exchange__key_file="k")


@pytest.mark.parametrize("host", ["127.0.0.1", "127.8.9.10", "::1", "localhost"])
def test_the_console_listens_on_loopback(tmp_path, host):
    assert load(tmp_path, web__host=host).web.host == host


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.168.1.5", "example.org", "", "localhost."])
def test_a_console_that_others_could_reach_is_refused(tmp_path, host):
    with pytest.raises(ConfigError, match=r"web\.host .*is .*others could reach.*Use 127\.0\.0\.1"):
        load(tmp_path, web__host=host)


def test_who_only_asks_a_daemon_needs_no_key_but_no_nonsense_either(tmp_path):
    config = load(tmp_path, check=False, environment="paper")
    assert config.environment == "paper"
    with pytest.raises(ConfigError):
        check_config(config)
    with pytest.raises(ConfigError, match="does not exist"):
        load(tmp_path, check=False, risk__zzz="1")


def test_the_state_is_kept_apart_by_environment(tmp_path):
    assert load(tmp_path).state_path() == tmp_path / "state" / "traderd" / "sim"
    paper = load(tmp_path, check=False, environment="paper")
    assert paper.state_path() == tmp_path / "state" / "traderd" / "paper"
    assert load(tmp_path, state_dir="/x/y").state_path().as_posix() == "/x/y"
    assert load(tmp_path, state_dir="~/y").state_path().is_absolute()


# --- the page for people --------------------------------------------------------------------------


def rows_of(text: str) -> dict[str, str]:
    """Return the settings of a text and what it says their defaults are."""
    return dict(re.findall(r"^\| `([a-z0-9_.]+)` \|[^|]*\| ([^|]+) \|", text, re.MULTILINE))


def documented() -> dict[str, str]:
    """Return the settings of the page, without those of every strategy."""
    before, _, table = PAGE.read_text().partition(OF_STRATEGIES)
    _, _, after = table.partition("\n\n")
    return rows_of(before) | rows_of(after)


def documented_of_strategies() -> dict[str, str]:
    """Return the settings that the page names for every strategy."""
    return rows_of(PAGE.read_text().partition(OF_STRATEGIES)[2].partition("\n\n")[0])


def test_the_page_names_every_setting_and_no_other():
    assert list(documented()) == SETTINGS


def test_the_page_names_every_setting_of_a_strategy_with_its_default():
    said = documented_of_strategies()
    assert sorted(said) == sorted(DEFAULTS)
    defaults = StrategySettings()
    assert said["commands_per_s"] == f"`{defaults.commands_per_s}`"
    assert said["callback_budget_ms"] == f"`{defaults.callback_budget_ms}`"
    assert {said[f"max_{what}"] for what in ("exposure_dollars", "open_orders")} == {"`0`"}
    assert (defaults.max_exposure, defaults.max_open_orders, defaults.max_position) == (0, 0, 0)


@pytest.mark.parametrize("name", SETTINGS)
def test_the_page_tells_the_true_default(name):
    said = documented()[name]
    default = setting(Config(), name)
    if default in {None, "", ()}:
        # What it depends on is said in words.
        assert not re.fullmatch("`[^`]*`", said)
    else:
        text = {True: "true", False: "false"}.get(default) if isinstance(default, bool) else None
        assert said == f"`{text or (f'{default:g}' if isinstance(default, float) else default)}`"


def test_the_examples_of_the_page_are_valid(tmp_path):
    text = PAGE.read_text()
    blocks = re.findall(r"(?:^    .*\n|^\n)+", text, re.MULTILINE)
    code = ["\n".join(line[4:] for line in block.splitlines()) for block in blocks]
    discover, strategies, env, toml = (block for block in code if block.strip())
    (tmp_path / "traderd.toml").write_text(discover)
    assert load(tmp_path).discovers
    assert load(tmp_path).market_data.discover.max_markets == 50
    assert tomllib.loads(strategies)["strategies"]["spread_maker"]["markets_max"] == 2
    (tmp_path / "traderd.toml").write_text(toml)
    (tmp_path / ".env.paper").write_text(env)
    config = load(tmp_path)
    assert (config.environment, config.exchange.key_file) == ("paper", "~/keys/demo.pem")
    assert config.market_data.markets == ("KXMLBGAME-26AUG072140LADAZ-LAD",)


def test_a_configuration_cannot_be_changed():
    with pytest.raises(AttributeError):
        Config().environment = "paper"  # type: ignore[misc]
    assert msgspec.structs.asdict(Config())["environment"] == "sim"
