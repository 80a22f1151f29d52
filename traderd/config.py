"""The configuration: one frozen tree, read once, passed on in parts.

Owns: every setting, its type, bounds and default, and the layers they come from: defaults < traderd.toml <
.env.<environment> < .env < environment variables < flags.
Must not: connect, create or start anything.
"""

from __future__ import annotations

import difflib
import re
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Final

import dotenv
import msgspec
import platformdirs
from msgspec import Meta

from traderd.errors import ConfigError
from traderd.model.units import parse_count, parse_money, parse_price

ENVIRONMENTS: Final = ("sim", "paper", "local", "production")
ENVIRONMENT_ALIASES: Final = {"demo": "paper", "prod": "production", "live": "production"}
VARIABLE_PREFIX: Final = "TRADERD_"
KALSHI_VARIABLES: Final = {
    "KALSHI_API_KEY_ID": "exchange.key_id",
    "KALSHI_PRIVATE_KEY_PATH": "exchange.key_file",
    "KALSHI_API_BASE_URL": "exchange.rest_url",
    "KALSHI_WS_URL": "exchange.ws_url",
}
"""Names that users of other Kalshi clients already have in their environment."""

Seconds = Annotated[float, Meta(gt=0, le=86_400)]
Port = Annotated[int, Meta(ge=0, le=65_535)]


