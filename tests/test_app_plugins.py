import pytest
from structlog.testing import capture_logs

from tests.simulation.harness import REPOSITORY
from tests.test_plugin_checks import HEAD
from traderd.app_plugins import find_plugins, tell_plugins, without_unusable
from traderd.config import load_config
from traderd.errors import ConfigError
from traderd.plugin_manager import load_plugins
from traderd.store.plugin_switches import SWITCHES_FILE, Switch, write_switch

BROKEN = HEAD + "import nothing_here\nx = StrategySpec(name='maker', make=1, parameters=2)\n"


def config_with(tmp_path, **settings):
    flags = {"state_dir": str(tmp_path / "state")} | {
        name.replace("__", "."): value for name, value in settings.items()
    }
    return load_config(variables={}, directory=tmp_path, flags=flags)


@pytest.fixture
def folder(tmp_path):
    path = tmp_path / "plugins"
    path.mkdir()
    path.chmod(0o755)
    (path / "mine.py").write_text(BROKEN)
    (path / "mine.py").chmod(0o644)
    return path


@pytest.mark.parametrize("name", ["maker", "mine"])
def test_a_section_whose_plugin_failed_names_both_and_the_cure(tmp_path, folder, name):
    config = config_with(tmp_path, **{f"strategies__{name}__size": 5})
    with pytest.raises(ConfigError) as caught:
        without_unusable(config, load_plugins([folder]))
    sentence = str(caught.value)
    assert sentence.startswith(
        f"strategies.{name} is set, and the plugin that offers it cannot be used"
    )
    assert f"{folder}/mine.py:3" in sentence
    assert "pip install nothing_here" in sentence
    assert "\n" not in sentence


async def test_a_section_that_is_not_enabled_needs_nothing(tmp_path, folder, autojump_clock):
    config = config_with(tmp_path, strategies__maker__enabled="false")
    assert without_unusable(config, load_plugins([folder])).strategies == {}


async def test_a_section_whose_plugin_is_off_does_not_stop_the_start(
    tmp_path, folder, autojump_clock
):
    config = config_with(tmp_path, strategies__maker__size=5, strategies__other__size=1)
    plugins = load_plugins([folder], disabled={"mine": "disabled by ann"})
    # What nobody would offer is left for the check that knows all strategies.
    assert list(without_unusable(config, plugins).strategies) == ["other"]


def test_what_a_person_disabled_is_off_at_the_next_start(tmp_path, folder):
    config = config_with(tmp_path)
    write_switch(config.state_path(), "mine", Switch(by="it blocked the loop"))
    record = find_plugins(config, tmp_path).records["mine"]
    assert (record.state.value, record.reason) == ("off", "disabled by it blocked the loop")


def test_a_list_of_disabled_plugins_that_cannot_be_read_is_a_matter_of_configuration(tmp_path):
    config = config_with(tmp_path)
    config.state_path().mkdir(parents=True)
    (config.state_path() / SWITCHES_FILE).write_text("{")
    with pytest.raises(ConfigError, match="list of disabled plugins"):
        find_plugins(config, tmp_path)


def test_the_first_line_names_what_is_not_part_of_traderd_itself():
    with capture_logs() as told:
        tell_plugins(load_plugins([REPOSITORY / "plugins"]))
    names = told[0]["event"].removeprefix("plugins: ").split(", ")
    assert "spread_maker" in names
    assert "trading_client" not in names
