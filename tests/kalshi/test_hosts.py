"""No setting can make one environment talk to another's hosts."""

import pytest

from traderd.errors import ConfigError
from traderd.kalshi.hosts import ENDPOINTS, Endpoints, check_endpoints

SIM = Endpoints(
    rest_url="http://127.0.0.1:8123/trade-api/v2", ws_url="ws://127.0.0.1:8123/trade-api/ws/v2"
)


@pytest.mark.parametrize(
    ("environment", "endpoints"),
    [
        ("paper", ENDPOINTS["paper"]),
        ("production", ENDPOINTS["production"]),
        ("local", ENDPOINTS["production"]),
        ("sim", SIM),
        (
            "production",
            Endpoints(
                rest_url="https://api.elections.kalshi.com/trade-api/v2",
                ws_url="wss://api.elections.kalshi.com/trade-api/ws/v2",
            ),
        ),
    ],
)
def test_an_environments_own_hosts_are_allowed(environment, endpoints):
    assert check_endpoints(environment, endpoints) is None


@pytest.mark.parametrize(
    ("environment", "endpoints", "sentence"),
    [
        ("production", ENDPOINTS["paper"], "not a host of the environment production"),
        ("paper", ENDPOINTS["production"], "not a host of the environment paper"),
        ("local", ENDPOINTS["paper"], "not a host of the environment local"),
        ("paper", SIM, "not a host of the environment paper"),
        ("sim", ENDPOINTS["paper"], "only talks to its own exchange"),
        ("prod", SIM, "unknown; use one of sim, paper, local, production"),
    ],
)
def test_a_foreign_host_is_refused_with_the_cure(environment, endpoints, sentence):
    with pytest.raises(ConfigError, match=sentence):
        check_endpoints(environment, endpoints)


@pytest.mark.parametrize(
    ("rest_url", "sentence"),
    [
        ("http://external-api.kalshi.com/trade-api/v2", "plain text"),
        ("https://external-api.kalshi.com/trade-api/v2/", "must end with /trade-api/v2"),
        ("https://external-api.kalshi.com/", "must end with"),
        ("https://external-api.kalshi.com/trade-api/v2?a=1", "must end with"),
        ("https://external-api.kalshi.com@evil.example/trade-api/v2", "without a user name"),
        ("https://external-api.kalshi.com.evil.example/trade-api/v2", "not a host"),
        ("https://trading-api.kalshi.com/trade-api/v2", "not a host"),
        ("ftp://external-api.kalshi.com/trade-api/v2", "must begin with https://"),
        ("external-api.kalshi.com", "with a host"),
        ("https://external-api.kalshi.com:99999/trade-api/v2", "not a URL"),
    ],
)
def test_a_bad_url_is_refused_by_the_name_of_its_setting(rest_url, sentence):
    endpoints = Endpoints(rest_url=rest_url, ws_url=ENDPOINTS["production"].ws_url)
    with pytest.raises(ConfigError, match=f"rest_url.*{sentence}"):
        check_endpoints("production", endpoints)


def test_the_websocket_url_is_checked_too():
    endpoints = Endpoints(
        rest_url=ENDPOINTS["production"].rest_url,
        ws_url="ws://external-api-ws.kalshi.com/trade-api/ws/v2",
    )
    with pytest.raises(ConfigError, match=r"ws_url.*plain text"):
        check_endpoints("production", endpoints)
