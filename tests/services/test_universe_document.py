from tests.services.still_daemon import MARKET, OTHER_MARKET, still_daemon
from traderd.model import events as ev
from traderd.services import universe_document as documents


async def test_each_market_says_why_it_is_followed_and_changes_are_kept(tmp_path, autojump_clock):
    async with still_daemon(tmp_path, market_data__markets=MARKET) as daemon:
        daemon.list_market()
        daemon.publish(
            ev.UniverseChanged(at=daemon.now(), added=((OTHER_MARKET, "it is busy"),), dropped=()),
            ev.BooksShed(at=daemon.now(), tickers=(OTHER_MARKET,), reason="too much"),
        )
        shown = documents.universe_document(daemon.view)
        assert (shown["followed"], shown["not_listed"], shown["books_given_up"]) == (2, 0, 1)
        assert shown["markets"] == [
            {
                "ticker": MARKET,
                "why": "named in market_data.markets",
                "status": "active",
                "book_given_up": None,
            },
            {
                "ticker": OTHER_MARKET,
                "why": "it is busy",
                "status": "unknown",
                "book_given_up": "too much",
            },
        ]
        assert [(each["ticker"], each["change"]) for each in shown["changes"]] == [
            (MARKET, "added"),
            (OTHER_MARKET, "added"),
        ]
        daemon.publish(
            ev.UniverseChanged(at=daemon.now(), added=(), dropped=((OTHER_MARKET, "it is closed"),))
        )
        last = documents.universe_document(daemon.view)["changes"][-1]
        assert (last["change"], last["why"]) == ("dropped", "it is closed")
        assert last["at"].endswith("Z")


async def test_a_long_list_is_cut_and_counted(tmp_path, autojump_clock):
    many = ",".join(f"KX-{number}" for number in range(documents.MARKETS_SHOWN + 7))
    async with still_daemon(tmp_path, market_data__markets=many) as daemon:
        shown = documents.universe_document(daemon.view)
        assert (len(shown["markets"]), shown["not_listed"]) == (documents.MARKETS_SHOWN, 7)
