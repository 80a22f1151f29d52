"""The files that `traderd init` writes: traderd.toml and `.env.<environment>`, both for their owner only.

Owns: what stands in them, their rights, and that nothing that was there is lost.
Must not: ask, or know where an answer came from.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Final

import attrs

from traderd.cli.init_answers import Answers
from traderd.config_layers import FILE_NAME
from traderd.errors import ConfigError

FILE_MODE: Final = 0o600
BACKUPS_MAX: Final = 1_000
"""Bounds the old versions beside a file; who has so many should look at them."""


@attrs.frozen(kw_only=True)
class Written:
    """One file that was written."""

    path: Path
    kept: Path | None
    """Where what stood there before is now, None when nothing did."""


def planned_files(answers: Answers, directory: Path) -> dict[Path, str]:
    """Return what would be written, by path."""
    files = {directory / FILE_NAME: toml_text(answers)}
    if answers.key_id:
        files[directory / f".env.{answers.environment}"] = dotenv_text(answers)
    return files


def toml_text(answers: Answers) -> str:
    """Return the configuration file; no secret stands in it."""
    lines = [
        "# Written by `traderd init`. `traderd config show` prints every setting, docs/configuration.md explains them.",
        f"environment = {_quoted(answers.environment)}",
    ]
    if answers.environment == "production":
        lines += [
            "",
            "[trading]",
            "# Order books only; docs/go-live.md has the way to orders.",
            "enabled = false",
        ]
    if answers.markets.tickers:
        lines += ["", "[market_data]", f"markets = {_list(answers.markets.tickers)}"]
    if answers.markets.series:
        lines += ["", "[market_data.discover]", f"series = {_list(answers.markets.series)}"]
    lines += [
        "",
        "[risk]",
        *(f"{name} = {_quoted(value)}" for name, value in answers.limits.items()),
    ]
    return "\n".join(lines) + "\n"


def dotenv_text(answers: Answers) -> str:
    """Return the environment's own file: which key, not the key itself."""
    # Within single quotes a .env file has these two escapes and takes everything else as it is.
    path = answers.key_file.replace("\\", "\\\\").replace("'", "\\'")
    return (
        f"# Written by `traderd init`: the API key of the environment {answers.environment}.\n"
        f"KALSHI_API_KEY_ID={answers.key_id}\n"
        f"KALSHI_PRIVATE_KEY_PATH='{path}'\n"
    )


def _quoted(text: str) -> str:
    # A JSON string is a TOML basic string.
    return json.dumps(text)


def _list(words: tuple[str, ...]) -> str:
    return f"[{', '.join(map(_quoted, words))}]"


def write_files(files: dict[Path, str]) -> list[Written]:
    """Write each file whole, keeping what stood there under a new name beside it.

    Raises:
        ConfigError: a file cannot be written; says which, and which were written before.
    """
    written: list[Written] = []
    for path, text in files.items():
        try:
            written.append(_write(path, text))
        except OSError as exc:
            before = ", ".join(str(each.path) for each in written) or "none"
            raise ConfigError(
                f"{path} cannot be written: {exc.strerror or exc} (written before it: {before}); choose a directory that "
                "is yours"
            ) from exc
    return written


def _write(path: Path, text: str) -> Written:
    # Under another name first: half a file is never read, and its rights are right from the first byte.
    fresh = path.with_name(f"{path.name}.new")
    fresh.unlink(missing_ok=True)
    descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, FILE_MODE)
    try:
        os.write(descriptor, text.encode())
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
    kept = None
    if path.exists():
        kept = _free_name(path)
        path.rename(kept)
    fresh.rename(path)
    return Written(path=path, kept=kept)


def _free_name(path: Path) -> Path:
    for number in range(1, BACKUPS_MAX + 1):
        candidate = path.with_name(f"{path.name}.old-{number}")
        if not candidate.exists():
            return candidate
    raise ConfigError(f"there are {BACKUPS_MAX} old versions of {path}; take some away")
