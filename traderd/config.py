"""The configuration: one frozen tree, made once, passed on in parts.

Owns: every setting, its type, bounds and default, and the rules that settings obey together. The layers that values
come from are `config_layers`, complaints about one value `config_values`; docs/configuration.md is the table for people.
Must not: connect, create or start anything.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Annotated, Any, Final, Literal

import msgspec
import platformdirs
from msgspec import Meta

from traderd.config_layers import Layer, read_layers
from traderd.config_notify import NotifyConfig, check_notify
from traderd.config_orders import PersonOrdersConfig, StrategyOrdersConfig, check_orders
from traderd.config_risk import RiskConfig, check_risk, positive_amounts
from traderd.config_values import build_tree, settings_of
from traderd.config_web import WebConfig, check_web
from traderd.errors import ConfigError
from traderd.model.units import parse_count, parse_money

CONTROL_SOCKET: Final = "control.sock"
"""The daemon serves its commands under this name in the state directory, and the command line calls there."""
TOKEN_FILE: Final = "control.token"
"""What the console asks for before it does anything stands in this file of the state directory."""
MARKETS: Final = "market_data.markets"
STRATEGIES: Final = "strategies"
"""The section whose names are the plugins' affair."""

Seconds = Annotated[float, Meta(gt=0, le=86_400)]
YEARS_S: Final = 10 * 365 * 86_400
"""Bounds how far a close may lie ahead: no market is listed for longer."""
Port = Annotated[int, Meta(ge=0, le=65_535)]


