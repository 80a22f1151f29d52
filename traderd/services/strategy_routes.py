"""The reads of strategies over HTTP.

Owns: the paths `/v3/strategies` and `/v3/why`.
Must not: make the documents (see `strategy_documents`).
"""

from __future__ import annotations

from typing import Final

import msgspec

from traderd.services.context import Context
from traderd.services.strategy_documents import tenants_document, why_document
from traderd.web.api import ReadRoute
from traderd.web.schema_parts import STRATEGIES, WHY

JSON: Final = "application/json"


def strategy_routes(context: Context) -> tuple[ReadRoute, ...]:
    """Return `/v3/strategies` and `/v3/why`."""
    view = context.view
    return (
        ReadRoute(
            path="/v3/strategies",
            content_type=JSON,
            body=lambda: msgspec.json.encode({"strategies": tenants_document(view)}),
            summary="Every strategy with its parameters, its ticks and how quick it is.",
            schema=STRATEGIES,
        ),
        ReadRoute(
            path="/v3/why",
            content_type=JSON,
            body=lambda: msgspec.json.encode(why_document(view)),
            summary="How the ticks of strategies ended: why there was no trade.",
            schema=WHY,
        ),
    )
