"""What this exchange does where nobody outside knows what Kalshi does: each choice, once, with its reason.

Owns: every decision that the public material leaves open or contradicts. Code elsewhere asks these names, so a
later capture changes one line.
Must not: hold a fact that is documented or captured; those live with the code that they are about.
"""

from __future__ import annotations

from typing import Final

from traderd.model.units import NS_PER_S

CLOCK_PAST_S: Final = 10
CLOCK_FUTURE_S: Final = 30
"""Bound a client's clock. On the demo 5 s either way was taken and 30 s in the past was not; the sibling
exchange took 30 s in the future."""

BALANCE_IS_AVAILABLE: Final = True
"""Whether `balance` has the collateral of resting orders taken off: three sources disagree. The default of a switch."""

SELF_TRADE_SPANS_SUBACCOUNTS: Final = True
"""Whether orders of two subaccounts of one member are the same person's: they are the same person."""

PARTLY_FILLED_IOC_IS_CANCELED: Final = True
"""The final status of an immediate order that filled in part: what was asked for did not execute whole."""

INACTIVE_MARKET: Final = (409, "trading_is_paused")
"""How a create is refused in a market that is paused by itself: production answered so for 31 minutes."""
CANCEL_IN_INACTIVE_MARKET: Final = True
"""Whether a cancel is taken there: an order that cannot be withdrawn would be worse than one that can."""

CLOSE_SWEEP_NS: Final = 1 * NS_PER_S
"""How long after the close resting orders are canceled: "shortly". Until then cancels are refused."""

GROUP_TRIGGERED: Final = (409, "exceeded_order_group_risk_limit")
GROUP_UNKNOWN: Final = (404, "order_group_not_found")
"""How an order is refused whose group was triggered, or is not there: the FIX reasons in lower case."""
EXPIRY_IN_THE_PAST: Final = "Expiration timestamp must be in the future"
"""Details of `invalid_order`: the sentences are documented, their code is not."""

DECREASE_TO_ZERO_CANCELS: Final = True
"""What `reduce_to: "0.00"` does in V2: the schema allows it, V1 canceled."""

QUEUE_COUNTS_BETTER_PRICES: Final = True
"""Whether a queue position counts the contracts at better prices: they too have to trade first."""

ACKS_CONSUME_SEQ: Final = True
"""Whether `ok` and `unsubscribed` use up a number: the schema gives them one, and the recording of 2026-08-07
counts them."""

UNKNOWN_TICKERS_ARE_SILENT: Final = True
"""What a subscription to a market that is not there gets: error 16 was retired and nothing took its place."""

MARKET_IDS_ELSEWHERE: Final = 11
"""The error for markets named by id on a channel that knows tickers only: to ignore them would be to send all."""

SNAPSHOT_OF_ALL_TICKERS: Final = True
"""Whether `send_initial_snapshot` without markets shows every market: "current values", of what was asked for."""

COUNT_PER_TICKER_DOLLAR: Final = 2 * 100
"""What one dollar of `dollar_volume` and `dollar_open_interest` stands for, in 1/100 contract. Recordings of July and
August 2026 have half a dollar a contract, cut: a volume of 2233487.48 showed 1116743."""

POSITION_FEE_COST_IS_FEES_PAID: Final = True
"""What `position_fee_cost_dollars` is: which fees belong to the open contracts is said nowhere, the samples show
all of them."""

ANONYMOUS_READS_ARE_FREE: Final = True
"""Whether public reads without a key are limited: a limit is documented for accounts only."""

LIQUIDITY_DOLLARS: Final = "0.0000"
"""What a market's `liquidity_dollars` shows. Kalshi took the field away on 2026-10-01, and every capture before that
shows this; a third-party client of the newest schema still insists on it, and nobody minds one field more."""

DAYS_END_IN_NEW_YORK: Final = True
"""Whether daily candles end at midnight US Eastern: every public capture of one does."""
EVENT_FEE_CHANGES_SHOW_THE_PAST: Final = True
"""Whether `/events/fee_changes` lists what has come too: unlike that of series it has no switch for it, and there is
no other way to see it."""

BATCH_READS_SKIP_UNKNOWN: Final = True
"""Whether books and candles of several markets leave out a ticker that is not there: a batch of a hundred should not
fail because one of them has been archived since."""

SCALAR_STEP: Final = 10_000
"""Scalar payouts are whole cents, in Money, rounded down for both sides; the exchange keeps the rest."""


HISTORICAL_AFTER_S: Final = 14 * 86_400
"""Age at which closed orders, fills, trades and settled markets move to the historical tier: about two weeks."""

ORDER_COUNT_MAX: Final = 1_000_000_000 * 100
"""Bounds one order, in 1/100 contract: no maximum is documented, and sums of such orders stay exact."""

CLIENT_ORDER_ID_CHARACTERS_MAX: Final = 512
"""Bounds a client order id: none is documented, a UUID has 36, and every one is kept for ever."""

TRADED_LEVELS_NAME_THE_TAKER: Final = True
"""Whose copy of a traded level's delta carries a client order id: the documented one is that of the order that caused
the change, and a trade is caused by the order that came in, not by the one that waited."""

SCOPE_MISSING: Final = "this API key does not have the scope {scope}"
OTHER_SUBACCOUNT: Final = (
    "this API key is restricted to a single sub-account and cannot act on another"
)
"""What is said beside 403 `forbidden`: only the sentence for whole endpoints is documented."""
LOCKED_KEYS_HAVE_NO_FEED: Final = True
"""Whether a key that is locked to one subaccount is refused a WebSocket: the note of 2026-07-02 says so, and none since
says otherwise."""
FEED_SCOPE: Final = "read"
"""What a WebSocket needs: it shows everything that the account's reads show."""

SUBACCOUNTS_ARE_FOR_ALL: Final = True
"""Whether everybody may open subaccounts (Kalshi: Advanced tier and above), and likewise bring a public key (Kalshi:
Premier). A bot that does so has that tier there, and should not fail here for want of a switch."""
UNLIMITED_LOOKS_LIKE: Final = "prestige"
"""Which tier an account without limits is shown to have: clients pace themselves by its figures, and know its name."""
MONTH_VOLUME: Final = 10_000_000_000 * 100
"""What last month's volume of the whole exchange is taken to be, in 1/100 contract: ours has no last month, and the
volume goals of the tiers are shares of it."""
NO_RFQS: Final = (400, "rfq_not_supported")
"""How an RFQ, a quote or a block trade is refused by an exchange that has none; a 5xx would ask to try again."""
EMPTY_SCOPES_ARE_REFUSED: Final = True
"""Whether a key that asks for no scopes at all is refused: to give it all of them would be a surprise."""

POSITION_FLOOR: Final = (400, "exceeded_sell_position_floor")
"""How a V1 sale is refused that would end below its `sell_position_floor`: the FIX reason in lower case."""
MARKET_ORDERS_ARE_IMMEDIATE: Final = True
"""Whether what a V1 market order did not fill is canceled: at the extreme price it would rest as the worst of quotes."""
MAX_COST_HAS_FEES: Final = False
"""Whether a V1 order's `buy_max_cost` has to cover the fees too: it is called the cost."""
