"""Facts in the past tense: everything that can change or follow from a change of the state.

Owns: the one list of event types; what each of them holds is in `market_events`, `universe_events`, `order_events`,
`group_events`, `risk_events`, `account_events`, `strategy_events`, `plugin_events`, `request_events` and `state_events`. Every
event carries `at`, stamped where the fact was observed. They are frozen and slotted; a name never changes between this list and that of the commands.
Must not: hold commands (see `commands.py`) or behaviour.
"""

from __future__ import annotations

from typing import Final, TypeAlias

from traderd.model.account_events import (
    AccountSynced,
    BalanceAccepted,
    CashMoved,
    Difference,
    DifferenceIgnored,
    FeeDiffered,
    FeesPublished,
    MarketSettled,
    PositionAccepted,
    PositionChanged,
    TradingStateUpdated,
    UnreadableRowsChanged,
)
from traderd.model.book_events import (
    BookAudited,
    BookChanged,
    BookFault,
    BookGrade,
    BookGraded,
    BookInvalidated,
    BookRestored,
    DifferingLevel,
    LineObserved,
    SnapshotRefused,
    SnapshotsDelayed,
    SnapshotsRequested,
    SubscriptionEnded,
)
from traderd.model.group_events import (
    GroupNews,
    OrderGroupEnded,
    OrderGroupEvent,
    OrderGroupOpened,
    OrderGroupReported,
    OrderGroupReset,
    OrderGroupTriggered,
)
from traderd.model.market_events import (
    BookDelta,
    BookEvent,
    BookSnapshot,
    Drift,
    FeedConnected,
    FeedDisconnected,
    FeedName,
    FrameRefused,
    FramesMissed,
    Levels,
    MarketsListed,
    SequenceAdvanced,
    TradePrinted,
    TradesBackfilled,
)
from traderd.model.order_events import (
    AmendAccepted,
    AmendFailed,
    AmendOutcomeUnknown,
    AmendRequested,
    CancelAcknowledged,
    CancelFailed,
    CancelRequested,
    OrderAccepted,
    OrderChanged,
    OrderDenied,
    OrderFilled,
    OrderIntended,
    OrderLifeEvent,
    OrderNotPlaced,
    OrderOutcomeUnknown,
    OrderRejected,
    OrderRenewed,
    OrderReported,
    OrderSent,
    OrderVanished,
    RenewalFailed,
    Source,
)
from traderd.model.plugin_events import PluginChange, PluginChanged
from traderd.model.request_events import RequestAnswered, RequestTaken
from traderd.model.risk_events import (
    EventsDescribed,
    LimitsConfirmed,
    LimitsSet,
    LossBaselineMoved,
    ProfitMarked,
    RiskEvent,
)
from traderd.model.state_events import (
    Author,
    DegradedCleared,
    DegradedRaised,
    HaltCleared,
    HaltRaised,
    HealthChecked,
    ProgressProbed,
    ServiceChanged,
    StateChanged,
    TradingPaused,
    TradingResumed,
    VenuePaused,
    VenueResumed,
)
from traderd.model.strategy_events import (
    StrategiesReported,
    StrategyEvent,
    StrategyParameterSet,
    StrategyReleased,
    StrategyReplaced,
    TickEnded,
)
from traderd.model.universe_events import (
    BooksAwaited,
    BooksReclaimed,
    BooksShed,
    LifeStep,
    MarketClosed,
    MarketLifecycleChanged,
    MarketOpened,
    UniverseChanged,
)

Event: TypeAlias = (
    BookEvent
    | SequenceAdvanced
    | TradePrinted
    | FramesMissed
    | TradesBackfilled
    | MarketsListed
    | MarketLifecycleChanged
    | MarketOpened
    | MarketClosed
    | UniverseChanged
    | BooksShed
    | BooksReclaimed
    | BooksAwaited
    | FeedConnected
    | FeedDisconnected
    | FrameRefused
    | BookInvalidated
    | BookRestored
    | BookChanged
    | SubscriptionEnded
    | SnapshotRefused
    | SnapshotsRequested
    | SnapshotsDelayed
    | LineObserved
    | BookAudited
    | BookGraded
    | OrderLifeEvent
    | OrderGroupEvent
    | RiskEvent
    | StrategyEvent
    | PluginChanged
    | RequestTaken
    | RequestAnswered
    | OrderDenied
    | OrderReported
    | OrderFilled
    | OrderRenewed
    | RenewalFailed
    | OrderChanged
    | PositionChanged
    | MarketSettled
    | CashMoved
    | BalanceAccepted
    | PositionAccepted
    | DifferenceIgnored
    | UnreadableRowsChanged
    | FeesPublished
    | FeeDiffered
    | AccountSynced
    | TradingStateUpdated
    | HaltRaised
    | HaltCleared
    | TradingPaused
    | TradingResumed
    | VenuePaused
    | VenueResumed
    | DegradedRaised
    | DegradedCleared
    | StateChanged
    | ServiceChanged
    | HealthChecked
    | ProgressProbed
)

