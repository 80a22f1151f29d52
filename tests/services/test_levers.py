"""Handles that nobody has connected do nothing, and say so where somebody asks."""

from traderd.services.levers import Levers


def test_handles_without_a_daemon_behind_them_do_nothing():
    levers = Levers()
    assert levers.restart("orders", "why") is False
    assert levers.reread is None
    levers.set_log_level("debug")
    levers.log_from_beside("error", "nobody hears", culprit="x")
