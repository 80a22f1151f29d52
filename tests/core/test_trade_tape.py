import attrs
import msgspec

from tests.core.builders import OTHER, TICKER, contracts, price, ready_engine, second, tell
from traderd.core.trade_tape import TRADES_KNOWN_MAX, TradeTape
from traderd.model.events import TradePrinted, TradesBackfilled
from traderd.model.ids import MarketTicker, TradeId
from traderd.model.orders import Side


def trade(trade_id, at, at_price="0.50", *, ticker=TICKER, backfilled=False, is_block=False):
    return TradePrinted(
        trade_id=TradeId(trade_id),
        ticker=ticker,
        price=price(at_price),
        count=contracts(1),
        taker_side=Side.BID,
        at=second(100),
        exchange_at=second(at),
        backfilled=backfilled,
        is_block=is_block,
    )


def test_a_trade_counts_once_whoever_brings_it():
    engine = ready_engine()
    tell(engine, trade("t1", 1), trade("t1", 1, backfilled=True), trade("t2", 2))
    data = engine.market_data
    assert (data.trades_seen, data.tape.backfilled) == (2, 0)
    assert data.tape.knows(trade("t1", 1))
    assert not data.tape.knows(trade("t3", 1))


def test_a_trade_that_was_read_late_is_not_the_last_one():
    engine = ready_engine()
    tell(engine, trade("t2", 9, "0.60"), trade("t1", 3, "0.40", backfilled=True))
    assert engine.market_data.last_trade[TICKER] == price("0.60")
    assert engine.market_data.tape.last_at[TICKER] == second(9)
    assert engine.market_data.tape.backfilled == 1
    tell(engine, trade("t3", 9, "0.61"))
    assert engine.market_data.last_trade[TICKER] == price("0.61")


def test_the_last_trade_is_what_the_feed_brought_last_whatever_its_stamp_says():
    engine = ready_engine()
    data = engine.market_data
    tell(engine, trade("t1", 9, "0.60"), trade("t2", 4, "0.40"))
    assert (data.last_trade[TICKER], data.tape.last_at[TICKER]) == (price("0.40"), second(4))
    # Late ones are judged by it, and what was brought since its second is known for as long as it is the last.
    assert all(data.tape.knows(trade(each, 9)) for each in ("t1", "t2"))
    tell(engine, trade("t0", 3, "0.30", backfilled=True))
    assert data.last_trade[TICKER] == price("0.40")
    tell(engine, trade("t3", 5, "0.50", backfilled=True))
    assert (data.last_trade[TICKER], data.tape.last_at[TICKER]) == (price("0.50"), second(5))


def test_a_trade_that_was_agreed_upon_away_from_the_book_is_no_last_price():
    engine = ready_engine()
    data = engine.market_data
    block = trade("b", 9, "0.95", is_block=True)
    tell(engine, trade("t1", 5, "0.50"), block, block)
    assert data.last_trade[TICKER] == price("0.50")
    assert [each.trade_id for each in data.tape.recent[TICKER]] == ["t1"]
    # It is a trade all the same: counted once, and the next reading begins behind it.
    assert (data.trades_seen, data.tape.last_at[TICKER]) == (2, second(9))
    tell(engine, trade("t2", 10, "0.51"))
    assert data.last_trade[TICKER] == price("0.51")


def test_markets_have_their_own_last_trade_and_are_forgotten():
    tape = TradeTape()
    assert tape.take(trade("a", 5))
    assert tape.take(trade("b", 1, ticker=OTHER))
    tape.forget(TICKER)
    assert tape.last_at == {OTHER: second(1)}


def test_a_trade_without_the_exchanges_time_has_ours():
    tape = TradeTape()
    tape.take(msgspec.structs.replace(trade("a", 5), exchange_at=None))
    assert tape.last_at[TICKER] == second(100)


def test_the_memory_of_trades_is_bounded():
    tape = TradeTape()
    for number in range(TRADES_KNOWN_MAX + 1):
        tape.take(trade(f"t{number}", number))
    assert not tape.knows(trade("t0", 0))
    assert tape.knows(trade("t1", 1))


def test_a_quiet_markets_last_second_is_remembered_however_busy_others_are():
    tape = TradeTape()
    tape.take(trade("early", 8.9))
    tape.take(trade("a", 9.1))
    tape.take(trade("b", 9.8))
    tape.take(trade("late", 9.3, backfilled=True))
    for number in range(TRADES_KNOWN_MAX):
        tape.take(trade(f"t{number}", number, ticker=OTHER))
    # A reading from the second of the last trade on brings these three, and not the one before.
    known = [tape.knows(trade(each, 9)) for each in ("early", "a", "b", "late")]
    assert known == [False, True, True, True]
    tape.forget(TICKER)
    assert not tape.knows(trade("a", 9.1))


def test_a_reading_that_could_not_bring_all_is_counted():
    whole = TradesBackfilled(at=second(1), ticker=TICKER, since=second(0), count=3, complete=True)
    engine = ready_engine()
    tell(engine, whole, attrs.evolve(whole, complete=False))
    assert engine.market_data.tape.gaps_left == 1


def test_trades_are_kept_with_their_books_own_text_of_the_name():
    engine = ready_engine()
    name = "".join(list(TICKER))
    assert name is not TICKER
    tell(engine, trade("t1", 1, ticker=MarketTicker(name)))
    (kept,) = engine.market_data.tape.recent[TICKER]
    assert kept == trade("t1", 1)
    assert kept.ticker is engine.market_data.books[TICKER].ticker
