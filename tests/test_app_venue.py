"""The exchange is opened where the configuration says, and its port is given back."""

import pytest

from traderd.app_venue import open_venue
from traderd.config import load_config
from traderd.errors import AlreadyRunning
from traderd.runtime.simulation import SimEnv


def sim(tmp_path, **flags):
    return load_config(variables={}, directory=tmp_path, flags=flags)


async def test_the_embedded_exchange_has_an_address_before_it_serves(tmp_path, autojump_clock):
    env = SimEnv(seed=1)
    async with open_venue(sim(tmp_path), env) as venue:
        assert venue.rest_url == f"http://{venue.embedded.address}/trade-api/v2"
        assert venue.ws_url == f"ws://{venue.embedded.address}/trade-api/ws/v2"
        port = venue.embedded.port
    listener, again = await env.listen("127.0.0.1", port)
    assert again == port
    await listener.aclose()


async def test_a_port_that_is_taken_is_named_with_the_cure(tmp_path, autojump_clock):
    env = SimEnv(seed=1)
    listener, port = await env.listen("127.0.0.1", 0)
    with pytest.raises(AlreadyRunning, match=f"127.0.0.1:{port} is taken; set exchange.port"):
        async with open_venue(sim(tmp_path, **{"exchange.port": port}), env):
            raise AssertionError("it was opened")
    await listener.aclose()
