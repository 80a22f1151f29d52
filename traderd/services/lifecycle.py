"""From the supervisor's steps to states with metadata.

Owns: every state transition. It asks the table first, publishes one StateChanged with the target state's own
metadata, and counts commands in flight, which is what `acting` means.
Must not: decide when a stage starts or ends.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

import structlog

from traderd.config import Config
from traderd.config_secrets import all_secret_texts
from traderd.core.view import StateView
from traderd.model import states as st
from traderd.model.events import (
    Author,
    DegradedRaised,
    Event,
    FeedName,
    HaltRaised,
    ServiceChanged,
    StateChanged,
    TradingStateUpdated,
)
from traderd.model.units import Timestamp
from traderd.runtime.bus import Bus
from traderd.runtime.env import Env
from traderd.runtime.log_text import mask_texts
from traderd.runtime.retry import show_wait
from traderd.runtime.service import OnCrash, Service
from traderd.services.stages import MARKET_DATA, SYNC, TRADING_CLIENT

MODE_TRADING: Final = "trading"
MODE_ORDERBOOK_ONLY: Final = "orderbook_only"
ROUTINE: Final = ("starting", "running", "stopped", "failed")
"""Statuses of a service that are worth a line only to who looks for them."""
TELL_EVERY: Final = 20
"""How often an outage that stays the same is told: at the longest wait every twenty minutes."""
TO_BE_FOUND: Final = "to be found"
"""Stands for the tickers before the first search has told them."""


class Lifecycle:
    """Listens to the supervisor and tells the bus."""

    def __init__(
        self,
        *,
        env: Env,
        config: Config,
        bus: Bus[Event],
        view: StateView,
        host: str,
        api_url: str,
        ws_url: str,
        log: structlog.stdlib.BoundLogger,
    ) -> None:
        self._env, self._config, self._bus, self._view, self._log = env, config, bus, view, log
        self._hidden = all_secret_texts(config)
        self._host, self._api_url, self._ws_url = host, api_url, ws_url
        self._mode = MODE_TRADING if config.trading_enabled else MODE_ORDERBOOK_ONLY
        self._in_flight = 0
        self._outage = ""
        """Which stage fails and why, while the climb has not arrived since."""
        self._tries_told = True
        """Tells whether the newest try of an outage was worth lines in the log."""
        self.last_update: TradingStateUpdated | None = None
        """The newest calibration, for the metadata of `ready`."""

    def transition(self, metadata: st.Metadata, *, context: str) -> None:
        """Step to the state that `metadata` belongs to.

        Raises:
            IllegalTransition: the table has no such step; nothing was published.
        """
        current = self._view.state
        target = st.next_state(current, metadata)
        self._bus.publish([
            StateChanged(
                at=Timestamp(self._env.wall_ns()),
                from_state=current,
                to_state=target,
                context=context,
                metadata=metadata,
            )
        ])
        # Every command enters and leaves `acting`: worth a line only to who looks for it.
        is_routine = current in st.WORKING and target in st.WORKING
        # Nor is each step of the tries that fail alike.
        is_retry = st.State.ERROR in (current, target) and not self._tries_told
        tell = self._log.debug if is_routine or is_retry else self._log.info
        tell(f"state {current.value} -> {target.value}", state=target.value, reason=context)

    def initialize(self) -> None:
        """Enter `initializing`: the resources are being opened."""
        self.transition(
            st.InitializingMetadata(
                environment=self._config.environment,
                host=self._host,
                log_level=self._config.log.level,
                mode=self._mode,
            ),
            context="start",
        )

    @contextmanager
    def activity(self) -> Iterator[None]:
        """Hold while a command is in flight: the daemon is `acting` until the last one ends."""
        self._in_flight += 1
        self._act_if_ready()
        try:
            yield
        finally:
            self._in_flight -= 1
            if self._in_flight == 0 and self._view.state is st.State.ACTING:
                self.transition(self._ready_metadata(), context="commands done")

    def _act_if_ready(self) -> None:
        if self._in_flight and self._view.state is st.State.READY:
            self.transition(st.ActingMetadata(orders_in_flight=self._in_flight), context="command")

    # --- SupervisorListener -----------------------------------------------------------------------

    def entering(self, stage: str) -> None:
        """Enter the state of a stage."""
        metadata: st.Metadata
        if stage == MARKET_DATA:
            metadata = st.OrderbookConnectMetadata(
                ws_url=self._ws_url,
                markets=st.name_tickers(self._view.followed) or TO_BE_FOUND,
                market_count=len(self._view.followed),
                environment=self._config.environment,
            )
        elif stage == TRADING_CLIENT:
            metadata = st.TradingClientConnectMetadata(
                mode=self._mode, environment=self._config.environment, api_url=self._api_url
            )
        else:
            assert stage == SYNC, f"no state belongs to stage {stage}"
            metadata = st.KalshiDataSyncMetadata(mode=self._mode, sync_type="initial")
        self.transition(metadata, context="climb")

    def failed(self, stage: str, error: str, attempt: int, retry_in_s: float) -> None:
        """Enter `error`; of tries that fail alike only the first and then every TELL_EVERY-th is told."""
        outage = f"{stage}: {error}"
        self._tries_told = outage != self._outage or attempt % TELL_EVERY == 0
        self._outage = outage
        tell = self._log.error if self._tries_told else self._log.debug
        tell(
            f"stage {stage} failed: {error}; climbing again {show_wait(retry_in_s)}",
            stage=stage,
            attempt=attempt,
        )
        self.transition(
            st.ErrorMetadata(
                failed_stage=stage, error=error, attempt=attempt, retry_in_s=round(retry_in_s, 3)
            ),
            context=f"stage {stage} failed",
        )

    def arrived(self) -> None:
        """Enter `ready`, and `acting` when commands outlived the recovery."""
        self._outage, self._tries_told = "", True
        self.transition(self._ready_metadata(), context="climb")
        self._act_if_ready()

    def stopping(self, reason: str) -> None:
        """Enter `shutdown`."""
        self.transition(st.ShutdownMetadata(reason=reason), context="stop")

    def service_changed(self, name: str, status: str, detail: str) -> None:
        """Publish a service's status."""
        # A stage that failed is told by `failed`, with what comes next.
        level = self._log.debug if status in ROUTINE else self._log.warning
        detail = mask_texts(detail, self._hidden)
        words = status if status == "failed" else f"is {status}"
        level(f"service {name} {words}", service=name, detail=detail)
        self._bus.publish([
            ServiceChanged(
                at=Timestamp(self._env.wall_ns()), name=name, status=status, detail=detail
            )
        ])

    def service_lost(self, service: Service, error: str) -> None:
        """Draw the consequence that a service named for being past its restart budget."""
        at, error = Timestamp(self._env.wall_ns()), mask_texts(error, self._hidden)
        if service.on_crash is OnCrash.HALT:
            reason = f"service {service.name} keeps failing: {error}"
            self._bus.publish([
                HaltRaised(
                    at=at, halt_id=f"service:{service.name}", author=Author.MACHINE, reason=reason
                )
            ])
        elif service.on_crash is OnCrash.DEGRADE:
            self._bus.publish([DegradedRaised(at=at, part=service.name, reason=error)])

    def _ready_metadata(self) -> st.ReadyMetadata:
        data = self._view.market_data
        return st.ReadyMetadata(
            markets_connected=data.usable_books(),
            snapshots_received=data.snapshots_received,
            deltas_received=data.deltas_received,
            connection_established=data.feeds[FeedName.MARKET_DATA].connected,
            first_snapshot_received=data.snapshots_received > 0,
            environment=self._config.environment,
            trading_client=self._trading_summary() if self._config.trading_enabled else None,
        )

    def _trading_summary(self) -> st.TradingClientSummary | None:
        update = self.last_update
        if update is None:
            return None
        changed = update.sync_type == "update"
        return st.TradingClientSummary(
            connected=self._view.feed(FeedName.PRIVATE).connected,
            mode=self._mode,
            balance=update.balance,
            portfolio_value=update.portfolio_value,
            positions=update.position_count,
            orders=update.order_count,
            balance_change=update.balance_change if changed else None,
            positions_change=update.position_count_change if changed else None,
            orders_change=update.order_count_change if changed else None,
        )
