"""Imports point down only: which part may know which, function-level imports included."""

import ast
from collections.abc import Iterator

import pytest

from tests.architecture.sources import PACKAGE, module_name, python_files, relative

LOW = ("errors", "model")
ALLOWED: dict[str, tuple[str, ...]] = {
    "errors": (),
    "model": ("errors",),
    "core": LOW,
    "runtime": ("errors",),
    "kalshi": (*LOW, "runtime"),
    "paper": (*LOW, "runtime", "kalshi", "store"),
    "store": (*LOW, "runtime"),
    "web": (*LOW, "core", "runtime"),
    "replay": (*LOW, "core", "runtime", "store", "kalshi", "paper"),
    "services": (
        *(*LOW, "core", "runtime", "kalshi", "paper", "store", "web", "replay"),
        *("config", "hookspecs", "plugin_api"),
    ),
    "config_layers": ("errors",),
    "config_values": ("errors", "config_layers"),
    "config_risk": LOW,
    "config_orders": LOW,
    "config_strategies": (*LOW, "config_orders"),
    "config_notify": (*LOW, "config_risk"),
    "config_web": ("errors",),
    "config": (*LOW, "runtime", "config_layers", "config_values", "config_risk", "config_orders"),
    # To train a policy: the exchange's pure core and ours, side by side; nothing of ours imports it.
    "gym": (*LOW, "core", "paper"),
    "plugin_api": (*LOW, "core", "runtime", "web", "services", "config"),
    "hookspecs": (*LOW, "core", "runtime", "config", "plugin_api"),
}
"""What each part may import besides itself; parts that are not listed hold the whole together."""
ONE_PART = dict.fromkeys(
    (
        *("config_layers", "config_values", "config_risk", "config_orders", "config_strategies"),
        *("config_notify", "config_web", "config_secrets"),
    ),
    "config",
) | dict.fromkeys(
    (
        *("plugin_checks", "plugin_extensions", "plugin_files", "plugin_offers"),
        *("plugin_opening", "plugin_registry"),
    ),
    "plugin_manager",
)
"""Files at the top that are pieces of one part."""
COMPOSITION = (
    "app",
    "app_plugins",
    "app_supervision",
    "app_venue",
    "cli",
    "plugin_manager",
    "testing",
    "__main__",
)
"""They may import everything below; only they may import each other."""
FORBIDDEN_MODULES = {"web": ("traderd.core.engine",)}
"""Finer than parts: the web reads frozen views, never the engine."""
PURE = (
    "traderd.model",
    "traderd.core",
    "traderd.kalshi.costs",
    "traderd.kalshi.limits",
    "traderd.kalshi.wire",
    "traderd.paper.venue.matching",
    "traderd.paper.venue.accounts",
    "traderd.paper.venue.venue",
)
"""Sans-IO: no await, no clock, no log."""
IO_LIBRARIES = (
    "trio",
    "httpx",
    "structlog",
    "time",
    "random",
    "logging",
    "apsw",
    "quart",
    "hypercorn",
)
HOOK_PREFIX = "traderd_"
"""A module that defines a function of such a name is a plugin: in `services/`, a service."""


def imports(source: str) -> Iterator[tuple[int, str, bool]]:
    """Yield (line, dotted target, at module level) for each import, wherever it stands."""
    tree = ast.parse(source)
    top = list(ast.iter_child_nodes(tree))
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            targets = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            targets = [f"{node.module}.{alias.name}" for alias in node.names]
        else:
            continue
        for target in targets:
            yield node.lineno, target, node in top


def part_of(module: str) -> str:
    """Return the part of the package that a module belongs to: `traderd.core.book` is `core`."""
    name = module.split(".")[1] if module.startswith(f"{PACKAGE}.") else ""
    return ONE_PART.get(name, name)


def layer_faults(source: str, module: str) -> list[str]:
    """Return the imports of a module that point up or aside."""
    part, faults = part_of(module), []
    for line, target, _ in imports(source):
        goal = part_of(target)
        if not goal or goal.startswith("__version__") or part in COMPOSITION or not part:
            continue
        if goal != part and goal not in ALLOWED.get(part, ()):
            faults.append(f"line {line}: {part} must not import {target}")
        if any(target.startswith(banned) for banned in FORBIDDEN_MODULES.get(part, ())):
            faults.append(f"line {line}: {part} must not import {target}")
    return faults


def is_pure(module: str) -> bool:
    """Tell whether a module belongs to the sans-IO part."""
    return any(module == one or module.startswith(f"{one}.") for one in PURE)


def purity_faults(source: str) -> list[str]:
    """Return what a sans-IO module must not have: I/O libraries and async code."""
    faults = [
        f"line {line}: a sans-IO module imports {target}"
        for line, target, _ in imports(source)
        if target.split(".")[0] in IO_LIBRARIES
    ]
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, (ast.AsyncFunctionDef, ast.Await, ast.AsyncFor, ast.AsyncWith)):
            faults.append(f"line {node.lineno}: a sans-IO module has async code")
    return faults


