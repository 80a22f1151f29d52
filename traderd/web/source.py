"""What the console asks of the rest of the daemon.

Owns: the one interface between the web package and everything else.  All values are ready for JSON: money, prices
and counts are exact decimal texts in dollars and contracts, never floats, and keys carry their unit.
Must not: be implemented here, or know who implements it.
"""

from __future__ import annotations

from typing import Any, Protocol, TypeAlias, runtime_checkable

import attrs

JsonObject: TypeAlias = dict[str, Any]
"""A record ready for JSON; money is text."""
Answer: TypeAlias = tuple[int, JsonObject]
"""An HTTP status and the outcome."""


@attrs.frozen(kw_only=True)
class EarlierRequest:
    """A request that came with a key before, in this run or an earlier one."""

    asked: tuple[str, str]
    """The verb, and a digest of its body."""
    taken_at: str
    """When, for people."""
    answer: Answer | None
    """None: it was taken on, and nobody knows how it ended."""


class RequestNotes(Protocol):
    """What is remembered of requests with a key, over restarts as well."""

    def earlier(self, key: str) -> EarlierRequest | None:
        """Return what came with this key, None when nothing did or it is too long ago."""

    async def take(self, key: str, asked: tuple[str, str]) -> None:
        """Remember that this is about to be done."""

    async def answer(self, key: str, answer: Answer) -> None:
        """Remember how it ended."""


@runtime_checkable
class ConsoleSource(Protocol):
    """The daemon as the console sees it; every method but `command` is a cheap read of present state."""

    def health(self) -> JsonObject:
        """Return `{"health": "healthy" | "degraded" | "unhealthy", "problems": [...], ...}`."""

    def status(self) -> JsonObject:
        """Return the whole status: state, metrics, account, services, halts, transitions."""

    def positions(self) -> list[JsonObject]:
        """Return one record per ticker with a position; `count` is signed."""

    def reconciliation(self) -> JsonObject:
        """Return the proof of the balance, standing mismatches and the differences of recent readings."""

    def book(self, ticker: str) -> JsonObject | None:
        """Return the book of one market, or None when it is not watched."""

    def chart(self, ticker: str | None) -> JsonObject:
        """Return `points`, the last hour of one market's best bid and ask, or with None that of our profit."""

    def similar_market(self, ticker: str) -> str | None:
        """Return the followed market whose ticker was probably meant, or None."""

    def markets(self, limit: int) -> JsonObject:
        """Return `followed`, their number, and `markets`: prices, grade and reason of each of the first `limit`."""

    def plugins(self) -> JsonObject:
        """Return `plugins`: every plugin that was found, used or not, with why and what to do."""

    def page(
        self, name: str, limit: int, before: str | None
    ) -> tuple[list[JsonObject], str | None]:
        """Return a page of `orders`, `fills`, `transitions` or `log`, and the cursor of the next older one if there is one.

        Orders are newest first, and the first page has every live one; the others are oldest first. Raises BadInput for a cursor that names nothing which is kept.
        """

    def verbs(self) -> dict[str, JsonObject]:
        """Return each verb with the JSON Schema of its body."""

    def state_version(self) -> str:
        """Return a word that changes with every start and whenever the state, a halt or a pause does.

        A command in flight (`acting`) changes nothing that a person decides by, so it counts as `ready`.
        """

    def status_boxes(self) -> list[str]:
        """Return the kept status boxes, oldest first."""

    @property
    def requests(self) -> RequestNotes:
        """What is remembered of requests with a key."""

    async def command(
        self, verb: str, body: JsonObject, state_version: str | None = None
    ) -> Answer:
        """Do what a person asks and return an HTTP status and the outcome.

        With a `state_version` only if that is still the one at the moment at which it is done; else 412 and an error body.
        The console never cancels it, except after `api.COMMAND_BUDGET_S`: a page that is closed takes nothing back.
        An unknown verb is answered with 404 and an error body.
        """