JOURNALED: Final[tuple[type, ...]] = (
    OrderIntended,
    OrderSent,
    OrderAccepted,
    OrderRejected,
    OrderOutcomeUnknown,
    OrderNotPlaced,
    OrderVanished,
    OrderReported,
    OrderFilled,
    CancelRequested,
    CancelAcknowledged,
    CancelFailed,
    AmendRequested,
    AmendAccepted,
    AmendFailed,
    AmendOutcomeUnknown,
    OrderGroupOpened,
    OrderGroupTriggered,
    OrderGroupReset,
    OrderGroupEnded,
    MarketSettled,
    CashMoved,
    BalanceAccepted,
    PositionAccepted,
    DifferenceIgnored,
    UnreadableRowsChanged,
    FeesPublished,
    AccountSynced,
    HaltRaised,
    HaltCleared,
    TradingPaused,
    TradingResumed,
    LimitsSet,
    LimitsConfirmed,
    LossBaselineMoved,
    StrategyParameterSet,
    StrategyReleased,
    StrategyReplaced,
    PluginChanged,
    RequestTaken,
    RequestAnswered,
    StateChanged,
)
"""What the journal keeps: folding these again at start gives the private state back.

Events that only follow from others are left out, but for halts, which must outlive a changed limit. `PluginChanged` changes
no state and is kept for people."""

__all__ = [
    "JOURNALED",
    "AccountSynced",
    "AmendAccepted",
    "AmendFailed",
    "AmendOutcomeUnknown",
    "AmendRequested",
    "Author",
    "BalanceAccepted",
    "BookAudited",
    "BookChanged",
    "BookDelta",
    "BookEvent",
    "BookFault",
    "BookGrade",
    "BookGraded",
    "BookInvalidated",
    "BookRestored",
    "BookSnapshot",
    "BooksAwaited",
    "BooksReclaimed",
    "BooksShed",
    "CancelAcknowledged",
    "CancelFailed",
    "CancelRequested",
    "CashMoved",
    "DegradedCleared",
    "DegradedRaised",
    "Difference",
    "DifferenceIgnored",
    "DifferingLevel",
    "Drift",
    "Event",
    "EventsDescribed",
    "FeeDiffered",
    "FeedConnected",
    "FeedDisconnected",
    "FeedName",
    "FeesPublished",
    "FrameRefused",
    "FramesMissed",
    "GroupNews",
    "HaltCleared",
    "HaltRaised",
    "HealthChecked",
    "Levels",
    "LifeStep",
    "LimitsConfirmed",
    "LimitsSet",
    "LineObserved",
    "LossBaselineMoved",
    "MarketClosed",
    "MarketLifecycleChanged",
    "MarketOpened",
    "MarketSettled",
    "MarketsListed",
    "OrderAccepted",
    "OrderChanged",
    "OrderDenied",
    "OrderFilled",
    "OrderGroupEnded",
    "OrderGroupEvent",
    "OrderGroupOpened",
    "OrderGroupReported",
    "OrderGroupReset",
    "OrderGroupTriggered",
    "OrderIntended",
    "OrderLifeEvent",
    "OrderNotPlaced",
    "OrderOutcomeUnknown",
    "OrderRejected",
    "OrderRenewed",
    "OrderReported",
    "OrderSent",
    "OrderVanished",
    "PluginChange",
    "PluginChanged",
    "PositionAccepted",
    "PositionChanged",
    "ProfitMarked",
    "ProgressProbed",
    "RenewalFailed",
    "RequestAnswered",
    "RequestTaken",
    "RiskEvent",
    "SequenceAdvanced",
    "ServiceChanged",
    "SnapshotRefused",
    "SnapshotsDelayed",
    "SnapshotsRequested",
    "Source",
    "StateChanged",
    "StrategiesReported",
    "StrategyEvent",
    "StrategyParameterSet",
    "StrategyReleased",
    "StrategyReplaced",
    "SubscriptionEnded",
    "TickEnded",
    "TradePrinted",
    "TradesBackfilled",
    "TradingPaused",
    "TradingResumed",
    "TradingStateUpdated",
    "UniverseChanged",
    "UnreadableRowsChanged",
    "VenuePaused",
    "VenueResumed",
]
