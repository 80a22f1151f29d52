"""The console's application for this daemon: every route that is served, from all who contribute some.

Owns: the list of the contributors.
Must not: be imported before the console is wanted: the web stack costs start-up time.
"""

from __future__ import annotations

import trio
from quart_trio import QuartTrio

from traderd.services.console_source import DaemonSource
from traderd.services.context import Context
from traderd.services.metrics import metrics_route
from traderd.services.plugin_routes import PluginRoutes, notices_route
from traderd.services.strategy_routes import strategy_routes
from traderd.web.access import AccessRules
from traderd.web.http_app import create_app
from traderd.web.live import LiveHub


def make_app(
    context: Context, source: DaemonSource, hub: LiveHub, access: AccessRules, stop: trio.Event
) -> QuartTrio:
    """Return the application; its live streams end when `stop` is set."""
    return create_app(
        source,
        hub,
        access=access,
        stop=stop,
        extra_routes=(metrics_route(context), notices_route(context), *strategy_routes(context)),
        plugin_routes=PluginRoutes(context),
    )
