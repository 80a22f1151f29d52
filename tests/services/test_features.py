"""Features of plugins in observations: sorted, and never missing."""

from tests.core.test_notice_outbox import at
from tests.services.still_daemon import MARKET, still_daemon
from traderd.core.observation_vector import (
    VECTOR_FIELDS,
    VECTOR_LENGTH,
    fields_with_features,
    vector_with_features,
)
from traderd.services.extensions import ObservationFeature, Owned
from traderd.services.observing import get_observation


def owned(name, read):
    return Owned("mine", ObservationFeature(name=name, unit="1", meaning="A.", read=read))


def fail(seen):
    raise ValueError("no trades")


async def test_features_are_in_the_observation_in_the_order_of_their_names(
    autojump_clock, tmp_path
):
    async with still_daemon(tmp_path) as daemon:
        daemon.list_market()
        daemon.snapshot(bids={"0.46": "10"}, asks={"0.48": "10"})
        features = [owned("z", lambda seen: len(seen.bids)), owned("a", lambda seen: seen.bid)]
        extensions = daemon.shared.extensions
        extensions.replace(notifiers=(), routes=(), metrics=(), features=features)
        seen = get_observation(daemon.context("actor"), MARKET)
        assert seen.features == (("a", 4_600), ("z", 1))
        assert fields_with_features(seen) == (*VECTOR_FIELDS, "a", "z")
        row = vector_with_features(seen)
        assert list(row[VECTOR_LENGTH:]) == [4_600.0, 1.0]
        assert row[:VECTOR_LENGTH] == seen.vector()


async def test_one_that_fails_is_0_and_listed(autojump_clock, tmp_path):
    async with still_daemon(tmp_path) as daemon:
        daemon.list_market()
        daemon.snapshot(bids={"0.46": "10"}, asks={})
        extensions = daemon.shared.extensions
        features = [owned("bad", fail), owned("good", lambda _: 7)]
        extensions.replace(notifiers=(), routes=(), metrics=(), features=features)
        seen = get_observation(daemon.context("actor"), MARKET)
        assert seen.features == (("bad", 0), ("good", 7))
        (fault,) = extensions.faults.all()
        assert (fault.what, fault.error) == ("observation feature bad", "ValueError: no trades")
        assert "test_features.py:" in fault.where


async def test_without_plugins_nothing_is_added(autojump_clock, tmp_path):
    async with still_daemon(tmp_path) as daemon:
        daemon.list_market()
        daemon.snapshot(bids={"0.46": "10"}, asks={})
        seen = get_observation(daemon.context("actor"), MARKET)
        assert seen.features == ()
        assert seen.at == daemon.now()
        assert seen.at > at(0)
