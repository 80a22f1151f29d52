"""Opening one drop-in module: read, checked, imported, checked again; and what a broken one would have been.

Owns: the order of these steps, and that a module which fails leaves nothing behind.
Must not: register it.
"""

from __future__ import annotations

import sys
from pathlib import Path
from types import ModuleType
from typing import Any

from traderd.plugin_checks import PluginFault, check_hooks, hooks_in, import_fault, read_source
from traderd.plugin_files import EXAMPLES, MODULE_PREFIX, import_file, put_back, untrusted
from traderd.runtime.plugin_record import Origin, PluginRecord, PluginState


def found_record(path: Path) -> PluginRecord:
    """Return the record of a file that was found and not yet opened."""
    origin = Origin.EXAMPLE if path.parent == EXAMPLES else Origin.DROP_IN
    return PluginRecord(name=path.stem, where=str(path), origin=origin)


def open_drop_in(record: PluginRecord) -> ModuleType:
    """Read, check and import the file of a record, which learns its version and hooks.  Blocks on the disk.

    Raises:
        PluginFault: it cannot be used; `sys.modules` is as before.
    """
    path = Path(record.where)
    key = f"{MODULE_PREFIX}{path.stem}"
    try:
        reason, cure = untrusted(path)
        if reason:
            raise PluginFault(reason, cure)
        source = path.read_bytes()
    except OSError as exc:
        raise PluginFault(f"it cannot be read: {exc}", "check its permissions") from exc
    # Also of a module that cannot be used it counts which hooks it has: its risk rules then let nothing pass.
    record.hooks = hooks_in(source)
    read_source(source, path)
    before = sys.modules.get(key)
    try:
        module = import_file(path, source)
    except (Exception, SystemExit) as exc:
        raise import_fault(exc, path) from exc
    try:
        record.hooks = check_hooks(module)
    except PluginFault:
        put_back(key, before)
        raise
    record.version = version_of(module)
    return module


def version_of(module: Any) -> str:
    """Return what a module says its version is, an empty text when it does not."""
    version = getattr(module, "__version__", "")
    return version if isinstance(version, str) else ""


def fail(record: PluginRecord, fault: PluginFault) -> None:
    """Note why a plugin cannot be used."""
    record.state = PluginState.FAILED
    record.reason, record.cure, record.line = fault.reason, fault.cure, fault.line


def switch_off(record: PluginRecord, by: str) -> None:
    """Note that a person disabled a plugin."""
    record.state, record.line = PluginState.OFF, None
    record.reason, record.cure = by, f"run `traderd plugins enable {record.name}` to use it again"
