"""What goes wrong, when and for whom: the rules of a fault plan, as a TOML file or as JSON.

Owns: the kinds of faults, the fields that each one takes, and their checks. A rule is only a description; whether it
strikes is decided in `faults`.
Must not: know a request or a socket.
"""

from __future__ import annotations

import enum
import math
import tomllib
from typing import Final

import msgspec

from traderd.errors import BadInput, ConfigError
from traderd.kalshi.wire.commands import CHANNELS
from traderd.paper.file_words import located

STATUS_MIN: Final = 400
STATUS_MAX: Final = 599
DELAY_MS_MAX: Final = 3_600_000
"""Bounds one delay: an hour is longer than any client waits."""
METHODS: Final = ("GET", "POST", "PUT", "DELETE")
"""What Kalshi's REST API knows; a rule for another one would never strike."""
SECONDS_MAX: Final = 366 * 86_400.0
"""Bounds schedules and clocks: a year."""
CANCEL_ALL_WINDOW_S: Final = 60.0
"""How long a cancel-all goes on catching orders, unless a rule says otherwise (Kalshi: cancel all orders)."""


class FaultKind(enum.Enum):
    """What can go wrong."""

    SLOW_REQUEST = "slow_request"
    """A request waits before it is carried out, whether or not its client still waits."""
    SLOW_REPLY = "slow_reply"
    """A reply is kept back after its request was carried out."""
    LOST_REQUEST = "lost_request"
    """The connection ends, and nothing was done."""
    LOST_REPLY = "lost_reply"
    """The request is carried out, and the connection ends without a reply."""
    REFUSED = "refused"
    """The request is answered with a status, and nothing was done."""
    SPOILED_REPLY = "spoiled_reply"
    """The request is carried out, and answered with an error status all the same."""
    REFUSED_WEBSOCKET = "refused_websocket"
    """A WebSocket is refused before the upgrade."""
    DROPPED_WEBSOCKET = "dropped_websocket"
    """A WebSocket ends without a close frame, when a frame was about to go out on it."""
    LOST_FRAME = "lost_frame"
    """A frame does not go out; on a numbered channel that is a gap in `seq`."""
    DOUBLED_FRAME = "doubled_frame"
    """A frame goes out twice, with the same number."""
    LATE_FRAME = "late_frame"
    """A frame goes out later than those after it."""
    STALE_POSITIONS = "stale_positions"
    """Reads of positions answer as of some seconds ago."""
    CLOCK_OFFSET = "clock_offset"
    """The exchange's clock is wrong: the Date header, every time it tells, and what signatures are judged by."""
    GREEDY_CANCEL_ALL = "greedy_cancel_all"
    """Cancel-all also catches the orders that are placed for a while after it (Kalshi: cancel all orders)."""


_K: Final = FaultKind
REQUEST_KINDS: Final = (
    *(_K.SLOW_REQUEST, _K.SLOW_REPLY, _K.LOST_REQUEST, _K.LOST_REPLY, _K.REFUSED),
    _K.SPOILED_REPLY,
)
FRAME_KINDS: Final = (_K.DROPPED_WEBSOCKET, _K.LOST_FRAME, _K.DOUBLED_FRAME, _K.LATE_FRAME)

_CHANCE: Final = ("account", "probability", "every", "times")
_SCHEDULE: Final = ("after_s", "for_s")
_DELAY: Final = ("min_ms", "max_ms")
_TAKES: Final[dict[FaultKind, tuple[str, ...]]] = {
    **dict.fromkeys(REQUEST_KINDS, ("method", "path")),
    **dict.fromkeys(FRAME_KINDS, ("channel",)),
    _K.SLOW_REQUEST: ("method", "path", *_DELAY),
    _K.SLOW_REPLY: ("method", "path", *_DELAY),
    _K.REFUSED: ("method", "path", "status"),
    _K.SPOILED_REPLY: ("method", "path", "status"),
    _K.REFUSED_WEBSOCKET: ("status",),
    _K.LATE_FRAME: ("channel", *_DELAY),
    _K.STALE_POSITIONS: ("seconds",),
    _K.CLOCK_OFFSET: ("seconds",),
    _K.GREEDY_CANCEL_ALL: ("seconds",),
}
_NEEDS: Final[dict[FaultKind, tuple[str, ...]]] = {
    **dict.fromkeys((_K.SLOW_REQUEST, _K.SLOW_REPLY, _K.LATE_FRAME), ("max_ms",)),
    **dict.fromkeys((_K.REFUSED, _K.SPOILED_REPLY, _K.REFUSED_WEBSOCKET), ("status",)),
    **dict.fromkeys((_K.STALE_POSITIONS, _K.CLOCK_OFFSET), ("seconds",)),
}


