"""Order entry: create, cancel, amend, decrease, and the checks in front of each.

Owns: the rules of Kalshi's order entry and their codes. Every check comes before the first change, so a refusal
changes nothing.
Must not: read a clock, know the wire, or move contracts itself (`floor`).
"""

from __future__ import annotations

from functools import lru_cache
from typing import Final

import attrs

from traderd.model.ids import ClientOrderId, OrderId
from traderd.model.market import MarketStatus, PriceGrid
from traderd.model.orders import OrderStatus, OrderTerms, SelfTradePrevention, TimeInForce
from traderd.model.units import ONE_DOLLAR, Count, Price, Timestamp
from traderd.paper import choices
from traderd.paper.venue.accounts import Account, Wallet
from traderd.paper.venue.crossing import GROUP_STOP, Crossing, Incoming
from traderd.paper.venue.floor import Floor
from traderd.paper.venue.listings import VenueMarket
from traderd.paper.venue.messages import CancelReply, VenueRefusal
from traderd.paper.venue.records import VenueOrder

TRADING_PAUSE: Final = "trading_is_paused"
EXCHANGE_PAUSE: Final = "exchange_is_paused"
"""Kalshi: the codes of the two pauses, which also differ in whether cancels are taken."""

GRIDS_MAX: Final = 64
"""Bounds the grids whose prices are remembered, 10 kB each: Kalshi has about a dozen."""
_NOT_FOUND: Final = (404, "not_found")


