"""Paying out: what every position of a market gets when it is final.

Owns: payouts, settlement records, and what rounding leaves over (Kalshi: settlement pays $1 per winning contract; a
scalar pays its value to YES and the complement to NO, in whole cents).
Must not: decide when (`lifecycle`), and never pays a position twice.
"""

from __future__ import annotations

from traderd.model.units import ONE_DOLLAR, Count, Money, Price, Timestamp
from traderd.paper import choices
from traderd.paper.venue.accounts import Account, Wallet
from traderd.paper.venue.floor import Floor
from traderd.paper.venue.listings import Result, VenueMarket
from traderd.paper.venue.records import Position, Settlement


def settle_market(floor: Floor, market: VenueMarket, now: Timestamp) -> None:
    """Pay every position of a market that has its result; a position is paid once."""
    assert market.result is not None, "only a determined market settles"
    pairs = paid = 0
    for account in floor.accounts.values():
        for wallet in account.wallets.values():
            position = wallet.positions.get(market.ticker)
            if position is None or position.settled:
                continue
            pairs += max(0, position.count)
            paid += _settle(floor, market, account, wallet, position, now)
    # Each pair put in a dollar; what rounding did not pay out stays here, so no money is lost.
    floor.dust = Money(floor.dust + pairs * ONE_DOLLAR - paid)


def payout(count: Count, value: Price, result: Result) -> Money:
    """Return what a signed position gets at a value."""
    per_count = value if count > 0 else ONE_DOLLAR - value
    amount = abs(count) * per_count
    if result is Result.SCALAR:
        amount -= amount % choices.SCALAR_STEP
    return Money(amount)


def _settle(
    floor: Floor,
    market: VenueMarket,
    account: Account,
    wallet: Wallet,
    position: Position,
    now: Timestamp,
) -> Money:
    assert market.result is not None
    assert market.settlement_value is not None
    revenue = payout(position.count, market.settlement_value, market.result)
    settlement = Settlement(
        account_id=account.account_id,
        subaccount=wallet.number,
        ticker=market.ticker,
        event_ticker=market.event_ticker,
        result=market.result,
        value=market.settlement_value,
        yes_count=Count(max(0, position.count)),
        yes_cost=position.exposure if position.count > 0 else Money(0),
        no_count=Count(max(0, -position.count)),
        no_cost=position.exposure if position.count < 0 else Money(0),
        revenue=revenue,
        fees=position.fees_paid,
        at=now,
    )
    wallet.cash = Money(wallet.cash + revenue)
    wallet.updated_at = now
    position.realized_pnl = Money(position.realized_pnl + revenue - position.exposure)
    position.exposure = Money(0)
    position.count = Count(0)
    position.settled = True
    position.updated_at = now
    floor.touch(wallet)
    floor.touch(position)
    if settlement.yes_count + settlement.no_count and not account.is_street:
        account.settlements.append(settlement)
        floor.touch(settlement)
        floor.tell_position(account, wallet, market.ticker, now)
    return revenue
