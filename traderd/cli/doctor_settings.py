"""The doctor's checks of what people wrote: configuration, environment, key and hosts. None of them needs a network.

Owns: the sentences of these checks and their order.
Must not: connect, or quote a key file.
"""

from __future__ import annotations

import re
import stat
from pathlib import Path
from typing import Final

from traderd.cli.config_sources import Inspection, strategy_problems
from traderd.cli.doctor_report import Finding, failed, ok, skipped, warning
from traderd.config import Config
from traderd.config_layers import ENVIRONMENT_ALIASES, ENVIRONMENTS, read_dotenv
from traderd.config_secrets import mask_key_id
from traderd.errors import ConfigError
from traderd.kalshi.auth import Signer, load_signer
from traderd.kalshi.hosts import HOSTS, check_endpoints
from traderd.plugin_manager import PluginManager
from traderd.services.remote_exchange import remote_endpoints, usual_endpoints

CONFIGURATION: Final = "configuration"
ENVIRONMENT: Final = "environment"
SECRET_FILES: Final = "secret files"
STRATEGIES: Final = "strategies"
PLUGINS: Final = "plugins"
KEY: Final = "key"
KEY_PLACE: Final = "key environment"
HOST_CHECK: Final = "hosts"
CORRECT: Final = "correct it; `traderd config show` prints each value with its place"
MEANINGS: Final = {
    "sim": "play money on the daemon's own exchange",
    "paper": "play money on Kalshi's demo",
    "local": "production order books, never an order",
    "production": "REAL MONEY on Kalshi",
}
_WORD_BORDER: Final = re.compile(r"[-_. ]")
ACCOUNTS: Final = {
    name: "demo" if name == "paper" else "production" for name in ENVIRONMENTS if name != "sim"
}
"""Which of Kalshi's two sites made the key that an environment needs."""


def check_configuration(found: Inspection) -> list[Finding]:
    """Judge every layer: one failure for each wrong value; keys have a check of their own."""
    findings = []
    for problem in found.problems:
        if not _is_about_key(problem):
            sentence, cure = _split(problem)
            findings.append(failed(CONFIGURATION, sentence, cure or CORRECT, part="setting"))
    if findings:
        return findings
    files = ", ".join(map(str, found.files))
    return [
        ok(CONFIGURATION, f"every setting is known and fits ({files or 'no file, only defaults'})")
    ]


def check_environment(found: Inspection) -> Finding:
    """Say which environment it is, and where that was chosen."""
    meaning = MEANINGS.get(found.environment)
    if meaning is None:
        # Unknown ones were told as a wrong setting already.
        return skipped(ENVIRONMENT, "the configuration names none that exists")
    config = found.config
    embedded = config is not None and config.embedded
    if found.environment == "sim" and not embedded:
        meaning = "play money on a paper exchange of this machine"
    if found.environment == "production" and config is not None and not config.trading_enabled:
        meaning = "production order books, trading is off"
    return ok(ENVIRONMENT, f"{found.environment}: {meaning} ({found.environment_where})")


def check_secret_files(found: Inspection) -> list[Finding]:
    """Warn of `.env` files that others can read: they name the key, and may hold tokens."""
    open_files = [
        path for path in found.dotenv_files if _mode(path) & (stat.S_IRWXG | stat.S_IRWXO)
    ]
    if not open_files:
        return [ok(SECRET_FILES, "no .env file can be read by others")]
    return [
        warning(
            SECRET_FILES,
            f"{path} can be read or changed by others (mode {_mode(path):04o})",
            f"run: chmod 600 {path}",
            part="permissions",
        )
        for path in open_files
    ]


def _mode(path: Path) -> int:
    try:
        return stat.S_IMODE(path.stat().st_mode)
    except OSError:
        return 0


# --- the key --------------------------------------------------------------------------------------


def check_key(found: Inspection) -> tuple[Finding, Signer | None]:
    """Judge presence, rights and form of the key file, and return what signs with it."""
    config = found.config
    if config is None:
        return skipped(KEY, "the configuration could not be read"), None
    if config.embedded:
        return ok(KEY, "none is needed: the embedded exchange makes its own"), None
    missing = next((problem for problem in found.problems if _is_about_key(problem)), None)
    if missing is not None:
        sentence, _ = _split(missing)
        cure = (
            "create one on Kalshi's site under API keys, or run `traderd init` again; for an exchange of this machine "
            "`traderd exchange serve` prints both"
        )
        return failed(KEY, sentence, cure, part="missing"), None
    exchange = config.exchange
    path = Path(exchange.key_file).expanduser()
    try:
        signer = load_signer(exchange.key_id, path)
    except ConfigError as exc:
        sentence, cure = _split(str(exc))
        return failed(KEY, sentence, cure or CORRECT, part=_key_part(str(exc))), None
    place = found.given["exchange.key_file"].where
    return ok(
        KEY, f"{path} signs for {mask_key_id(exchange.key_id)} ({place}), only you can read it"
    ), signer


