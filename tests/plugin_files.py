"""Plugins for tests: those of the repository, and drop-ins written into a daemon's plugins directory.

Owns: the ways in which tests load the one and write the other.
Must not: know what a plugin does.
"""

from __future__ import annotations

import importlib.util
from pathlib import Path
from textwrap import dedent
from types import ModuleType

from tests.architecture.sources import ROOT
from traderd.config import Config
from traderd.plugin_extensions import refill
from traderd.plugin_manager import load_plugins
from traderd.services.extensions import Extensions

PLUGINS = ROOT / "plugins"


def plugin_module(name: str) -> ModuleType:
    """Return one of the plugins as a module of its own, whatever else has loaded it."""
    spec = importlib.util.spec_from_file_location(f"{name}_under_test", PLUGINS / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def plugin_extensions(config: Config) -> Extensions:
    """Return what the plugins of the repository add to a daemon of this configuration, loaded anew."""
    extensions = Extensions()
    refill(extensions, load_plugins([PLUGINS]), config)
    return extensions


def put_plugin(directory: Path, name: str, text: str) -> Path:
    """Write a drop-in that a daemon accepts into `plugins` below a directory; returns that folder."""
    folder = directory / "plugins"
    folder.mkdir(mode=0o755, exist_ok=True)
    folder.chmod(0o755)
    path = folder / f"{name}.py"
    path.write_text(dedent(text))
    path.chmod(0o644)
    return folder
