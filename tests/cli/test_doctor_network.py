import errno
import ssl

import pytest
import trio

from traderd.cli.doctor_network import Probe, check_way, resolve_name
from traderd.cli.doctor_report import Verdict
from traderd.runtime.env import no_answer
from traderd.runtime.simulation import SimEnv

PLAIN = "http://127.0.0.1:9000/trade-api/v2"
SECURE = "https://example.test/trade-api/v2"


async def here(host, port):
    return ["127.0.0.1"]


async def never(host, port):
    await trio.sleep_forever()


class NoWay(SimEnv):
    """A network on which connecting fails in one way."""

    def __init__(self, error, **variables):
        super().__init__(seed=1, variables=variables)
        self.error = error

    async def connect(self, host, port, *, tls):
        raise self.error


async def test_each_step_of_a_good_way_is_in_the_sentence(autojump_clock):
    env = SimEnv(seed=1)
    listener, _ = await env.listen("127.0.0.1", 9_000)
    found = await check_way("way", PLAIN, Probe(env=env, resolve=here))
    assert found.verdict is Verdict.OK
    assert "127.0.0.1 is 127.0.0.1, port 9000 answers" in found.sentence
    await listener.aclose()


async def test_a_resolver_that_never_answers_is_dns(autojump_clock):
    found = await check_way("way", PLAIN, Probe(env=SimEnv(seed=1), resolve=never))
    assert (found.part, "no answer in 10 s" in found.sentence) == ("dns", True)


@pytest.mark.parametrize(
    ("error", "says", "cure"),
    [
        (no_answer("example.test", 443), "drops the packets", "let a firewall pass"),
        (OSError(errno.ECONNREFUSED, "refused"), "is refused", "whether a firewall refuses"),
        (OSError(errno.ENETUNREACH, "Network is unreachable"), "unreachable", "ip route"),
    ],
    ids=["dropped", "refused", "no way"],
)
async def test_what_fails_on_connecting_is_tcp(autojump_clock, error, says, cure):
    found = await check_way("way", SECURE, Probe(env=NoWay(error), resolve=here))
    assert found.part == "tcp"
    assert says in found.sentence
    assert cure in found.cure


async def test_a_proxy_of_this_machine_is_mentioned_because_we_use_none(autojump_clock):
    env = NoWay(no_answer("example.test", 443), HTTPS_PROXY="http://proxy:3128")
    found = await check_way("way", SECURE, Probe(env=env, resolve=here))
    assert "a proxy is set here" in found.cure


@pytest.mark.parametrize(
    ("words", "says", "cure"),
    [
        ("certificate verify failed: certificate has expired", "has expired", "set the clock"),
        ("certificate verify failed: certificate is not yet valid", "not valid yet", "clock"),
        ("Hostname mismatch, certificate is not valid for", "another host's", "correct the host"),
        ("unable to get local issuer certificate", "nobody whom", "ca-certificates"),
        ("something new", "something new", "openssl s_client"),
    ],
)
async def test_the_words_of_tls_are_explained(autojump_clock, monkeypatch, words, says, cure):
    async def refuse(stream, context, host):
        await trio.aclose_forcefully(stream)
        raise trio.BrokenResourceError from ssl.SSLError(1, words)

    monkeypatch.setattr("traderd.cli.doctor_network.secure", refuse)
    env = SimEnv(seed=1)
    listener, _ = await env.listen("127.0.0.1", 443)
    found = await check_way("way", SECURE, Probe(env=env, resolve=here))
    assert found.part == "tls"
    assert says in found.sentence
    assert cure in found.cure
    await listener.aclose()


async def test_the_machines_own_resolver_knows_localhost():
    found = await resolve_name("localhost", 80)
    assert found
    assert set(found) <= {"127.0.0.1", "::1"}
