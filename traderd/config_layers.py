"""Where settings come from: the layers, read into one flat table of dotted names.

Owns: the order of the layers (traderd.toml < .env.<environment> < .env < variables < flags), the names of variables,
and the memory of which layer each value came from, so that every complaint can name it.
Must not: know which settings exist or what their values mean; `config` does.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final, TypeAlias

import attrs
import dotenv
import platformdirs

from traderd.errors import ConfigError

FILE_NAME: Final = "traderd.toml"
VARIABLE_PREFIX: Final = "TRADERD_"
SECTION_SEPARATOR: Final = "__"
FILE_VARIABLE: Final = "TRADERD_CONFIG"
"""Names the configuration file; it is not a setting itself."""
STATE_VARIABLE: Final = "STATE_DIRECTORY"
"""systemd: the directories of `StateDirectory=`, with colons between them; weaker than every setting."""
CREDENTIALS_VARIABLE: Final = "CREDENTIALS_DIRECTORY"
"""systemd: where the files of `LoadCredential=` are; what they give is weaker than every setting."""
CREDENTIAL_KEY: Final = "kalshi-key"
"""The private key's credential; the setting gets its path, and the key is never copied."""
CREDENTIAL_KEY_ID: Final = "kalshi-key-id"
"""The key's id; the setting gets the text."""
ENVIRONMENT: Final = "environment"
STATE_DIR: Final = "state_dir"
KALSHI_VARIABLES: Final = {
    "KALSHI_ENV": ENVIRONMENT,
    "KALSHI_API_KEY_ID": "exchange.key_id",
    "KALSHI_PRIVATE_KEY_PATH": "exchange.key_file",
    "KALSHI_API_BASE_URL": "exchange.rest_url",
    "KALSHI_WS_URL": "exchange.ws_url",
}
"""Names that users of other Kalshi clients already have in their environment."""
ENVIRONMENTS: Final = ("sim", "paper", "local", "production")
ENVIRONMENT_ALIASES: Final = {"demo": "paper", "prod": "production", "live": "production"}
DEFAULT: Final = "default"
"""The place of a value that nobody gave."""

FLAGS: Final = {
    ENVIRONMENT: "--environment",
    STATE_DIR: "--state-dir",
    "web.port": "--port",
    "log.level": "--log-level",
}
"""Settings with a flag of their own; `--set` is for the others."""


@attrs.frozen
class Given:
    """One value as it was given."""

    value: Any
    where: str
    """For people: the file, variable or flag."""


Layer: TypeAlias = dict[str, Given]
"""Dotted names to values."""


@attrs.frozen(kw_only=True)
class Layers:
    """What all layers together say, and where it was read."""

    environment: str
    environment_where: str
    """For people: `default`, or the file, variable or flag that chose it."""
    file: Path | None
    """The configuration file, None when there is none."""
    dotenv_files: tuple[Path, ...]
    """Those of the two `.env` files that are there."""
    given: Layer
    """Every other value that was given, the strongest of each name."""


def read_layers(
    *,
    variables: Mapping[str, str],
    directory: Path,
    config_file: Path | None,
    flags: Mapping[str, Any],
) -> Layers:
    """Read every layer.

    Raises:
        ConfigError: a file cannot be read, the environment does not exist, or two names of one layer
            say different things.
    """
    file = find_file(variables, directory, config_file)
    toml = read_toml(file)
    dotenv_layer = read_dotenv(directory / ".env")
    process_layer = from_variables(variables, "variable ")
    flag_layer = {
        key: Given(value, FLAGS.get(key, "--set"))
        for key, value in flags.items()
        if value is not None
    }
    chosen = choose_environment((flag_layer, process_layer, dotenv_layer, toml))
    environment = str(chosen.value)
    dotenv_files = (directory / f".env.{environment}", directory / ".env")
    own_layer = read_dotenv(dotenv_files[0])
    _check_own_environment(own_layer, environment)
    merged: Layer = {}
    if variables.get(STATE_VARIABLE):
        first = variables[STATE_VARIABLE].partition(":")[0]
        merged[STATE_DIR] = Given(first, f"variable {STATE_VARIABLE}")
    merged |= read_credentials(variables)
    for layer in (toml, own_layer, dotenv_layer, process_layer, flag_layer):
        merged.update(layer)
    merged.pop(ENVIRONMENT, None)
    return Layers(
        environment=environment,
        environment_where=chosen.where,
        file=file,
        dotenv_files=tuple(path for path in dotenv_files if path.is_file()),
        given=merged,
    )


def read_credentials(variables: Mapping[str, str]) -> Layer:
    """Return what systemd's credentials give: the key file, and the key's id.

    Raises:
        ConfigError: a credential cannot be read.
    """
    found: Layer = {}
    if not variables.get(CREDENTIALS_VARIABLE):
        return found
    directory = Path(variables[CREDENTIALS_VARIABLE])
    key, key_id = directory / CREDENTIAL_KEY, directory / CREDENTIAL_KEY_ID
    try:
        if key.is_file():
            found["exchange.key_file"] = Given(str(key), f"credential {CREDENTIAL_KEY}")
        if key_id.is_file():
            text = key_id.read_text(encoding="utf-8").strip()
            found["exchange.key_id"] = Given(text, f"credential {CREDENTIAL_KEY_ID}")
    except (OSError, UnicodeDecodeError) as exc:
        raise ConfigError(f"the credentials in {directory} cannot be read: {exc}") from exc
    return found


