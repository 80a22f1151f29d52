import pytest

from traderd.errors import ConfigError
from traderd.runtime.addresses import address_fault, check_address, is_loopback

SECRET = "hush-hush-hush"


@pytest.mark.parametrize(
    ("url", "fault"),
    [
        ("https://example.org/hook", ""),
        ("http://127.0.0.1:8080/hook", ""),
        ("http://localhost/hook", ""),
        ("http://[::1]:80/hook", ""),
        ("http://example.org/hook", "https://"),
        ("http://localhost.example.org/", "https://"),
        ("http://127.0.0.1.example.org/", "https://"),
        ("ftp://127.0.0.1/", "https://"),
        ("https:///hook", "no host"),
        ("https://a:b@example.org/", "password before the host"),
        ("https://example.org:99999/", "no address"),
        ("", "no host"),
    ],
)
def test_messages_go_over_https_or_stay_on_this_machine(url, fault):
    told = address_fault(url)
    assert fault in told if fault else told == ""


def test_a_wrong_setting_is_named_without_its_value():
    check_address("https://example.org/", "notify.webhook.url")
    with pytest.raises(ConfigError, match="cannot be used: it must begin with") as caught:
        check_address(f"http://example.org/{SECRET}", "notify.webhook.url")
    assert SECRET not in str(caught.value)


@pytest.mark.parametrize(
    ("host", "loopback"),
    [
        ("127.0.0.1", True),
        ("127.8.9.10", True),
        ("::1", True),
        ("localhost", True),
        ("localhost.", False),
        ("", False),
        ("0.0.0.0", False),
        ("localhost.evil.example", False),
    ],
)
def test_only_what_surely_is_loopback_counts_as_such_without_asking_dns(host, loopback):
    assert is_loopback(host) is loopback
