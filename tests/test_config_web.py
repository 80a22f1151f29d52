import pytest

from traderd.config_web import WebConfig, check_web
from traderd.errors import ConfigError

TLS = {"tls_certificate": "cert.pem", "tls_key": "key.pem"}


@pytest.mark.parametrize(
    "given",
    [
        {},
        {"host": "::1"},
        {"host": "localhost", **TLS},
        {"host": "192.168.1.5", **TLS},
        {"host": "trader.example.org", **TLS},
        {"host": "0.0.0.0", "names": ("trader.example.org", "192.168.1.5", "[fe80::1]"), **TLS},
        {"reads_need_token": True, "names": ("desk",)},
    ],
)
def test_loopback_and_whatever_speaks_tls_under_a_name_is_right(given):
    check_web(WebConfig(**given))


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        ({"host": "192.168.1.5"}, "which others could reach.*Use 127.0.0.1.*or name web.tls_cert"),
        ({"host": ""}, "which others could reach"),
        ({"host": "0.0.0.0", **TLS}, "no name of its own: put into web.names"),
        ({"host": "::", **TLS}, "no name of its own"),
        ({"tls_certificate": "c"}, "web.tls_key is missing"),
        ({"tls_key": "k"}, "web.tls_certificate is missing"),
        ({"names": ("https://desk",)}, "web.names: 'https://desk' is no host name"),
        ({"names": ("desk:8005",)}, "without scheme and port"),
        ({"names": ("",)}, "is no host name"),
        ({"names": ("*",)}, "is no host name"),
    ],
)
def test_what_is_not_safe_or_makes_no_sense_is_refused_with_the_cure(given, sentence):
    with pytest.raises(ConfigError, match=sentence):
        check_web(WebConfig(**given))
