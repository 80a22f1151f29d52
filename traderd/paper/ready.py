"""The signs of a served exchange: the ready file for its users, the admin file for its operator.

Owns: both documents, and that they are there exactly while it serves.
Must not: serve, or read a token back; that is the command line's part.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Final

import msgspec
import trio

from traderd.errors import ConfigError
from traderd.paper.admin.access import AdminAccess
from traderd.paper.key_files import DIRECTORY_MODE, KeyType, write_whole
from traderd.runtime.env import Env
from traderd.store.lock import hold_lock

STOP_S: Final = 2.0
"""Bounds the removal of the files when the exchange stops."""


class ReadyAccount(msgspec.Struct, frozen=True, kw_only=True):
    """One account as its user finds it."""

    name: str
    key_id: str
    key_file: str
    key_type: KeyType


class Ready(msgspec.Struct, frozen=True, kw_only=True):
    """Where a served exchange is and who may use it: the content of the ready file."""

    rest_url: str
    ws_url: str
    admin_url: str
    admin_file: str
    """Holds the operator's token."""
    seed: int
    """Of the order flow; drawn when none was given."""
    seeded: bool
    """Whether it was given, so that ids repeat from run to run."""
    scenario: str
    markets: int
    """How many there are at the start."""
    state_file: str | None = None
    """What keeps everything over a restart."""
    resumed: bool = False
    """Whether the state file brought back a past; then the scenario counts from the next reset on."""
    accounts: tuple[ReadyAccount, ...]


@asynccontextmanager
async def shown(
    env: Env, ready: Ready, access: AdminAccess, ready_file: Path | None
) -> AsyncIterator[None]:
    """Have both files on the disk inside; another exchange's admin file in their place is left alone.

    Raises:
        ConfigError: a file cannot be written; names it.
        AlreadyRunning: another exchange uses the keys directory; its operator would lose it.
    """
    lock = Path(ready.admin_file).with_suffix(".lock")
    with hold_lock(lock, instead="another --keys-dir"):
        async with _written(env, ready, access, ready_file):
            yield


@asynccontextmanager
async def _written(
    env: Env, ready: Ready, access: AdminAccess, ready_file: Path | None
) -> AsyncIterator[None]:
    admin_file = Path(ready.admin_file)
    admin = access.encode()
    await on_disk(env, admin_file, partial(_write_private, admin_file, admin))
    try:
        if ready_file is not None:
            sign = msgspec.json.encode(ready) + b"\n"
            await on_disk(env, ready_file, partial(write_whole, ready_file, sign))
        yield
    finally:
        with trio.move_on_after(STOP_S, shield=True):
            await on_disk(env, admin_file, partial(_remove_own, admin_file, admin))
            if ready_file is not None:
                await on_disk(env, ready_file, partial(ready_file.unlink, missing_ok=True))


async def on_disk(env: Env, path: Path, work: partial[None]) -> None:
    """Do blocking work about one path off the loop; raises ConfigError, which names it."""
    try:
        await env.run_blocking(work)
    except OSError as exc:
        raise ConfigError(f"{path} cannot be written: {exc.strerror or exc}") from exc


def _write_private(path: Path, content: bytes) -> None:
    path.parent.mkdir(mode=DIRECTORY_MODE, parents=True, exist_ok=True)
    write_whole(path, content)


def _remove_own(path: Path, content: bytes) -> None:
    if path.exists() and path.read_bytes() == content:
        path.unlink()