class _Section(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A section refuses keys that it does not know."""


class LogConfig(_Section, frozen=True):
    """How the log looks."""

    level: Annotated[str, Meta(pattern="^(debug|info|warning|error)$")] = "info"
    json: bool | None = None
    """None: colours on a terminal, JSON lines otherwise."""


class ExchangeConfig(_Section, frozen=True):
    """Which exchange, and with which key."""

    embedded: bool | None = None
    """None: in `sim` yes, elsewhere no."""
    rest_url: str = ""
    ws_url: str = ""
    key_id: str = ""
    key_file: str = ""
    seed: int = 1
    """Of the embedded exchange's order flow."""
    port: Port = 0
    """Of the embedded exchange; 0 takes a free one."""
    balance_dollars: str = "1000.00"
    """What the embedded exchange's account starts with."""
    events_per_s: Annotated[float, Meta(ge=0, le=1_000)] = 6.0
    """How busy the embedded exchange's order flow is, over all markets."""


class MarketDataConfig(_Section, frozen=True):
    """Which markets are followed, and how patient we are."""

    markets: tuple[str, ...] = ()
    """Empty in `sim`: every market of the embedded exchange."""
    required: bool | None = None
    """Whether a lost book feed is an error; None: only when trading is off."""
    connect_deadline_s: Seconds = 30.0
    first_snapshot_s: Seconds = 10.0


class TradingConfig(_Section, frozen=True):
    """Whether and how orders are sent."""

    enabled: bool | None = None
    """None: yes, but in `local`."""
    connect_deadline_s: Seconds = 30.0
    sync_deadline_s: Seconds = 60.0
    sync_interval_s: Seconds = 30.0
    unknown_quarantine_s: Seconds = 30.0
    """How long an order of unknown outcome is searched for before it counts as not placed; longer than
    a request can live, so that a late arrival is still seen."""


class RiskConfig(_Section, frozen=True):
    """The numbers that bound risk, with their units in the names."""

    max_order_contracts: str = "100"
    max_open_orders: Annotated[int, Meta(ge=1, le=10_000)] = 10
    max_exposure_dollars: str = "1000"
    breaker_errors: Annotated[int, Meta(ge=1, le=1_000)] = 5
    price_collar_dollars: str = "0.15"


class PeriodConfig(_Section, frozen=True):
    """A periodic service."""

    interval_s: Seconds = 30.0


class WebConfig(_Section, frozen=True):
    """Where the console and the HTTP interface listen."""

    enabled: bool = True
    host: str = "127.0.0.1"
    port: Port = 8005


class Config(_Section, frozen=True):
    """The whole tree."""

    environment: str = "sim"
    state_dir: str = ""
    log: LogConfig = LogConfig()
    exchange: ExchangeConfig = ExchangeConfig()
    market_data: MarketDataConfig = MarketDataConfig()
    trading: TradingConfig = TradingConfig()
    risk: RiskConfig = RiskConfig()
    health: PeriodConfig = PeriodConfig()
    status: PeriodConfig = PeriodConfig(interval_s=10.0)
    web: WebConfig = WebConfig()
    strategies: dict[str, dict[str, Any]] = {}
    """Per strategy: `enabled` and its own parameters."""

    @property
    def embedded(self) -> bool:
        """Tell whether the daemon trades on its own exchange."""
        chosen = self.exchange.embedded
        return self.environment == "sim" if chosen is None else chosen

    @property
    def trading_enabled(self) -> bool:
        """Tell whether orders may be sent at all."""
        chosen = self.trading.enabled
        return self.environment != "local" if chosen is None else chosen

    @property
    def market_data_required(self) -> bool:
        """Tell whether a lost book feed is an error rather than a degraded part."""
        chosen = self.market_data.required
        return not self.trading_enabled if chosen is None else chosen

    def state_path(self) -> Path:
        """Return the directory of journal, lock and control socket; not created here."""
        if self.state_dir:
            return Path(self.state_dir).expanduser()
        return platformdirs.user_state_path("traderd") / self.environment


def load_config(
    *,
    variables: Mapping[str, str],
    directory: Path,
    config_file: Path | None = None,
    flags: Mapping[str, Any] | None = None,
    check: bool = True,
) -> Config:
    """Read all layers and return the tree.

    Args:
        variables: the process's environment variables.
        directory: where `traderd.toml` and `.env` are looked for.
        config_file: a file named by a person, which must exist.
        flags: dotted keys to values, from the command line; None values are left out.
        check: also judge what only a running daemon needs (keys, hosts, arming).

    Raises:
        ConfigError: names the file or variable, the key, what is wrong and what would be right.
    """
    layers = [_read_toml(_find_file(variables, directory, config_file))]
    given = {key: value for key, value in (flags or {}).items() if value is not None}
    environment = _environment(layers[0], variables, given)
    for name in (f".env.{environment}", ".env"):
        layers.append(_from_variables(dotenv.dotenv_values(directory / name), name))
    layers.append(_from_variables(variables, "the environment"))
    layers.append(_nest(given, "the command line"))
    merged: dict[str, Any] = {}
    for layer in layers:
        _merge(merged, layer)
    merged["environment"] = environment
    if "STATE_DIRECTORY" in variables:
        merged.setdefault("state_dir", variables["STATE_DIRECTORY"])
    config = _convert(merged)
    if check:
        _check(config)
    return config


def _find_file(variables: Mapping[str, str], directory: Path, named: Path | None) -> Path | None:
    if named is None and variables.get("TRADERD_CONFIG"):
        named = Path(variables["TRADERD_CONFIG"])
    if named is not None:
        if not named.is_file():
            raise ConfigError(f"configuration file {named} does not exist; check --config")
        return named
    candidates = (
        directory / "traderd.toml",
        platformdirs.user_config_path("traderd") / "traderd.toml",
        Path("/etc/traderd/traderd.toml"),
    )
    return next((path for path in candidates if path.is_file()), None)


def _read_toml(path: Path | None) -> dict[str, Any]:
    if path is None:
        return {}
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as exc:
        raise ConfigError(f"{path}: {exc}") from exc


def _environment(
    file: Mapping[str, Any], variables: Mapping[str, str], flags: Mapping[str, Any]
) -> str:
    word = (
        flags.get("environment")
        or variables.get("TRADERD_ENVIRONMENT")
        or variables.get("KALSHI_ENV")
        or file.get("environment")
        or "sim"
    )
    name = ENVIRONMENT_ALIASES.get(str(word), str(word))
    if name not in ENVIRONMENTS:
        raise ConfigError(f"environment {word!r} does not exist; choose {', '.join(ENVIRONMENTS)}")
    return name


def _from_variables(variables: Mapping[str, str | None], where: str) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, value in variables.items():
        if value is None:
            continue
        if name in KALSHI_VARIABLES:
            found[KALSHI_VARIABLES[name]] = value
        elif name.startswith(VARIABLE_PREFIX) and "__" in name:
            key = name.removeprefix(VARIABLE_PREFIX).lower().replace("__", ".")
            found[key] = value.split(",") if key == "market_data.markets" else value
    return _nest(found, where)


def _nest(flat: Mapping[str, Any], where: str) -> dict[str, Any]:
    tree: dict[str, Any] = {}
    for dotted, value in flat.items():
        *sections, key = dotted.split(".")
        node = tree
        for section in sections:
            node = node.setdefault(section, {})
            if not isinstance(node, dict):
                raise ConfigError(f"{where}: {dotted} goes through {section}, which is a value")
        node[key] = value
    return tree


def _merge(into: dict[str, Any], layer: Mapping[str, Any]) -> None:
    for key, value in layer.items():
        if isinstance(value, dict) and isinstance(into.get(key), dict):
            _merge(into[key], value)
        else:
            into[key] = value


def _convert(merged: dict[str, Any]) -> Config:
    try:
        return msgspec.convert(merged, Config, strict=False)
    except msgspec.ValidationError as exc:
        raise ConfigError(_explain(str(exc))) from exc


def _explain(text: str) -> str:
    """Turn the validator's words into a sentence with a suggestion."""
    place = re.search(r" - at `\$\.?(.*)`$", text)
    where = place.group(1) if place else ""
    unknown = re.search(r"unknown field `(.*?)`", text)
    if unknown is None:
        return f"setting {where or 'at the top level'}: {text.split(' - at ')[0]}"
    key = unknown.group(1)
    section: Any = Config
    for part in filter(None, where.split(".")):
        section = {f.name: f.type for f in msgspec.structs.fields(section)}[part]
    known = [field.name for field in msgspec.structs.fields(section)]
    near = difflib.get_close_matches(key, known, n=1)
    hint = f"did you mean {near[0]!r}?" if near else f"known are {', '.join(known)}"
    return f"setting {f'{where}.' if where else ''}{key} does not exist; {hint}"


def _check(config: Config) -> None:
    for what, parse in (
        (("risk", "max_order_contracts"), parse_count),
        (("risk", "max_exposure_dollars"), parse_money),
        (("risk", "price_collar_dollars"), parse_price),
        (("exchange", "balance_dollars"), parse_money),
    ):
        section, key = what
        text = getattr(getattr(config, section), key)
        try:
            value = parse(text, what=f"{section}.{key}")
        except ValueError as exc:
            raise ConfigError(str(exc)) from exc
        if value <= 0:
            raise ConfigError(f"{section}.{key} must be above 0, it is {text}")
    if config.environment == "production" and config.trading_enabled:
        raise ConfigError(
            "production trading cannot be armed in this version; set trading.enabled = false "
            "to follow production order books, or use the environment paper"
        )
    if config.environment == "local" and config.trading_enabled:
        raise ConfigError("environment local never trades; remove trading.enabled")
    if config.embedded and config.environment != "sim":
        raise ConfigError("only the environment sim has an embedded exchange")
    if not config.embedded and not (config.exchange.key_id and config.exchange.key_file):
        raise ConfigError(
            "exchange.key_id and exchange.key_file are needed; set KALSHI_API_KEY_ID and "
            "KALSHI_PRIVATE_KEY_PATH"
        )
