"""What is said of books in doubt: each doubt once, with its reason, and its end."""

import structlog
import trio

from traderd.model.ids import MarketTicker
from traderd.services.doubt_log import NAMES_TOLD, REASONS_TOLD, DoubtLog, names

TICKERS = tuple(MarketTicker(f"KX{letter}") for letter in "ABCDEFG")
A, B, C = TICKERS[:3]


class Told(DoubtLog):
    """A log of doubts that keeps its lines; each book's reason is in `reasons`, else one for all."""

    def __init__(self) -> None:
        self.lines: list[tuple[str, str]] = []
        self.reasons: dict[MarketTicker, str] = {}
        log = structlog.wrap_logger(None, processors=[self._keep])
        super().__init__(log, lambda ticker: self.reasons.get(ticker, "seq 5 is missing"))

    def _keep(self, _logger: object, level: str, event: structlog.typing.EventDict) -> str:
        self.lines.append((level, event["event"]))
        raise structlog.DropEvent

    def take(self) -> list[tuple[str, str]]:
        lines, self.lines = self.lines, []
        return lines


async def test_a_doubt_is_told_once_with_its_reason_and_so_is_its_end(autojump_clock):
    log = Told()
    log.tell([A, B], followed=TICKERS)
    assert log.take() == [("warning", "2 books in doubt: seq 5 is missing (KXA, KXB)")]
    await trio.sleep(0.25)
    log.tell([A, B], followed=TICKERS)
    assert log.take() == []
    log.tell([A], followed=TICKERS)
    assert log.take() == [("info", "1 book good again after 0.25 s (KXB), 1 still in doubt")]
    await trio.sleep(1.0)
    log.tell([], followed=TICKERS)
    assert log.take() == [("info", "1 book good again after 1.25 s (KXA)")]
    log.tell([A], followed=TICKERS)
    assert len(log.take()) == 1, "a new doubt is news"


async def test_books_of_two_doubts_that_end_together_keep_their_two_lengths(autojump_clock):
    log = Told()
    log.tell([A], followed=TICKERS)
    await trio.sleep(4.0)
    log.tell([A, B], followed=TICKERS)
    await trio.sleep(0.5)
    log.take()
    log.tell([], followed=TICKERS)
    assert log.take() == [("info", "2 books good again after 0.50 to 4.50 s (KXA, KXB)")]


async def test_a_market_that_nobody_follows_any_more_is_not_called_good(autojump_clock):
    log = Told()
    log.tell([A, B], followed=TICKERS)
    log.take()
    log.tell([B], followed=[B])
    assert log.take() == []


async def test_one_burst_makes_few_lines_however_many_reasons_it_has(autojump_clock):
    log = Told()
    log.reasons = {ticker: f"a level of {ticker} is wrong" for ticker in TICKERS[1:]}
    log.reasons[B] = log.reasons[C]
    log.tell(TICKERS, followed=TICKERS)
    lines = [line for _, line in log.take()]
    assert len(lines) == REASONS_TOLD + 1
    assert lines[0] == "2 books in doubt: a level of KXC is wrong (KXB, KXC)"
    assert lines[-1] == "3 books in doubt for other reasons (KXE, KXF, KXG)"


def test_only_the_first_few_markets_are_named():
    assert names(TICKERS[:NAMES_TOLD]) == "KXA, KXB, KXC"
    assert names(TICKERS) == "KXA, KXB, KXC and 4 more"
