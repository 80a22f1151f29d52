"""Which settings can change while the daemon runs, and what becomes of each that was changed.

Owns: the settings of now, the list of those that are live, and the sentence for every one that is not taken. A limit that
lets more through is never taken without a person's word.
Must not: read files, or tell anybody; the service `reload` does.
"""

from __future__ import annotations

import enum
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Final, NoReturn, Protocol

import attrs
import msgspec
import trio

from traderd.config import Config
from traderd.config_secrets import show_setting
from traderd.core.risk_limits import RiskLimits
from traderd.model.ids import StrategyName
from traderd.services.risk_limits import risk_limits

LIVE: Final = frozenset({
    "log.level",
    "health.interval_s",
    "health.loop_lag_ms_max",
    "health.clock_offset_ms_max",
    "health.disk_free_mb_min",
    "health.memory_percent_max",
    "health.silence_s_max",
    "health.hung_after_s",
    "status.interval_s",
    "trading.sync_interval_s",
})
"""Read anew each time they are needed; so are the limits of risk."""
RISK: Final = "risk."
STRATEGIES: Final = "strategies."
FIXED_RISK: Final = (
    "risk.breaker_window",
    "risk.breaker_percent",
    "risk.day_zone",
    "risk.day_hour",
    "risk.quiet_hours",
    "risk.quiet_before_close_s",
)
"""Settings of risk that counters or plugins were begun with."""
WHY_NOT: Final = (
    ("environment", "it decides where orders go"),
    ("state_dir", "the journal is open there"),
    ("exchange.", "connections and keys were made with it"),
    ("market_data.", "the order books were subscribed by it"),
    ("trading.", "orders that rest were placed by it"),
    ("rate_limits.", "the token buckets were cut by it"),
    ("web.", "the console was opened with it"),
    ("log.", "the log was set up with it"),
    ("status.", "it was set up with it"),
    (RISK, "the counters of the risk gate were begun with it"),
    (STRATEGIES, "no strategy runs that could take it"),
)
"""By the beginning of a name: why a change of it waits for the next start."""
OTHERWISE: Final = "it is read at the start only"


class StrategyTuner(Protocol):
    """Takes changed sections of strategies over while they run."""

    def why_not(
        self, name: StrategyName, section: Mapping[str, Any], names: Sequence[str]
    ) -> dict[str, str]:
        """Return why each of these settings is not taken, an empty text for one that is; raises ConfigError for a value that cannot be."""

    def take(
        self, name: StrategyName, section: Mapping[str, Any], names: Sequence[str], by: str
    ) -> str:
        """Take them over; returns why the strategy did not, an empty text when it did."""


class Fate(enum.Enum):
    """What becomes of a changed setting."""

    TAKEN = "taken"
    RAISED = "raised"
    """A limit that would let more through: a person has to say so."""
    RESTART = "restart"
    """It waits for the next start."""
    REFUSED = "refused"
    """The strategy that was to take it over did not."""


@attrs.frozen(kw_only=True)
class Change:
    """One setting that is no longer what it was."""

    name: str
    old: Any
    new: Any
    fate: Fate
    sentence: str


@attrs.define(eq=False)
class LiveSettings:
    """The settings of now."""

    current: Config
    tuner: StrategyTuner | None = None
    """Who takes sections of strategies over; None while no strategy runs."""

    async def tune_by(self, tuner: StrategyTuner) -> NoReturn:
        """Let `tuner` take sections of strategies over until cancelled."""
        self.tuner = tuner
        try:
            await trio.sleep_forever()
        finally:
            self.tuner = None


def judge_changes(
    settings: LiveSettings, new: Config, *, held: RiskLimits, raise_limits: bool = False
) -> tuple[Change, ...]:
    """Return what becomes of each setting that differs; nothing is changed by that.

    `held` are the limits in force: they may be lower than the settings while a raise waits for its confirmation.
    """
    before, after = flat(settings.current), flat(new)
    names = [
        name for name in dict.fromkeys((*before, *after)) if before.get(name) != after.get(name)
    ]
    tuned: dict[str, str] = {}
    if settings.tuner is not None:
        for strategy, keys in by_strategy(names).items():
            why_not = settings.tuner.why_not(strategy, new.strategies.get(strategy, {}), keys)
            tuned |= {f"{STRATEGIES}{strategy}.{key}": why for key, why in why_not.items()}
    return tuple(
        _judge(settings, name, before.get(name), after.get(name), held, raise_limits, tuned)
        for name in names
    )