def find_file(variables: Mapping[str, str], directory: Path, named: Path | None) -> Path | None:
    """Return the configuration file, None when there is none.

    Raises:
        ConfigError: a file was named and does not exist.
    """
    if named is not None or variables.get(FILE_VARIABLE):
        how = "--config" if named is not None else FILE_VARIABLE
        path = named or Path(variables[FILE_VARIABLE])
        if not path.is_file():
            raise ConfigError(f"configuration file {path} does not exist; correct {how}")
        return path
    candidates = (
        directory / FILE_NAME,
        platformdirs.user_config_path("traderd") / FILE_NAME,
        Path("/etc/traderd") / FILE_NAME,
    )
    return next((path for path in candidates if path.is_file()), None)


def read_toml(path: Path | None) -> Layer:
    """Return a TOML file's values; numbers with a point stay texts, so that money stays exact.

    Raises:
        ConfigError: it cannot be read or is not TOML.
    """
    if path is None:
        return {}
    try:
        tree = tomllib.loads(path.read_text(encoding="utf-8"), parse_float=str)
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as exc:
        raise ConfigError(f"{path} cannot be read: {exc}") from exc
    return {name: Given(value, str(path)) for name, value in _flat(tree, "")}


def read_dotenv(path: Path) -> Layer:
    """Return the settings of a `.env` file, an empty layer when there is none.

    Raises:
        ConfigError: it cannot be read, or two names in it say different things.
    """
    if not path.is_file():
        return {}
    try:
        # Without interpolation: it would look into the process's variables past `Env`.
        values = dotenv.dotenv_values(path, interpolate=False)
    except (OSError, UnicodeDecodeError) as exc:
        raise ConfigError(f"{path} cannot be read: {exc}") from exc
    given = {name: value for name, value in values.items() if value is not None}
    return from_variables(given, f"{path.name}: ")


def from_variables(variables: Mapping[str, str], where: str) -> Layer:
    """Return the settings among these variables; those of other programs are left alone.

    Raises:
        ConfigError: two variables say different things about one setting.
    """
    found: Layer = {}
    for name, value in variables.items():
        key = setting_of(name)
        if key is None:
            continue
        earlier = found.get(key)
        if earlier is not None and _meaning(key, earlier.value) != _meaning(key, value):
            raise ConfigError(
                f"{earlier.where} and {where}{name} both set {key}, to different values; remove one"
            )
        found[key] = Given(value, f"{where}{name}")
    return found


def setting_of(name: str) -> str | None:
    """Return the dotted setting that a variable names, None when it is not ours."""
    if name in KALSHI_VARIABLES:
        return KALSHI_VARIABLES[name]
    if name == FILE_VARIABLE or not name.startswith(VARIABLE_PREFIX):
        return None
    return name.removeprefix(VARIABLE_PREFIX).lower().replace(SECTION_SEPARATOR, ".")


def variable_of(setting: str) -> str:
    """Return the variable that sets a dotted setting."""
    return VARIABLE_PREFIX + setting.upper().replace(".", SECTION_SEPARATOR)


def choose_environment(layers: tuple[Layer, ...]) -> Given:
    """Return the environment of the first layer that names one, else `sim`, and where it was chosen.

    Raises:
        ConfigError: there is no such environment.
    """
    given = next((layer[ENVIRONMENT] for layer in layers if ENVIRONMENT in layer), None)
    if given is None:
        return Given(ENVIRONMENTS[0], DEFAULT)
    name = _meaning(ENVIRONMENT, given.value)
    if name not in ENVIRONMENTS:
        raise ConfigError(
            f"environment {given.value!r} ({given.where}) does not exist; "
            f"choose one of {', '.join(ENVIRONMENTS)}"
        )
    return Given(name, given.where)


def _meaning(key: str, value: Any) -> Any:
    is_word = key == ENVIRONMENT and isinstance(value, str)
    return ENVIRONMENT_ALIASES.get(value, value) if is_word else value


def _check_own_environment(layer: Layer, environment: str) -> None:
    given = layer.get(ENVIRONMENT)
    if given is not None and _meaning(ENVIRONMENT, given.value) != environment:
        raise ConfigError(
            f"{given.where} is {given.value!r}, but this file is read for the environment "
            f"{environment}; remove it there"
        )


def _flat(tree: Mapping[str, Any], prefix: str) -> Iterator[tuple[str, Any]]:
    for key, value in tree.items():
        name = f"{prefix}{key}"
        if isinstance(value, dict) and value:
            yield from _flat(value, f"{name}.")
        else:
            yield name, value
