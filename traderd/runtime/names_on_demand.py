"""Names on demand: a module that others import for a day that may never come is read when one of its names is used.

Owns: which modules of other people's libraries wait, and what stands for their names meanwhile. quart imports templates, its
test tools and all of asyncio, hypercorn HTTP/2, cryptography the key files of SSH; a daemon hardly ever uses one of them, and
together they take 5 MB.
Must not: take anything away: whoever uses such a name, also as a base class or in `isinstance`, gets the real thing.
"""

from __future__ import annotations

import sys
import threading  # sim-ok: modules are read under locks, as Python has its own; no task waits for one
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from importlib.abc import Loader
from importlib.machinery import ModuleSpec, PathFinder
from types import ModuleType
from typing import Any, Final

import attrs

WAITING: Final = (
    "aiofiles.tempfile",
    "asyncio",
    "code",
    "cryptography.hazmat.primitives.serialization.ssh",
    "difflib",
    "flask.templating",
    "h2",
    "html",
    "hypercorn.asyncio",
    "hypercorn.protocol.h2",
    "jinja2",
    "logging.config",
    "logging.handlers",
    "msgspec.inspect",
    "multiprocessing",
    "pdb",
    "pprint",
    "priority",
    "quart.templating",
    "structlog.stdlib",
    "werkzeug.serving",
    "werkzeug.test",
)
"""These, and the modules in them. What imports them while the daemon starts calls their names or writes them into annotations; a
name that is caught, compared, a key or a default cannot wait, and a test reads the sources of all who have one for that."""

ASK: Final = "__getattr__"
"""Python asks it for a name that a module does not have."""
ASKED_BY_TYPING: Final = ("__parameters__", "__typing_subst__")
"""`Optional[X]` asks X for them; a class that is no generic one has neither."""
PATH: Final = "__path__"
"""Every `from ... import ...` looks for it; a package has it from the start, and another module never gets it."""


@attrs.frozen(eq=False)
class NameOnDemand:
    """Stands for a name of a module that was not read yet; every use of it reads the module and is one of the real thing."""

    _module: ModuleType
    _name: str
    _read: Callable[[], None]

    def _real(self) -> Any:
        self._read()
        return getattr(self._module, self._name)

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Call the real thing."""
        return self._real()(*args, **kwargs)

    def __getattr__(self, name: str) -> Any:
        if name in ASKED_BY_TYPING:
            raise AttributeError(name)
        return getattr(self._real(), name)

    def __mro_entries__(self, bases: tuple[Any, ...]) -> tuple[Any, ...]:
        return (self._real(),)

    def __instancecheck__(self, instance: Any) -> bool:
        return isinstance(instance, self._real())

    def __subclasscheck__(self, subclass: type) -> bool:
        return issubclass(subclass, self._real())

    def __getitem__(self, item: Any) -> Any:
        return self._real()[item]

    def __or__(self, other: Any) -> Any:
        return self._real() | other

    def __ror__(self, other: Any) -> Any:
        return other | self._real()


class _Later(Loader):
    """Leaves a module as it is made, to be read when it is asked for something."""

    def __init__(self, reads: Loader) -> None:
        self._reads = reads

    def create_module(self, spec: ModuleSpec) -> ModuleType | None:
        return self._reads.create_module(spec)

    def exec_module(self, module: ModuleType) -> None:
        module.__loader__ = self._reads
        if module.__spec__ is not None:
            module.__spec__.loader = self._reads
        _put_off(module, self._reads)


class _Finder(threading.local):  # sim-ok: see the import
    """Finds the modules of WAITING, while this thread has a block open."""

    is_open = False

    def find_spec(
        self, name: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if not self.is_open or not any(f"{name}.".startswith(f"{each}.") for each in WAITING):
            return None
        spec = PathFinder.find_spec(name, path, target)
        if spec is not None and spec.loader is not None:
            spec.loader = _Later(spec.loader)
        return spec


_finder: Final = _Finder()
"""Every thread sees one of its own: what one imports in a block is no affair of another."""


@contextmanager
def names_on_demand() -> Iterator[None]:
    """Let modules of WAITING that are imported in the block wait, one that is loaded already stays what it is.

    In the block a name that is asked for waits, too; after it the first touch of a module reads it.
    """
    sys.meta_path.insert(0, _finder)
    _finder.is_open = True
    try:
        yield
    finally:
        _finder.is_open = False
        sys.meta_path.remove(_finder)


def is_waiting(name: str) -> bool:
    """Tell whether a module is known and was not read yet."""
    return getattr(vars(sys.modules.get(name, sys)).get(ASK), "__module__", None) == __name__


def _put_off(module: ModuleType, loader: Loader) -> None:
    # One for each module, for Python holds a lock for each, too: with one for all, two threads could wait for each other.
    lock = threading.RLock()  # sim-ok: see the import
    reader: int | None = None

    def ask(name: str) -> Any:
        if name == PATH or threading.get_ident() == reader:  # sim-ok: see the import
            raise AttributeError(f"module {module.__name__!r} has no attribute {name!r}")
        if _finder.is_open and not name.startswith("__"):
            return NameOnDemand(module, name, read)
        read()
        return getattr(module, name)

    def read() -> None:
        nonlocal reader
        with lock:
            if vars(module).get(ASK) is not ask or reader is not None:
                return
            # What the module itself imports is meant to be there when it is read.
            was_open, _finder.is_open = _finder.is_open, False
            reader = threading.get_ident()  # sim-ok: see the import
            try:
                loader.exec_module(module)
                # Until here others have to wait; a module may have brought one of its own meanwhile.
                if vars(module).get(ASK) is ask:
                    del vars(module)[ASK]
            finally:
                reader = None
                _finder.is_open = was_open

    vars(module)[ASK] = ask