@attrs.define(eq=False)
class OrderEntry:
    """The door that orders come through."""

    floor: Floor
    crossing: Crossing = attrs.field(init=False)
    paused: str | None = None
    """TRADING_PAUSE or EXCHANGE_PAUSE while one is on."""
    _allowed: dict[PriceGrid, bytes] = attrs.field(factory=dict)

    def __attrs_post_init__(self) -> None:
        self.crossing = Crossing(self.floor)

    # --- create -----------------------------------------------------------------------------------

    def create(
        self,
        account: Account,
        terms: OrderTerms,
        client_order_id: ClientOrderId | None,
        now: Timestamp,
        *,
        cancel_on_pause: bool = False,
        subaccount: int = 0,
        group_id: str | None = None,
        in_no_terms: bool = False,
    ) -> VenueOrder:
        """Match an order and rest what its time in force leaves; return its live record.

        Raises:
            VenueRefusal: nothing was changed; the codes are Kalshi's (section "Codes" of its error page).
        """
        market = self.floor.market(terms.ticker)
        wallet = account.wallet(subaccount)
        # Before anything that may have changed since: a repeated create has to prove its first arrival.
        self.check_client_order_id(account, client_order_id)
        self.check_trading()
        self.check_open(market, now)
        self._check_terms(account, market, terms, now)
        if group_id is not None:
            self.floor.groups.check(account, group_id, subaccount)
        wanted = terms.count
        if terms.reduce_only:
            # An immediate order trades before anything that rests, so the whole position is its to close.
            wanted = Count(min(wanted, wallet.closable(terms.ticker, terms.side)))
        order = VenueOrder(
            order_id=OrderId(self.floor.new_id()),
            account_id=account.account_id,
            client_order_id=client_order_id,
            ticker=terms.ticker,
            side=terms.side,
            price=terms.price,
            initial_count=terms.count,
            remaining_count=wanted,
            time_in_force=terms.time_in_force,
            created_at=now,
            updated_at=now,
            expires_at=terms.expires_at,
            self_trade_prevention=terms.self_trade_prevention,
            post_only=terms.post_only,
            reduce_only=terms.reduce_only,
            cancel_on_pause=cancel_on_pause,
            subaccount=subaccount,
            group_id=group_id,
            in_no_terms=in_no_terms,
        )
        if not wallet.can_spend(wallet.needed_for(order, market.fees)):
            raise VenueRefusal(400, "insufficient_balance")
        account.orders[order.order_id] = order
        if client_order_id is not None:
            account.client_order_ids[client_order_id] = order.order_id
        self.run(account, wallet, market, order, now)
        return order

    def run(
        self,
        account: Account,
        wallet: Wallet,
        market: VenueMarket,
        order: VenueOrder,
        now: Timestamp,
    ) -> Incoming:
        """Match an order that is not on the book, decide what becomes of its rest, and tell the account.

        The order comes once, with its final counts, and its fills after it (Kalshi: emission seen on the margin
        exchange).
        """
        floor = self.floor
        incoming = Incoming(account, wallet, order.side, order.price, order.remaining_count, order)
        self.crossing.match(market, incoming, now)
        if (
            incoming.remaining > 0
            and incoming.stopped_by is None
            and order.time_in_force is TimeInForce.GOOD_TILL_CANCELED
        ):
            order.remaining_count = incoming.remaining
            order.status = OrderStatus.RESTING
            floor.rest(account, market, order, now)
        else:
            _end(order, incoming)
        floor.tell_order(account, order, now)
        if incoming.fills:
            floor.outbox.extend(incoming.fills)
            floor.tell_position(account, wallet, market.ticker, now)
        return incoming

    # --- checks -----------------------------------------------------------------------------------

    def check_client_order_id(
        self, account: Account, client_order_id: ClientOrderId | None
    ) -> None:
        """Refuse an id that was used before (409) or is no name but a text (400)."""
        if client_order_id is None:
            return
        if client_order_id in account.client_order_ids:
            raise VenueRefusal(409, "order_already_exists")
        if len(client_order_id) > choices.CLIENT_ORDER_ID_CHARACTERS_MAX:
            raise VenueRefusal(400, "invalid_parameters", details="client_order_id is too long")

    def check_trading(self) -> None:
        """Refuse new risk during a pause; raises VenueRefusal 409."""
        if self.paused is not None:
            raise VenueRefusal(409, self.paused)

    def check_open(self, market: VenueMarket, now: Timestamp) -> None:
        """Refuse new risk in a market that does not trade; raises VenueRefusal."""
        if market.is_active and now < market.close_time:
            return
        if market.status is MarketStatus.INACTIVE and now < market.close_time:
            raise VenueRefusal(*choices.INACTIVE_MARKET)
        raise VenueRefusal(400, "market_inactive")

    def check_price(self, market: VenueMarket, price: Price) -> None:
        """Refuse a price off the market's grid; raises VenueRefusal 400 `invalid_price`."""
        allowed = self._allowed.get(market.grid)
        if allowed is None:
            allowed = self._allowed[market.grid] = allowed_prices(market.grid)
        if not 0 < price < ONE_DOLLAR or not allowed[price]:
            raise VenueRefusal(400, "invalid_price")

    def _check_terms(
        self, account: Account, market: VenueMarket, terms: OrderTerms, now: Timestamp
    ) -> None:
        self.check_price(market, terms.price)
        if terms.count > choices.ORDER_COUNT_MAX:
            raise VenueRefusal(400, "invalid_order_size", details="count is too large")
        if terms.expires_at is not None and terms.expires_at <= now:
            raise VenueRefusal(400, "invalid_order", details=choices.EXPIRY_IN_THE_PAST)
        book = self.floor.books[market.ticker]
        if terms.post_only and book.next_match(terms.side, terms.price) is not None:
            raise VenueRefusal(400, "invalid_order", details="post only cross")
        if terms.time_in_force is TimeInForce.FILL_OR_KILL:
            # Own orders that would only be canceled fill nothing; one that stops the taker counts (Kalshi: a
            # fill-or-kill order that meets itself is treated as an immediate one).
            gives_way = terms.self_trade_prevention is SelfTradePrevention.MAKER
            there = book.crossing_volume(
                terms.side, terms.price, without=account.account_id if gives_way else None
            )
            if there < terms.count:
                raise VenueRefusal(409, "fill_or_kill_insufficient_resting_volume")

    def find_resting(
        self, account: Account, order_id: str, now: Timestamp, subaccount: int | None
    ) -> VenueOrder:
        """Return a live order that can be changed; unknown, canceled and executed ones are refused alike."""
        order = account.orders.get(OrderId(order_id))
        if order is None or not order.is_resting or subaccount not in (None, order.subaccount):
            raise VenueRefusal(*_NOT_FOUND)
        market = self.floor.markets[order.ticker]
        tradable = market.status in (MarketStatus.ACTIVE, MarketStatus.INACTIVE)
        if not tradable or now >= market.close_time:
            raise VenueRefusal(400, "market_inactive")
        if market.status is MarketStatus.INACTIVE and not choices.CANCEL_IN_INACTIVE_MARKET:
            raise VenueRefusal(*choices.INACTIVE_MARKET)
        return order

    # --- cancel -----------------------------------------------------------------------------------

    def cancel(
        self, account: Account, order_id: str, now: Timestamp, *, subaccount: int | None = None
    ) -> CancelReply:
        """Take an order off the book.

        Raises:
            VenueRefusal: 404 `not_found` for one that is unknown, canceled or executed, all alike;
                400 `market_inactive` after the close; 409 `exchange_is_paused`.
        """
        self.check_cancels()
        order = self.find_resting(account, order_id, now, subaccount)
        reduced_by = self.floor.cancel(account, order, None, now)
        return CancelReply(order=order.snapshot(), reduced_by=reduced_by)

    def cancel_all(self, account: Account, subaccount: int | None, now: Timestamp) -> int:
        """Cancel every order of an account, or of one subaccount, that can be; return how many."""
        self.check_cancels()
        ended = 0
        for order in tuple(self._live(account)):
            market = self.floor.markets[order.ticker]
            if subaccount in (None, order.subaccount) and now < market.close_time:
                self.floor.cancel(account, order, None, now)
                ended += 1
        return ended

    def cancel_for_pause(self, now: Timestamp) -> None:
        """Cancel the orders that asked not to outlive the beginning of a pause."""
        for account in tuple(self.floor.accounts.values()):
            for order in tuple(self._live(account)):
                if order.cancel_on_pause:
                    self.floor.cancel(account, order, "HaltCancel", now)

    def check_cancels(self) -> None:
        """Refuse cancels while the whole exchange is paused; raises VenueRefusal 409."""
        if self.paused == EXCHANGE_PAUSE:
            raise VenueRefusal(409, EXCHANGE_PAUSE)

    def _live(self, account: Account) -> list[VenueOrder]:
        return [order for wallet in account.wallets.values() for order in wallet.all_resting()]


@lru_cache(maxsize=GRIDS_MAX)
def allowed_prices(grid: PriceGrid) -> bytes:
    """Return a byte per price there is, 1 for those of the grid: looking one up is quicker than asking every band."""
    return bytes(grid.allows(Price(each)) for each in range(ONE_DOLLAR + 1))


def _end(order: VenueOrder, incoming: Incoming) -> None:
    # What of an order does not rest: executed when all of it traded, else canceled.
    reduced = order.reduce_only and not incoming.remaining
    order.remaining_count = Count(0)
    if order.fill_count == order.initial_count or not (
        incoming.remaining or incoming.stopped_by or reduced
    ):
        order.status = OrderStatus.EXECUTED
        return
    partly = order.fill_count and order.time_in_force is TimeInForce.IMMEDIATE_OR_CANCEL
    if partly and not choices.PARTLY_FILLED_IOC_IS_CANCELED:
        order.status = OrderStatus.EXECUTED
        return
    order.status = OrderStatus.CANCELED
    if incoming.stopped_by is not None:
        order.reason = None if incoming.stopped_by == GROUP_STOP else incoming.stopped_by
    elif reduced:
        order.reason = "ReduceOnlyCancel"
