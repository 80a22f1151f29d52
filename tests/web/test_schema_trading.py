from tests.services.still_daemon import MARKET, OTHER_MARKET, still_daemon
from tests.web.schema_tools import misfits
from tests.web.test_schema_status import busy, first_page
from traderd.web.schema_trading import BOOK, FILL, MARKETS, ORDER, POSITION


async def test_orders_positions_fills_books_and_markets_tell_what_is_described(
    autojump_clock, tmp_path
):
    async with still_daemon(tmp_path) as daemon:
        source = busy(daemon)
        daemon.list_market(OTHER_MARKET)
        told = [
            *((ORDER, one) for one in first_page(source, "orders")),
            *((POSITION, one) for one in source.positions()),
            *((FILL, one) for one in first_page(source, "fills")),
            (BOOK, source.book(MARKET)),
            (MARKETS, source.markets(9)),
        ]
    assert len(told) == 5
    assert [misfits(schema, document) for schema, document in told] == [[]] * 5


async def test_a_price_that_is_a_number_does_not_fit(autojump_clock, tmp_path):
    async with still_daemon(tmp_path) as daemon:
        (order,) = first_page(busy(daemon), "orders")
    assert misfits(ORDER, {**order, "price_dollars": 0.45}) != []