def _key_part(sentence: str) -> str:
    words = {
        "by others": "permissions",
        "does not exist": "missing",
        "is not a file": "missing",
        "cannot be read": "permissions",
        "no key id": "key id",
    }
    return next((part for word, part in words.items() if word in sentence), "format")


def check_key_place(found: Inspection, directory: Path) -> Finding:
    """Judge whether the key belongs to another environment, as far as the files of this directory tell.

    Kalshi: keys of the demo and of production are made on two sites, and neither knows the other's.
    """
    config = found.config
    if config is None or config.embedded or not config.exchange.key_id:
        return skipped(KEY_PLACE, "no key is used")
    account = ACCOUNTS.get(found.environment, "")
    for other in ENVIRONMENTS:
        if ACCOUNTS.get(other, "") == account:
            continue
        try:
            layer = read_dotenv(directory / f".env.{other}")
        except ConfigError:
            continue
        for setting, mine in (
            ("exchange.key_id", config.exchange.key_id),
            ("exchange.key_file", config.exchange.key_file),
        ):
            theirs = layer.get(setting)
            if theirs is not None and str(theirs.value) == mine:
                return failed(
                    KEY_PLACE,
                    f"the key of {found.environment} is also that of {other} ({theirs.where}), and no key is good for both",
                    f"put the {account or 'paper exchange'}'s key into .env.{found.environment}",
                    part="wrong environment",
                )
    name = Path(config.exchange.key_file).name
    parts = _WORD_BORDER.split(name.lower())
    words = [word for word in (*ENVIRONMENTS, *ENVIRONMENT_ALIASES) if word in parts]
    foreign = [
        word
        for word in words
        if ACCOUNTS.get(ENVIRONMENT_ALIASES.get(word, word)) != ACCOUNTS.get(found.environment)
    ]
    if foreign and len(foreign) == len(words):
        return warning(
            KEY_PLACE,
            f"the key file is called {name}, and this is {found.environment}",
            "see whether it is the right one",
            part="wrong environment",
        )
    return ok(KEY_PLACE, "nothing says that the key is of another environment")


# --- hosts ----------------------------------------------------------------------------------------


def check_hosts(config: Config | None) -> Finding:
    """Judge whether both addresses belong to the environment."""
    if config is None:
        return skipped(HOST_CHECK, "the configuration could not be read")
    if config.embedded:
        return ok(HOST_CHECK, "the embedded exchange listens on 127.0.0.1 only")
    endpoints = remote_endpoints(config)
    try:
        check_endpoints(config.environment, endpoints)
    except ConfigError as exc:
        sentence, cure = _split(str(exc))
        allowed = ", ".join(HOSTS[config.environment]) or "127.0.0.1"
        return failed(
            HOST_CHECK, f"exchange.{sentence}", cure or f"use one of {allowed}", part="host"
        )
    is_usual = endpoints == usual_endpoints(config.environment)
    return ok(
        HOST_CHECK,
        f"{endpoints.rest_url} and {endpoints.ws_url}"
        + (" are Kalshi's" if is_usual else f" belong to {config.environment}"),
    )


# --- strategies and plugins -----------------------------------------------------------------------


def check_strategies(config: Config | None, plugins: PluginManager) -> list[Finding]:
    """Judge the sections of strategies, and list what was left out of the plugins."""
    if config is None:
        return [skipped(STRATEGIES, "the configuration could not be read")]
    findings = []
    for problem in strategy_problems(config, plugins):
        if problem.startswith("plugin "):
            sentence, cure = _split(problem)
            findings.append(
                warning(
                    PLUGINS, sentence, cure or "correct the file or take it away", part="plugin"
                )
            )
        else:
            sentence, cure = _split(problem)
            findings.append(failed(STRATEGIES, sentence, cure or CORRECT, part="setting"))
    if not any(finding.check == STRATEGIES for finding in findings):
        names = ", ".join(plugins.strategies())
        findings.insert(
            0,
            ok(STRATEGIES, f"on offer: {names}")
            if names
            else warning(
                STRATEGIES,
                "no plugin offers one, so nothing trades by itself",
                "start in a directory with plugins/, or put them into ~/.config/traderd/plugins",
                part="plugin",
            ),
        )
    if not plugins.failed:
        findings.append(ok(PLUGINS, f"{len(plugins.names())} loaded, none left out"))
    return findings


def _is_about_key(problem: str) -> bool:
    return problem.startswith(("exchange.key_id", "exchange.key_file"))


def _split(problem: str) -> tuple[str, str]:
    """Return a sentence and its cure, which our sentences have after the first semicolon."""
    sentence, _, cure = problem.partition("; ")
    return sentence, cure
