"""`/x/`: the routes of plugins.

Owns: their place below the paths that are ours, and that a POST needs the control token as every verb does.
Must not: know a plugin or call one (the host does).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final, Protocol

from quart import Response, request
from quart_trio import QuartTrio

from traderd.web import api

PATH: Final = "/x/"
"""Where they are, and where they are listed."""


class PluginRouteHost(Protocol):
    """Who calls the plugins."""

    def listing(self) -> dict[str, Any]:
        """Return every route and what failed in plugins."""

    async def answer(
        self,
        method: str,
        plugin: str,
        path: str,
        *,
        query: Mapping[str, str],
        body: Mapping[str, Any],
    ) -> tuple[int, str, bytes]:
        """Return status, content type and body; raises api.Refusal.  Cancelling breaks off a read, not a POST."""


def add_plugin_routes(
    app: QuartTrio, host: PluginRouteHost, *, check_command: Callable[[], None]
) -> None:
    """Add everything under `/x/`."""

    async def listing() -> Response:
        return api.json_answer(host.listing())

    async def serve(plugin: str, path: str) -> Response:
        body: Mapping[str, Any] = {}
        if request.method == "OPTIONS" and (allowed := _methods(host, plugin, path)):
            return Response("", headers={"Allow": ", ".join(allowed)})
        if request.method == "POST":
            check_command()
            body = await api.command_body()
        status, content_type, content = await host.answer(
            "POST" if request.method == "POST" else "GET",
            plugin,
            path,
            query=dict(request.args.items()),
            body=body,
        )
        return Response(content, status=status, content_type=content_type)

    app.add_url_rule(PATH, "plugin routes", listing)
    app.add_url_rule(
        f"{PATH}<plugin>/<path:path>",
        "plugin route",
        serve,
        methods=["GET", "POST", "OPTIONS"],
        # Quart would tell the methods of this one rule, not those of the plugin's route.
        provide_automatic_options=False,
    )


def _methods(host: PluginRouteHost, plugin: str, path: str) -> list[str]:
    served = host.listing()["routes"]
    found = {one["method"] for one in served if one["path"] == f"{PATH}{plugin}/{path}"}
    heads = {"HEAD"} if "GET" in found else set()
    return sorted(found | heads | {"OPTIONS"}) if found else []
