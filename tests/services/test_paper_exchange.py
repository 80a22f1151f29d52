"""The embedded exchange as a service."""

import pytest
import trio

from tests.simulation.harness import TICKERS, fresh, simulated_daemon, simulated_exchange
from traderd.config import Config, ExchangeConfig
from traderd.model.states import State
from traderd.runtime.service import OnCrash
from traderd.services.context import EmbeddedAddress
from traderd.services.paper_exchange import EXTRA, traderd_services


def test_it_is_a_service_only_where_the_configuration_embeds_it():
    (service,) = traderd_services(Config())
    assert (service.name, service.on_crash) == ("paper_exchange", OnCrash.DEGRADE)
    assert traderd_services(Config(exchange=ExchangeConfig(embedded=False))) == []
    assert traderd_services(Config(environment="paper")) == []


async def test_the_account_has_what_the_configuration_gives_it(tmp_path, autojump_clock):
    async with simulated_daemon(tmp_path, exchange__balance_dollars="12.34") as simulated:
        assert simulated.view.account.balance == 12_340_000
        assert simulated.exchange.venue.account_ids() == (simulated.account_id,)


async def test_it_serves_at_the_port_that_was_asked_for(tmp_path, autojump_clock):
    async with simulated_daemon(tmp_path, exchange__port=4_321) as simulated:
        assert simulated.exchange.rest_url == "http://127.0.0.1:4321/trade-api/v2"
        assert simulated.daemon.shared.venue.ws_url == simulated.exchange.ws_url


async def test_the_street_trades_at_the_rate_of_the_configuration(tmp_path, autojump_clock):
    async with simulated_daemon(tmp_path, exchange__events_per_s=10) as simulated:
        await trio.sleep(60.0)
        busy = simulated.view.market_data.deltas_received
    async with simulated_daemon(tmp_path, exchange__events_per_s=0) as simulated:
        await trio.sleep(60.0)
        still = simulated.view.market_data.deltas_received
    assert (busy > 300, still) == (True, 0)


async def test_after_a_crash_it_serves_again_at_the_same_address(tmp_path, autojump_clock):
    async with simulated_daemon(tmp_path) as simulated:
        first = simulated.exchange

        def fail():
            raise RuntimeError("a defect of the exchange")

        first.venue.next_due = fail
        await simulated.wait_until(lambda: simulated.state is State.ERROR, within_s=5.0)
        await simulated.wait_ready()
        second = simulated.daemon.shared.extras[EXTRA]
        assert second is not first
        assert second.rest_url == first.rest_url
        assert simulated.said("service paper_exchange is restarting")
        await simulated.wait_until(
            lambda: simulated.view.market_data.usable_books() == len(TICKERS), within_s=60.0
        )


async def test_another_exchange_is_not_joined_by_an_embedded_one(tmp_path, autojump_clock):
    async with (
        simulated_exchange(tmp_path) as at,
        simulated_daemon(fresh(tmp_path / "state"), at=at) as simulated,
    ):
        assert EXTRA not in simulated.daemon.shared.extras
        assert simulated.daemon.shared.venue.embedded is None


async def test_the_bound_port_is_handed_over_once_and_bound_again_later():
    class Door:
        async def listen(self, host: str, port: int):
            return f"listener on {host}:{port}", port

    address = EmbeddedAddress("127.0.0.1", 7, "the first listener")
    assert await address.take_listener(Door()) == "the first listener"
    assert await address.take_listener(Door()) == "listener on 127.0.0.1:7"


@pytest.mark.parametrize("port", [1, 65_535])
def test_an_address_is_written_as_clients_write_it(port):
    assert EmbeddedAddress("127.0.0.1", port, None).address == f"127.0.0.1:{port}"