def httpx_faults(source: str, module: str) -> list[str]:
    """Return imports of httpx outside kalshi; a composition module may import it inside a function."""
    if part_of(module) == "kalshi":
        return []
    lazily_allowed = part_of(module) in COMPOSITION
    return [
        f"line {line}: {target} outside kalshi"
        for line, target, at_module_level in imports(source)
        if target.split(".")[0] == "httpx" and (at_module_level or not lazily_allowed)
    ]


def plugin_faults(source: str) -> list[str]:
    """Return what a drop-in plugin imports of ours besides the plugin surface."""
    return [
        f"line {line}: a plugin imports {target}"
        for line, target, _ in imports(source)
        if target.split(".")[0] == PACKAGE and not target.startswith(f"{PACKAGE}.plugin_api.")
    ]


def is_plugin(source: str) -> bool:
    """Tell whether a module implements a hook."""
    return any(
        isinstance(node, ast.FunctionDef) and node.name.startswith(HOOK_PREFIX)
        for node in ast.walk(ast.parse(source))
    )


def sibling_faults(source: str, module: str, services: list[str]) -> list[str]:
    """Return imports of a service by another module of `services/`; what they share is no service."""
    return [
        f"line {line}: {module} imports the service {target}"
        for line, target, _ in imports(source)
        for service in services
        if service != module and (target == service or target.startswith(f"{service}."))
    ]


SOURCES = python_files(PACKAGE)


@pytest.mark.parametrize("path", SOURCES, ids=relative)
def test_imports_point_down_only(path):
    source, module = path.read_text(), module_name(path)
    assert layer_faults(source, module) == []
    assert httpx_faults(source, module) == []
    if is_pure(module):
        assert purity_faults(source) == []


@pytest.mark.parametrize("path", python_files("plugins"), ids=relative)
def test_plugins_know_only_the_plugin_surface(path):
    assert plugin_faults(path.read_text()) == []


def test_every_part_has_a_rule():
    parts = {part_of(module_name(path)) for path in SOURCES} - {""}
    assert sorted(parts - set(ALLOWED) - set(COMPOSITION)) == []


@pytest.mark.parametrize(
    ("module", "source"),
    [
        ("traderd.model.units", "from traderd.core import book"),
        ("traderd.core.book", "def f():\n    import traderd.runtime.bus"),
        ("traderd.paper.venue.venue", "from traderd.core.book import Book"),
        ("traderd.kalshi.rest", "from traderd import core"),
        ("traderd.runtime.bus", "from traderd.model.units import Price"),
        ("traderd.web.api", "from traderd.core.engine import Engine"),
        ("traderd.web.api", "from traderd.core import engine"),
        ("traderd.services.orders", "import traderd.app"),
        ("traderd.store.journal", "if TYPE_CHECKING:\n    from traderd.web import api"),
    ],
)
def test_an_import_that_points_up_is_noticed(module, source):
    assert len(layer_faults(source, module)) == 1


def test_imports_that_point_down_are_left_alone():
    source = "from traderd import __version__\nfrom traderd.core import view\nimport trio"
    assert layer_faults(source, "traderd.web.api") == []
    assert layer_faults("from traderd.services import orders", "traderd.app") == []


@pytest.mark.parametrize(
    "source",
    [
        "import trio.lowlevel",
        "from time import monotonic",
        "async def f(): ...",
        "def f():\n import httpx",
    ],
)
def test_io_in_a_pure_module_is_noticed(source):
    assert purity_faults(source) != []
    assert is_pure("traderd.core.book")
    assert not is_pure("traderd.paper.venue_server")


def test_httpx_outside_kalshi_is_noticed():
    lazily = "def f():\n    import httpx"
    assert httpx_faults("import httpx", "traderd.cli") != []
    assert httpx_faults(lazily, "traderd.web.api") != []
    assert httpx_faults(lazily, "traderd.cli.client") == []
    assert httpx_faults("from httpx import Client", "traderd.kalshi.rest") == []


def test_a_plugin_that_reaches_past_the_surface_is_noticed():
    assert plugin_faults("from traderd.core.book import Book") != []
    assert plugin_faults("import traderd") != []
    assert plugin_faults("from traderd.plugin_api import Service\nimport attrs") == []


def test_a_service_that_knows_another_is_noticed():
    services = ["traderd.services.orders", "traderd.services.risk"]
    source = "from traderd.services.risk import gate"
    assert sibling_faults(source, "traderd.services.orders", services) != []
    assert (
        sibling_faults("from traderd.services import risk", "traderd.services.stages", services)
        != []
    )
    assert sibling_faults(source, "traderd.services.risk", services) == []
    assert (
        sibling_faults("from traderd.services import stages", "traderd.services.risk", services)
        == []
    )
    assert is_plugin("class S:\n    @hookimpl\n    def traderd_services(self): ...")
    assert not is_plugin("def traderd(): ...")


def test_services_do_not_know_each_other():
    sources = {module_name(path): path.read_text() for path in python_files("traderd/services")}
    services = [module for module, source in sources.items() if is_plugin(source)]
    assert services != []
    faults = [
        fault
        for module, source in sources.items()
        for fault in sibling_faults(source, module, services)
    ]
    assert faults == []
