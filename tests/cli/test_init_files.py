import pytest

from tests.cli.doctor_tools import KEY_ID
from traderd.cli.init_answers import Answers, Markets, read_limits
from traderd.cli.init_files import dotenv_text, planned_files, toml_text, write_files
from traderd.config import load_config
from traderd.errors import ConfigError


def answers(**given):
    return Answers(
        **({"environment": "sim", "markets": Markets(), "limits": read_limits("200")} | given)
    )


@pytest.mark.parametrize(
    "given",
    [
        {},
        {"environment": "paper", "markets": Markets(tickers=("KX-A", "KX-B"))},
        {"environment": "local", "markets": Markets(series=("KXMLB",))},
        {"environment": "production", "markets": Markets(series=("KXMLB",))},
    ],
    ids=["sim", "paper", "local", "production"],
)
def test_what_is_written_is_what_the_daemon_reads(tmp_path, given):
    key = {} if not given else {"key_id": KEY_ID, "key_file": "/some where/it's #1.pem"}
    written = answers(**given, **key)
    write_files(planned_files(written, tmp_path))
    config = load_config(variables={}, directory=tmp_path)
    assert config.environment == written.environment
    assert config.risk.max_exposure_dollars == "200.00"
    assert config.market_data.markets == written.markets.tickers
    assert config.market_data.discover.series == written.markets.series
    assert config.exchange.key_id == written.key_id
    assert config.exchange.key_file == written.key_file
    if config.environment == "production":
        assert not config.trading_enabled


def test_only_their_owner_can_read_them_and_no_key_is_in_the_toml(tmp_path):
    given = answers(environment="paper", key_id=KEY_ID, key_file="/k.pem")
    files = planned_files(given, tmp_path)
    assert [path.name for path in files] == ["traderd.toml", ".env.paper"]
    write_files(files)
    assert {path.stat().st_mode & 0o777 for path in files} == {0o600}
    assert KEY_ID not in toml_text(given)
    assert KEY_ID in dotenv_text(given)


def test_what_stood_there_is_kept_beside_under_a_new_name_each_time(tmp_path):
    path = tmp_path / "traderd.toml"
    path.write_text("first")
    (first,) = write_files({path: "second"})
    (second,) = write_files({path: "third"})
    assert (first.kept.name, second.kept.name) == ("traderd.toml.old-1", "traderd.toml.old-2")
    assert [file.read_text() for file in (path, first.kept, second.kept)] == [
        "third",
        "first",
        "second",
    ]
    assert sorted(file.name for file in tmp_path.iterdir()) == [
        "traderd.toml",
        "traderd.toml.old-1",
        "traderd.toml.old-2",
    ]


def test_a_directory_that_takes_no_file_is_named(tmp_path):
    with pytest.raises(
        ConfigError, match=r"nowhere/traderd.toml cannot be written.*before it: none"
    ):
        write_files({tmp_path / "nowhere" / "traderd.toml": ""})
