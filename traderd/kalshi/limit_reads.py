"""Reading what the account may send, and telling the throttle.

Owns: which of the exchange's figures are believed; what cannot be believed leaves the lowest tier's in force.
Must not: wait for tokens or spend them by another rule than everybody.
"""

from __future__ import annotations

import contextlib
from typing import Final

from traderd.errors import ExchangeProtocolError, ExchangeRefused
from traderd.kalshi.costs import Cost, cost_table
from traderd.kalshi.limits import BASIC_READ, BASIC_WRITE, BucketSize
from traderd.kalshi.request import Requester
from traderd.kalshi.wire import account, rest

TOKENS_MAX: Final = 1_000_000
"""Bounds a bucket that is believed: hundreds of times the one of the highest tier."""


async def learn_limits(requester: Requester) -> rest.AccountLimits:
    """Read the account's buckets and the list of costs, and go by them from now on.

    A list of costs that is refused or cannot be read leaves what is documented in force.  Cancelling is safe.

    Raises:
        ExchangeError: the buckets could not be read; what was known stays in force.
    """
    limits = await requester.get("/account/limits", rest.AccountLimits)
    requester.throttle.learn_sizes(_size(limits.read, BASIC_READ), _size(limits.write, BASIC_WRITE))
    with contextlib.suppress(ExchangeRefused, ExchangeProtocolError):
        told = await requester.get("/account/endpoint_costs", account.EndpointCostList)
        requester.throttle.costs = cost_table(
            told.default_cost,
            [Cost(each.method, each.path, each.cost) for each in told.endpoint_costs],
        )
    return limits


def _size(told: rest.RateBucket, otherwise: BucketSize) -> BucketSize:
    # Cut to whole tokens, so that ours is never the larger bucket.
    rate, capacity = int(told.refill_rate), int(told.bucket_capacity)
    is_likely = 1 <= rate <= TOKENS_MAX and 1 <= capacity <= TOKENS_MAX
    return BucketSize(rate, capacity) if is_likely else otherwise