class FaultRule(
    msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True
):
    """One fault: what, for whom, how often and when.  Making an impossible one raises BadInput."""

    kind: FaultKind
    account: str | None = None
    """Only this account's requests and sockets, by name; None is everybody's."""
    method: str | None = None
    path: str | None = None
    """What the path begins with below `/trade-api/v2`; the longest one that fits decides."""
    channel: str | None = None
    status: int | None = None
    min_ms: int = 0
    max_ms: int | None = None
    """A delay is drawn evenly between the two."""
    seconds: float | None = None
    """How old, how wrong (below 0 is behind), or how long."""
    probability: float = 1.0
    every: int = 1
    """Only every n-th of those that it concerns."""
    times: int | None = None
    """It is over after so many."""
    after_s: float = 0.0
    """It begins so long after the plan was set."""
    for_s: float | None = None
    """It ends so long after it began."""

    def __post_init__(self) -> None:
        self._check_fields()
        self._check_numbers()

    def _check_fields(self) -> None:
        kind = self.kind.value
        chance = () if self.kind is FaultKind.CLOCK_OFFSET else _CHANCE
        taken = ("kind", *_TAKES[self.kind], *chance, *_SCHEDULE)
        for field in msgspec.structs.fields(self):
            if field.name not in taken and getattr(self, field.name) != field.default:
                raise BadInput(f"{kind} takes no {field.name}; it takes {', '.join(taken[1:])}")
        for name in _NEEDS.get(self.kind, ()):
            if getattr(self, name) is None:
                raise BadInput(f"{kind} needs {name}")

    def _check_numbers(self) -> None:
        checks = (
            (
                self.status is None or STATUS_MIN <= self.status <= STATUS_MAX,
                "status",
                "400 to 599",
            ),
            (0 <= self.min_ms <= (self.max_ms or 0), "min_ms", "0 to max_ms"),
            (self.max_ms is None or 0 <= self.max_ms <= DELAY_MS_MAX, "max_ms", "0 to one hour"),
            (self._seconds_fit(), "seconds", self._seconds_range()),
            (0 < self.probability <= 1, "probability", "above 0 and at most 1"),
            (self.every >= 1, "every", "1 or more"),
            (self.times is None or self.times >= 1, "times", "1 or more"),
            (0 <= self.after_s <= SECONDS_MAX, "after_s", "0 to a year"),
            (self.for_s is None or 0 < self.for_s <= SECONDS_MAX, "for_s", "above 0, to a year"),
            (
                self.method is None or self.method.upper() in METHODS,
                "method",
                f"one of {', '.join(METHODS)}",
            ),
            (
                self.channel is None or self.channel in CHANNELS,
                "channel",
                f"one of {', '.join(CHANNELS)}",
            ),
            (
                self.path is None or self.path.startswith("/"),
                "path",
                "a path that begins with /, as /portfolio/orders",
            ),
        )
        for fits, field, wanted in checks:
            if not fits:
                raise BadInput(f"{field} of {self.kind.value} must be {wanted}")

    def _seconds_range(self) -> str:
        return "within a year of 0" if self.kind is FaultKind.CLOCK_OFFSET else "0 to a year"

    def _seconds_fit(self) -> bool:
        if self.seconds is None:
            return True
        least = -SECONDS_MAX if self.kind is FaultKind.CLOCK_OFFSET else 0.0
        return math.isfinite(self.seconds) and least <= self.seconds <= SECONDS_MAX


class FaultPlan(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A whole plan: in TOML every rule is a table `[[fault]]`."""

    fault: tuple[FaultRule, ...] = ()


def parse_fault_plan(data: bytes, *, source: str = "the fault plan") -> FaultPlan:
    """Return a TOML file's rules.

    Args:
        data: TOML.
        source: the file's name, for messages.

    Raises:
        ConfigError: not TOML, or a rule that cannot be; the message names the file, the rule and the cure.
    """
    try:
        tree = tomllib.loads(data.decode())
    except ValueError as exc:
        raise ConfigError(f"{source} is not TOML: {exc}") from exc
    try:
        return msgspec.convert(tree, FaultPlan)
    except msgspec.ValidationError as exc:
        raise ConfigError(f"{source}: {located(exc, tree, FaultPlan)}") from exc


def decode_fault_plan(body: bytes) -> FaultPlan:
    """Return the rules of a JSON body `{"fault": [...]}`; raises BadInput."""
    try:
        return msgspec.json.decode(body, type=FaultPlan)
    except (ValueError, RecursionError) as exc:
        raise BadInput(f"the fault plan cannot be used: {exc}") from exc