def by_strategy(names: Iterable[str]) -> dict[StrategyName, list[str]]:
    """Return the settings of strategies among these names, by strategy and without what its section is called."""
    found: dict[StrategyName, list[str]] = {}
    for name in names:
        if name.startswith(STRATEGIES):
            strategy, _, key = name.removeprefix(STRATEGIES).partition(".")
            found.setdefault(StrategyName(strategy), []).append(key)
    return found


def refused(change: Change, why: str) -> Change:
    """Return a change that was to be taken and could not be."""
    what = _what(change.name, change.old, change.new)
    return attrs.evolve(change, fate=Fate.REFUSED, sentence=f"{what}: not taken, {why}")


def take(current: Config, changes: tuple[Change, ...]) -> Config:
    """Return the settings with the changes that are taken."""
    tree = msgspec.to_builtins(current)
    for change in changes:
        if change.fate is not Fate.TAKEN:
            continue
        # One that is None went out of its section: the default holds again.
        *sections, key = change.name.split(".")
        branch = tree
        for section in sections:
            branch = branch.setdefault(section, {})
        if change.new is None:
            branch.pop(key, None)
        else:
            branch[key] = change.new
    return msgspec.convert(tree, Config)


def flat(config: Config) -> dict[str, Any]:
    """Return every setting by its dotted name."""
    return dict(_leaves(msgspec.to_builtins(config), ""))


def _leaves(tree: Mapping[str, Any], prefix: str) -> Iterator[tuple[str, Any]]:
    for key, value in tree.items():
        if isinstance(value, dict):
            yield from _leaves(value, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}", value


def _judge(
    settings: LiveSettings,
    name: str,
    old: Any,
    new: Any,
    held: RiskLimits,
    raise_limits: bool,
    tuned: Mapping[str, str],
) -> Change:
    fate, why = Fate.TAKEN, ""
    if name in tuned:
        why = tuned[name]
        fate = Fate.RESTART if why else Fate.TAKEN
    elif name.startswith(RISK) and name not in FIXED_RISK:
        if _is_raised(settings.current, name, new, held) and not raise_limits:
            fate, why = Fate.RAISED, "it lets more through, which only a person may want"
    elif name not in LIVE:
        fate, why = Fate.RESTART, _why_not(name)
    return Change(
        name=name, old=old, new=new, fate=fate, sentence=_sentence(name, old, new, fate, why)
    )


def _is_raised(current: Config, name: str, new: Any, held: RiskLimits) -> bool:
    field = name.removeprefix(RISK)
    value = tuple(new) if isinstance(new, list) else new
    alone = msgspec.structs.replace(
        current, risk=msgspec.structs.replace(current.risk, **{field: value})
    )
    holds = held.texts()
    return field in holds and bool(risk_limits(alone).raised_since({field: holds[field]}))


def limits_taken(held: RiskLimits, merged: Config, changes: tuple[Change, ...]) -> RiskLimits:
    """Return the limits in force with those of the taken changes in their place: nothing else may be raised beside them."""
    texts = risk_limits(merged).texts()
    taken = {
        name: texts[name]
        for change in changes
        if change.fate is Fate.TAKEN and (name := change.name.removeprefix(RISK)) in texts
    }
    return held.with_texts(taken)


def _why_not(name: str) -> str:
    return next((why for begin, why in WHY_NOT if name.startswith(begin)), OTHERWISE)


def _sentence(name: str, old: Any, new: Any, fate: Fate, why: str) -> str:
    what = _what(name, old, new)
    if fate is Fate.TAKEN:
        return f"{what}: taken"
    cure = (
        "`traderd reload --raise-limits` takes it"
        if fate is Fate.RAISED
        else "restart the daemon to use it"
    )
    return f"{what}: not taken, {why}; {cure}"


def _what(name: str, old: Any, new: Any) -> str:
    before, after = show_setting(name, old), show_setting(name, new)
    # Of two secrets, or two addresses of one host, there is nothing to compare.
    return (
        f"{name} ({after}) was changed" if before == after else f"{name} from {before} to {after}"
    )
