"""The token buckets as a document: how full they are, and how long each class of requests waits.

Owns: the shape and names of that document; times are seconds.
Must not: wait, or change a bucket.
"""

from __future__ import annotations

from typing import Any

from traderd.kalshi.throttle import BucketStatistics, Throttle


def rate_limits_document(throttle: Throttle) -> dict[str, Any]:
    """Return both buckets; a class that never sent anything is left out."""
    read, write = throttle.statistics()
    return {"read": _bucket(read), "write": _bucket(write)}


def _bucket(bucket: BucketStatistics) -> dict[str, Any]:
    return {
        "tokens": bucket.tokens,
        "capacity": bucket.size.capacity,
        "refill_per_s": bucket.size.refill_rate,
        "reserve": bucket.reserve,
        "refused": bucket.refused,
        "classes": {
            one.traffic.label: {
                "sent": one.sent,
                "waiting": one.waiting,
                "unwanted": one.unwanted,
                "gave_up": one.gave_up,
                "waited_p50_s": round(one.waited_p50_s, 3),
                "waited_p99_s": round(one.waited_p99_s, 3),
            }
            for one in bucket.classes
        },
    }
