"""One honest exchange, one line that does what lines do, and a repair: books behind it must be right or say that they are not.

The exchange numbers its frames and knows its own books. `BadLine` sends them, loses, doubles, swaps and garbles them,
keeps silent about a market for hours, begins the numbers anew, ends subscriptions and connections, and after each frame
compares every book that a frame could have touched with what the exchange's was after the newest frame that came through.
"""

import random
from collections import Counter, deque

import msgspec

from tests.core.builders import limits, second
from traderd.core.engine import Engine
from traderd.model import events as ev
from traderd.model.events import BookFault
from traderd.model.ids import MarketTicker
from traderd.model.orders import Side
from traderd.model.units import Count, Price, Timestamp

TICKERS = tuple(MarketTicker(f"KX{letter}-26") for letter in "ABCDEF")
BYSTANDER = MarketTicker("KXZ-26")
"""A book of another subscription of the same connections, which nothing here may touch but their end."""
OLD_FRAMES = 20
"""How far back a frame may come from that is told again."""
Levels = dict[tuple[Side, Price], Count]
Frame = tuple[int, ev.Event]
"""A frame and its number in the order in which the exchange sent them, over all subscriptions."""


class BadLine:
    """A session; each method is one step, and every step keeps what it promises or fails."""

    def __init__(self, rng: random.Random) -> None:
        self.rng = rng
        self.engine = Engine(limits=limits())
        self.connection, self.sid, self.seq = 0, 1, 0
        self.clock = 0
        self.deltas = 0
        self.caused: Counter[str] = Counter()
        self.true: dict[MarketTicker, Levels] = {
            ticker: {(Side.BID, Price(40)): Count(5), (Side.ASK, Price(60)): Count(5)}
            for ticker in (*TICKERS, BYSTANDER)
        }
        self._seen: dict[MarketTicker, Levels] = {}
        """The exchange's books after the newest frame that came through."""
        self._seen_index = 0
        self._sent = 0
        self._unseen: dict[int, ev.Event] = {}
        self._old: deque[Frame] = deque(maxlen=OLD_FRAMES)
        self._lost_something = False
        self._silent: MarketTicker | None = None
        """The market that the exchange keeps silent about now."""
        self._bystander_seq = 0
        self._faithful = 0
        """Frames of books that must not be hit: a new count is only known by its second frame."""
        self._connect()

    @property
    def data(self):
        return self.engine.market_data

    @property
    def name(self) -> str:
        return f"{self.connection}:{self.sid}"

    # --- what an exchange sends -------------------------------------------------------------------

    def _number(self, event: ev.Event) -> Frame:
        self._sent += 1
        self._unseen[self._sent] = event
        return self._sent, event

    def _now(self) -> Timestamp:
        self.clock += 1
        return Timestamp(second(0) + self.clock * 1_000_000)

    def _snapshot(self, ticker: MarketTicker) -> Frame:
        self.seq += 1
        levels = self.true[ticker]
        sides = {
            side: tuple((price, count) for (of, price), count in levels.items() if of is side)
            for side in Side
        }
        return self._number(
            ev.BookSnapshot(
                ticker=ticker,
                bids=sides[Side.BID],
                asks=sides[Side.ASK],
                subscription=self.name,
                seq=self.seq,
                at=self._now(),
            )
        )

    def _delta(self) -> Frame:
        heard_of = [each for each in TICKERS if each != self._silent]
        ticker, side = self.rng.choice(heard_of), self.rng.choice((Side.BID, Side.ASK))
        price = Price(self.rng.randint(1, 49) + (50 if side is Side.ASK else 0))
        size = self.true[ticker].get((side, price), 0)
        change = Count(-size if size and self.rng.random() < 0.5 else self.rng.randint(1, 9))
        self.seq += 1
        self.deltas += 1
        event = ev.BookDelta(
            ticker=ticker,
            side=side,
            price=price,
            change=change,
            subscription=self.name,
            seq=self.seq,
            at=self._now(),
        )
        _change(self.true[ticker], event)
        return self._number(event)

    # --- what arrives -----------------------------------------------------------------------------

    def _deliver(self, frame: Frame) -> None:
        index, event = frame
        counted = self._counted()
        told = self.engine.apply(event)
        touched = {event.ticker} if getattr(event, "ticker", None) else set()
        if index > self._seen_index:
            touched |= self._see(index)
            self._old.append(frame)
            if self._lost_something and not self.data.subscription_ended(self.name):
                assert self.data.gaps > counted["gaps"], f"a loss before {event} was not noticed"
            if not self._lost_something:
                assert self.data.gaps == counted["gaps"], f"{event} was taken for a loss"
            self._lost_something = False
        else:
            assert self._counted() != counted, f"{event} came again and was not noticed"
        touched |= {each.ticker for each in told if hasattr(each, "ticker")}
        for ticker in touched:
            self.check(ticker)

    def _see(self, index: int) -> set[MarketTicker]:
        touched = set()
        for passed in range(self._seen_index + 1, index + 1):
            event = self._unseen.pop(passed)
            if isinstance(event, ev.BookDelta):
                _change(self._seen[event.ticker], event)
                touched.add(event.ticker)
            elif isinstance(event, ev.BookSnapshot):
                self._seen[event.ticker] = {
                    **{(Side.BID, price): count for price, count in event.bids},
                    **{(Side.ASK, price): count for price, count in event.asks},
                }
                touched.add(event.ticker)
        self._seen_index = index
        return touched

    def _counted(self) -> Counter[str]:
        data = self.data
        return Counter(gaps=data.gaps, stale=data.stale_frames, unexpected=data.unexpected_frames)

    def check(self, ticker: MarketTicker) -> None:
        """Assert that a book is right, or says that it is not."""
        book = self.data.books.get(ticker)
        if book is None or not book.usable:
            return
        ours = {(side, price): count for side in Side for price, count in book.levels(side).items()}
        assert ours == self._seen[ticker], f"the book of {ticker} is wrong and does not say so"

    def check_all(self) -> None:
        """Assert the same of every book, and that the bystander was left alone."""
        for ticker in self.data.books:
            self.check(ticker)
        assert self.data.books[BYSTANDER].usable
        wrong = [b.ticker for b in self.data.books.values() if b.fault is BookFault.NEGATIVE_LEVEL]
        assert wrong == [], "an honest exchange takes nothing away that is not there"

    # --- steps ------------------------------------------------------------------------------------

    def change(self) -> None:
        """Send one change that arrives."""
        self._deliver(self._delta())
        self._faithful = max(0, self._faithful - 1)

    def lose(self) -> None:
        """Send one change that does not arrive."""
        if not self._faithful:
            self._delta()
            self._lost_something = True
            self.caused["lost"] += 1

    def acknowledge(self) -> None:
        """Send a reply that uses a number up."""
        self.seq += 1
        self._deliver(self._number(self._reply()))

    def acknowledge_again(self) -> None:
        """Send a reply that carries the last number once more; only harmless when the last frame came through."""
        if self.seq and not self._lost_something:
            self.engine.apply(self._reply())
            self.check_all()

    def _reply(self) -> ev.SequenceAdvanced:
        return ev.SequenceAdvanced(subscription=self.name, seq=self.seq, at=self._now())

    def double(self) -> None:
        """Send one change that arrives twice."""
        if self._faithful:
            return
        frame = self._delta()
        self._deliver(frame)
        usable = self.data.usable_books()
        self._deliver((frame[0], msgspec.structs.replace(frame[1], at=self._now())))
        assert self.data.usable_books() == usable, "a copy is harmless"
        self.caused["doubled"] += 1

    def garble(self) -> None:
        """Send one change that arrives and cannot be understood: of it is read what can be, or nothing at all."""
        if self._faithful:
            return
        index, event = self._delta()
        readable = self.rng.choice(("market", "subscription", "nothing"))
        refused = ev.FrameRefused(
            at=event.at,
            feed=ev.FeedName.MARKET_DATA,
            kind="unreadable" if readable == "nothing" else "orderbook_delta",
            reason="garbled",
            drift=ev.Drift.UNREADABLE if readable == "nothing" else ev.Drift.WRONG_VALUE,
            subscription="" if readable == "nothing" else self.name,
            seq=0 if readable == "nothing" else event.seq,
            ticker=event.ticker if readable == "market" else None,
            connection=self.connection if readable == "nothing" else 0,
        )
        self.caused["garbled"] += 1
        usable = self.data.usable_books()
        if readable == "nothing":
            self.engine.apply(refused)
            self._see(index)
            assert self.data.usable_books() == 0, "it may have been a frame of any book"
            # Its number was not read either.
            self._lost_something = True
            self._send_bystander()
            return
        lost_before = self._lost_something
        self._deliver((index, refused))
        book = self.data.books.get(event.ticker)
        assert book is None or not book.usable, "nobody knows what the change was"
        if readable == "market" and (book is None or book.subscription != self.name):
            assert self.data.usable_books() <= 1, "its name may be one of ours, misread"
        elif readable == "market" and not (lost_before or self.data.subscription_ended(self.name)):
            assert self.data.usable_books() >= usable - 1, "no other book was concerned"

    def fall_silent(self, hours: int = 8) -> None:
        """Let the exchange keep silent about one market for hours, while the line is heard."""
        self._silent = self.rng.choice(TICKERS)
        self.caused["silent"] += 1
        was_good = self._is_good(self._silent)
        for _ in range(hours):
            self.clock += 3_600_000
            now = self._now()
            self.engine.apply(
                ev.LineObserved(at=now, connection=self.connection, heard_at=now, clock_offset_ms=0)
            )
        assert self._is_good(self._silent) == was_good, "silence of a market is no fault"
        self.check_all()

    def speak_again(self) -> None:
        """Let the exchange tell of every market again."""
        self._silent = None

    def repeat_old(self) -> None:
        """Deliver an old frame of this subscription once more."""
        of_now = [
            frame
            for frame in self._old
            if frame[1].subscription == self.name and not isinstance(frame[1], ev.SequenceAdvanced)
        ]
        if of_now and not self._faithful:
            self._deliver(self.rng.choice(of_now))
            self.caused["repeated"] += 1

    def swap(self) -> None:
        """Send some changes of which the first arrives last."""
        if self._faithful:
            return
        late, *others = [self._delta() for _ in range(self.rng.randint(2, 4))]
        self._lost_something = True
        for frame in (*others, late):
            self._deliver(frame)
        self.caused["swapped"] += 1

    def restart_numbers(self) -> None:
        """Begin the numbers anew without saying so."""
        if not self._lost_something:
            self.seq, self._faithful = 0, 2
            self.caused["restarted"] += 1

    def end_subscription(self) -> None:
        """End the subscription as the exchange does when we read too slowly."""
        self.engine.apply(
            ev.SubscriptionEnded(at=self._now(), subscription=self.name, reason="error 25")
        )
        assert self.data.usable_books() == 1
        self.caused["ended"] += 1

    def reconnect(self) -> None:
        """Lose the connection and make a new one."""
        self._disconnect()
        assert self.data.usable_books() == 0
        self._connect()
        self.caused["reconnected"] += 1

    def repair(self) -> int:
        """Ask for what is in doubt, as the repair does, over a line that delivers; returns how many snapshots came."""
        if self.data.subscription_ended(self.name):
            self._subscribe()
            return len(TICKERS) - (self._silent is not None)
        doubtful = [
            ticker for ticker in TICKERS if ticker != self._silent and not self._is_good(ticker)
        ]
        for ticker in doubtful:
            self._deliver(self._snapshot(ticker))
        self._faithful = max(0, self._faithful - len(doubtful))
        return len(doubtful)

    def recover(self) -> None:
        """Let the line be good again: what was lost shows, and one snapshot each makes every book right."""
        self.speak_again()
        while self._faithful:
            self.change()
        self.acknowledge()
        wrong = len([ticker for ticker in TICKERS if not self._is_good(ticker)])
        asked = self.repair()
        assert asked == wrong or asked == len(TICKERS)
        assert [ticker for ticker in TICKERS if not self._is_good(ticker)] == []
        self.check_all()
        assert self._seen == self.true

    def _is_good(self, ticker: MarketTicker) -> bool:
        book = self.data.books.get(ticker)
        return book is not None and book.usable and book.subscription == self.name

    def _disconnect(self) -> None:
        self.engine.apply(
            ev.FeedDisconnected(
                at=self._now(),
                feed=ev.FeedName.MARKET_DATA,
                connection=self.connection,
                reason="reset",
            )
        )

    def _connect(self) -> None:
        self.connection, self.sid = self.connection + 1, 0
        self._subscribe()
        self._bystander_seq = 0
        self._send_bystander()

    def _send_bystander(self) -> None:
        self._seen[BYSTANDER] = self.true[BYSTANDER]
        self._bystander_seq += 1
        self.engine.apply(
            ev.BookSnapshot(
                ticker=BYSTANDER,
                bids=((Price(40), Count(5)),),
                asks=((Price(60), Count(5)),),
                subscription=f"{self.connection}:900",
                seq=self._bystander_seq,
                at=self._now(),
            )
        )

    def _subscribe(self) -> None:
        self.sid, self.seq, self._faithful = self.sid + 1, 0, 0
        self._lost_something = False
        for ticker in TICKERS:
            if ticker != self._silent:
                self._deliver(self._snapshot(ticker))


def _change(levels: Levels, event: ev.BookDelta) -> None:
    key = event.side, event.price
    size = levels.get(key, 0) + event.change
    if size:
        levels[key] = Count(size)
    else:
        del levels[key]
