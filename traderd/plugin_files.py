"""Where plugins are found: directories of drop-in modules, the examples that traderd carries, entry points.

Owns: the places and their order, whom a file may belong to, and how one is imported. A file is compiled from what it holds
now: a cached form could be older than an edit of the same second.
Must not: judge what a module holds.
"""

from __future__ import annotations

import importlib.util
import linecache
import os
import stat
import sys
from pathlib import Path
from types import ModuleType
from typing import Final

import platformdirs

ROOT: Final = 0
"""The user whom everything on a machine trusts anyhow."""
FOLDER: Final = "plugins"
CARRIED: Final = Path(__file__).parent / "examples"
"""The plugins of the repository as the wheel carries them."""
CHECKOUT: Final = Path(__file__).parents[1]
"""Where the repository is, if this is a checkout of it."""
MODULE_PREFIX: Final = "traderd_dropin_"
"""Under `<prefix><name>` a drop-in is found in `sys.modules`."""


def find_examples(carried: Path, checkout: Path) -> Path:
    """Return where the examples are: a checkout, which can be run from any folder, has them in a directory of its own."""
    is_checkout = not carried.is_dir() and (checkout / "pyproject.toml").is_file()
    return checkout / FOLDER if is_checkout else carried


EXAMPLES: Final = find_examples(CARRIED, CHECKOUT)


def drop_in_directories(directory: Path) -> tuple[Path, ...]:
    """Return where drop-in modules are looked for, nearest first; the examples that traderd carries come last."""
    return (
        directory / FOLDER,
        platformdirs.user_config_path("traderd") / FOLDER,
        Path("/etc/traderd") / FOLDER,
        EXAMPLES,
    )


def modules_in(directory: Path) -> list[Path]:
    """Return the modules of a directory by name; none when it does not exist. A name that begins with _ is no plugin."""
    if not directory.is_dir():
        return []
    return sorted(path for path in directory.glob("*.py") if not path.name.startswith("_"))


def untrusted(path: Path) -> tuple[str, str]:
    """Return why others could have written this file or directory, and the cure; empty texts when they could not.

    Raises:
        OSError: nothing can be learned about it.
    """
    if CARRIED in (path, path.parent):
        # Whoever could write there could write any other file of traderd.
        return "", ""
    status = path.stat()
    if status.st_uid not in (ROOT, os.getuid()):
        return (
            f"it belongs to user {status.st_uid}, who is neither root nor the user that runs traderd",
            f"look at what is in it, then run: chown {os.getuid()} {path}",
        )
    if status.st_mode & stat.S_IWOTH:
        return "others can write to it", f"run: chmod go-w {path}"
    # With umask 002, every user has a group of their own, and it can write to all of the user's files.
    if status.st_mode & stat.S_IWGRP and status.st_gid != os.getgid():
        return f"its group {status.st_gid} can write to it", f"run: chmod g-w {path}"
    return "", ""


def import_file(path: Path, source: bytes) -> ModuleType:
    """Run a drop-in module from its source and return it; whatever it raises is raised, and nothing is left behind.

    In `sys.modules` it takes the place of an older form of itself, which is put back when it fails.
    """
    name = f"{MODULE_PREFIX}{path.stem}"
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None:
        raise ImportError(f"{path} is not a Python module")
    module = importlib.util.module_from_spec(spec)
    before = sys.modules.get(name)
    # Tracebacks show lines of the file by its name, and must not show those of an older form.
    linecache.checkcache(str(path))
    # Dataclasses, attrs and pickles look their module up by its name, so it must be there by then.
    sys.modules[name] = module
    try:
        exec(compile(source, str(path), "exec"), module.__dict__)
    except BaseException:
        put_back(name, before)
        raise
    return module


def put_back(name: str, before: ModuleType | None) -> None:
    """Let a name of `sys.modules` mean what it meant before."""
    if before is None:
        sys.modules.pop(name, None)
    else:
        sys.modules[name] = before