class _Section(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A section refuses keys that it does not know."""


class LogConfig(_Section, frozen=True):
    """How the log looks."""

    level: Literal["debug", "info", "warning", "error"] = "info"
    json: bool | None = None
    """None: colours on a terminal, JSON lines otherwise."""
    disk_mb: Annotated[int, Meta(ge=0, le=100_000)] = 50
    """Bounds the log in the state directory where journald does not keep it; 0 keeps none."""


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


class DiscoverConfig(_Section, frozen=True):
    """Which markets are looked for, when they are not named."""

    enabled: bool | None = None
    """None: when a series, an event or a category is named; true without any looks through the whole exchange."""
    series: tuple[str, ...] = ()
    events: tuple[str, ...] = ()
    categories: tuple[str, ...] = ()
    """As Kalshi writes them, for example `Climate and Weather`."""
    status: Literal["open", "unopened", "any"] = "open"
    """`any`: open, unopened or paused."""
    min_volume_24h: str = "0"
    """Contracts."""
    closes_in_min_s: Annotated[float, Meta(ge=0, le=YEARS_S)] = 0.0
    closes_in_max_s: Annotated[float, Meta(ge=0, le=YEARS_S)] = 0.0
    """0 sets no bound."""
    max_markets: Annotated[int, Meta(ge=1, le=10_000)] = 200
    refresh_s: Seconds = 300.0


class MarketDataConfig(_Section, frozen=True):
    """Which markets are followed, and how patient we are."""

    markets: tuple[str, ...] = ()
    """Empty in `sim`: every market of the embedded exchange."""
    discover: DiscoverConfig = DiscoverConfig()
    markets_per_connection: Annotated[int, Meta(ge=1, le=100_000)] = 1_000
    """About how many markets one WebSocket carries; more connections are opened when one is not enough."""
    required: bool | None = None
    """Whether a lost book feed is an error; None: only when trading is off."""
    connect_deadline_s: Seconds = 30.0
    first_snapshot_s: Seconds = 10.0
    audit_interval_s: Annotated[float, Meta(ge=0, le=86_400)] = 120.0
    """How often every book is compared with the exchange's REST book; 0 never."""
    ingest: Literal["tap", "plain"] = "tap"
    """How messages leave the WebSocket: cut out of large reads, or one at a time by the library's own reader."""


class TradingConfig(_Section, frozen=True):
    """Whether and how orders are sent."""

    enabled: bool | None = None
    """None: yes, but in `local`."""
    live: bool = False
    """Whether `production` may trade; `traderd arm` and `--live` are needed besides."""
    connect_deadline_s: Seconds = 30.0
    sync_deadline_s: Seconds = 60.0
    sync_interval_s: Seconds = 30.0
    unknown_quarantine_s: Seconds = 30.0
    """How long an order of unknown outcome is searched for before it counts as not placed; longer than
    a request can live, so that a late arrival is still seen."""
    dead_man_s: Annotated[int, Meta(ge=0, le=3_600)] = 60
    """The short expiry that resting orders carry whose policy on disconnect is not `keep`; 0: none."""
    order_group_contracts_per_15s: str = "0"
    """How much the orders of one strategy may trade within 15 seconds before the exchange stops it; 0: any."""
    strategy_orders: StrategyOrdersConfig = StrategyOrdersConfig()
    person_orders: PersonOrdersConfig = PersonOrdersConfig()


class RateLimitsConfig(_Section, frozen=True):
    """What creates and amends may take of the account's tokens, and what only cancels may take."""

    place_percent: Annotated[int, Meta(ge=1, le=100)] = 50
    cancel_reserve_percent: Annotated[int, Meta(ge=1, le=95)] = 30


class JournalConfig(_Section, frozen=True):
    """How long the journal may grow before it is compacted."""

    compact_after_events: Annotated[int, Meta(ge=0, le=100_000_000)] = 200_000
    """0: never."""


class PeriodConfig(_Section, frozen=True):
    """A periodic service."""

    interval_s: Seconds = 30.0


class HealthConfig(_Section, frozen=True):
    """How often health is checked, and from where on a part is not well."""

    interval_s: Seconds = 30.0
    loop_lag_ms_max: Annotated[int, Meta(ge=1, le=60_000)] = 1_000
    silence_s_max: Seconds = 30.0
    """Our own ping is answered long before that."""
    clock_offset_ms_max: Annotated[int, Meta(ge=1, le=3_600_000)] = 2_000
    disk_free_mb_min: Annotated[int, Meta(ge=0, le=1_000_000)] = 200
    memory_percent_max: Annotated[int, Meta(ge=1, le=100)] = 80
    """Of `MemoryMax=`, when systemd sets one."""
    hung_after_s: Seconds = 120.0
    """A reader that is busy with one batch for longer, while more waits, is restarted."""
    stall_s: Seconds = 0.5
    """How late the loop may be before its stack is looked at."""
    stalls_max: Annotated[int, Meta(ge=1, le=1_000)] = 3
    """So many stalls by one plugin, and it is started disabled the next time."""


class Config(_Section, frozen=True):
    """The whole tree."""

    environment: str = "sim"
    state_dir: str = ""
    log: LogConfig = LogConfig()
    exchange: ExchangeConfig = ExchangeConfig()
    market_data: MarketDataConfig = MarketDataConfig()
    trading: TradingConfig = TradingConfig()
    risk: RiskConfig = RiskConfig()
    rate_limits: RateLimitsConfig = RateLimitsConfig()
    health: HealthConfig = HealthConfig()
    status: PeriodConfig = PeriodConfig(interval_s=10.0)
    web: WebConfig = WebConfig()
    journal: JournalConfig = JournalConfig()
    notify: NotifyConfig = NotifyConfig()
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
    def discovers(self) -> bool:
        """Tell whether markets are looked for instead of named."""
        discover = self.market_data.discover
        named = bool(discover.series or discover.events or discover.categories)
        return named if discover.enabled is None else discover.enabled

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
        check: also judge what only a running daemon needs (keys, limits, the environment's rules).

    Raises:
        ConfigError: names the setting, where it was given, what is wrong and what would be right.
    """
    layers = read_layers(
        variables=variables, directory=directory, config_file=config_file, flags=flags or {}
    )
    config = make_config(layers.environment, layers.given)
    if check and (faults := find_faults(config, layers.given)):
        raise ConfigError(faults[0])
    return config


def make_config(environment: str, given: Layer) -> Config:
    """Return the tree of what was given.

    Raises:
        ConfigError: a setting does not exist, or its value cannot be.
    """
    tree = build_tree(given, settings_of(Config, free=STRATEGIES), free=STRATEGIES)
    return msgspec.convert({"environment": environment, **tree}, Config)


def find_faults(config: Config, given: Layer) -> list[str]:
    """Return what is wrong with the settings together, a sentence for each rule, with the places where they were given."""
    rules = (lambda tree: _check_given_markets(tree, given), *RULES)
    faults: dict[str, None] = {}
    for rule in rules:
        try:
            rule(config)
        except ConfigError as exc:
            faults[_with_places(str(exc), given)] = None
    return list(faults)


def _check_given_markets(config: Config, layer: Layer) -> None:
    # Beside a search it is how a stronger layer takes back the names of a weaker one.
    if MARKETS in layer and not config.market_data.markets and not config.discovers:
        other = (
            "remove it to follow what the embedded exchange lists"
            if config.embedded
            else "let market_data.discover look for markets"
        )
        raise ConfigError(f"{MARKETS} names no market; name some, or {other}")


def _with_places(sentence: str, layer: Layer) -> str:
    """Return a complaint with the place where each setting that it names was given."""
    named = [name for name in layer if re.search(rf"{re.escape(name)}(?![\w.])", sentence)]
    for name in named:
        sentence = re.sub(
            rf"{re.escape(name)}(?![\w.])",
            lambda found: f"{found[0]} ({layer[found[0]].where})",
            sentence,
            count=1,
        )
    return sentence


def check_config(config: Config) -> None:
    """Judge the rules that settings obey together.

    Raises:
        ConfigError: names the setting and the cure.
    """
    for rule in RULES:
        rule(config)


def _check_amounts(config: Config) -> None:
    for name, text, parse in (
        *positive_amounts(config.risk),
        ("exchange.balance_dollars", config.exchange.balance_dollars, parse_money),
    ):
        try:
            value = parse(text, what=name)
        except ValueError as exc:
            raise ConfigError(str(exc)) from exc
        if value <= 0:
            raise ConfigError(f"{name} must be above 0, it is {text}")


def _check_universe(config: Config) -> None:
    market_data, discover = config.market_data, config.market_data.discover
    if discover.enabled is False and (discover.series or discover.events or discover.categories):
        raise ConfigError(
            "market_data.discover.enabled is false, and market_data.discover names what to look for; remove one"
        )
    if config.discovers and market_data.markets:
        raise ConfigError(
            "market_data.markets names markets and market_data.discover looks for them; remove one"
        )
    try:
        volume = parse_count(discover.min_volume_24h, what="market_data.discover.min_volume_24h")
    except ValueError as exc:
        raise ConfigError(str(exc)) from exc
    if volume < 0:
        raise ConfigError(
            f"market_data.discover.min_volume_24h cannot be below 0, it is {discover.min_volume_24h}"
        )
    if 0 < discover.closes_in_max_s < discover.closes_in_min_s:
        raise ConfigError(
            f"market_data.discover.closes_in_max_s = {discover.closes_in_max_s:g} lies below "
            f"closes_in_min_s = {discover.closes_in_min_s:g}, so no market fits; correct one"
        )


def _check_environment(config: Config) -> None:
    if config.environment == "production" and config.trading_enabled and not config.trading.live:
        raise ConfigError(
            "production trades real money only when trading.live is true, `traderd arm` was called within 24 h and "
            "`traderd run` is given --live; set trading.enabled = false to follow production order books, or use the "
            "environment paper"
        )
    if config.environment == "local" and config.trading_enabled:
        raise ConfigError("environment local never trades; remove trading.enabled")
    if config.embedded and config.environment != "sim":
        raise ConfigError(
            f"exchange.embedded is for the environment sim, this is {config.environment}; remove it"
        )
    exchange = config.exchange
    if config.embedded:
        return
    if config.environment == "sim" and not (exchange.rest_url and exchange.ws_url):
        raise ConfigError(
            "exchange.embedded is false, so exchange.rest_url and exchange.ws_url must name the "
            "paper exchange to use; `traderd exchange serve` prints them"
        )
    missing = [
        f"exchange.{name} ({variable})"
        for name, value, variable in (
            ("key_id", exchange.key_id, "KALSHI_API_KEY_ID"),
            ("key_file", exchange.key_file, "KALSHI_PRIVATE_KEY_PATH"),
        )
        if not value
    ]
    if missing:
        raise ConfigError(
            f"{' and '.join(missing)} must be set: the environment {config.environment} needs an "
            "API key, also for market data"
        )


RULES: Final[tuple[Callable[[Config], None], ...]] = (
    _check_amounts,
    lambda config: check_risk(config.risk),
    lambda config: check_orders(config.trading),
    _check_universe,
    lambda config: check_web(config.web),
    lambda config: check_notify(config.notify),
    _check_environment,
)
"""What settings obey together, in the order in which faults are told; each raises ConfigError for the first of its own."""
