"""Names that nobody here has are told apart from names that have nothing to do."""

import pytest

from tests.services.still_daemon import MARKET, still_daemon
from traderd.model import events as ev
from traderd.model.orders import Side
from traderd.services.scopes import TICKER_SHOWN_MAX, unknown_scope


@pytest.mark.parametrize(
    ("ticker", "strategy", "words"),
    [
        ("KXNONE", None, "market KXNONE is not known here"),
        (None, "nobody", "strategy nobody is not known here (known are: "),
        ("X" * 5_000, None, f"market {'X' * TICKER_SHOWN_MAX} is not known here"),
    ],
)
async def test_an_unknown_name_is_told(autojump_clock, tmp_path, ticker, strategy, words):
    async with still_daemon(tmp_path) as daemon:
        said = unknown_scope(daemon.context("test"), ticker, strategy)
        assert said is not None
        assert said.startswith(words)


async def test_the_account_and_what_is_listed_or_has_an_order_are_known(autojump_clock, tmp_path):
    async with still_daemon(tmp_path) as daemon:
        assert unknown_scope(daemon.context("test"), None, None) is None
        assert unknown_scope(daemon.context("test"), MARKET, None) is not None
        daemon.place(Side.BID, "1", "0.10")
        assert unknown_scope(daemon.context("test"), MARKET, None) is None
        daemon.list_market()
        assert unknown_scope(daemon.context("test"), MARKET, None) is None


async def test_a_market_that_was_followed_once_is_known(autojump_clock, tmp_path):
    async with still_daemon(tmp_path) as daemon:
        gone = ev.UniverseChanged(at=daemon.now(), added=(), dropped=(("KXGONE", "it is closed"),))
        daemon.publish(gone)
        assert unknown_scope(daemon.context("test"), "KXGONE", None) is None
