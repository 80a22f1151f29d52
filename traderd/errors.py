"""Every exception of traderd, sorted by whose fault it is.

TraderdError
├── ConfigError            the operator's: a setting, a file or a permission, with the cure
│   └── AlreadyRunning     the operator's: another daemon holds the lock or the port
├── BadInput               the caller's: a value that cannot be what it should be
│   └── UnitError          the caller's: text that is not an exact price, count or money amount
├── ExchangeError          theirs or the network's
│   ├── ExchangeRefused    theirs: the exchange said no, with its code and message
│   │   └── AuthenticationRefused   theirs: key, signature, clock or scope
│   ├── ExchangeProtocolError       theirs: an answer that breaks the documented protocol
│   ├── ExchangeUnavailable         the network's: nobody answered, or with 5xx, before anything was sent
│   │   └── NotSent                 ours: a request lost its point before anything was sent
│   │       └── NoTurn              ours: the account's limits had no room for a request
│   └── OutcomeUnknown              nobody knows: a write left and no clear answer came back
├── BookUnavailable        nobody's: a book that cannot be trusted now was asked for its prices
├── StoreError             the disk's: the journal cannot be opened, read or written
└── InvariantViolation     ours: a state that must not exist (illegal transition, negative count)
    └── IllegalTransition  ours: a state machine was asked for a step that is not in its table

Expected business outcomes (a denied or a rejected order) are events, not exceptions.
"""

from __future__ import annotations

from typing import Final

FOREIGN_FAILURES: Final = (Exception, SystemExit)
"""What code that is not ours may raise and is contained: a plugin that calls `sys.exit()` must not end the daemon."""


class TraderdError(Exception):
    """Base of everything that traderd raises on purpose."""


class ConfigError(TraderdError):
    """A setting, file or permission is wrong; the message names it and the cure."""


class AlreadyRunning(ConfigError):
    """Another daemon holds the lock or the port; the message names which."""


class BadInput(TraderdError, ValueError):
    """A value that cannot be what it should be; nothing was changed."""


class UnitError(BadInput):
    """Text that is not an exact price, count or amount of money."""


class ExchangeError(TraderdError):
    """The exchange or the way to it failed."""


class ExchangeRefused(ExchangeError):
    """The exchange understood the request and said no.

    Attributes: `status` (HTTP), `code` (the exchange's word, `""` if it gave none), `message`, `details`.
    """

    def __init__(self, *, status: int, code: str, message: str, details: str = "") -> None:
        super().__init__(status, code, message, details)
        self.status = status
        self.code = code
        self.message = message
        self.details = details

    def __str__(self) -> str:
        text = self.message or self.code or f"HTTP {self.status}"
        if self.details:
            text = f"{text} ({self.details})"
        return f"the exchange refused with HTTP {self.status} {self.code or 'no code'}: {text}"


class AuthenticationRefused(ExchangeRefused):
    """HTTP 401 or 403: key, signature, clock or scope; retrying alone cannot help."""


class ExchangeProtocolError(ExchangeError):
    """The exchange sent something that its protocol does not allow."""


class ExchangeUnavailable(ExchangeError):
    """No answer, or a 5xx, on a request that changes nothing: safe to try again later."""


class NotSent(ExchangeUnavailable):
    """A request was held back: it lost its point while it waited, or found no turn within its limits."""


class NoTurn(NotSent):
    """A request was held back because the account's limits had no room for it."""


class OutcomeUnknown(ExchangeError):
    """A write left and no clear answer came back: it may or may not have happened."""


class BookUnavailable(TraderdError):
    """A book cannot be trusted now, or is not known; the message says which and why.

    Old prices are to be had only from what is called `last_known_…`.
    """


class StoreError(TraderdError):
    """The journal cannot be opened, read or written; the message says what to do."""


class InvariantViolation(TraderdError):
    """A state that must not exist: a defect of traderd itself."""


class IllegalTransition(InvariantViolation):
    """A state machine was asked for a step that is not in its table."""


def describe_error(error: BaseException) -> str:
    """Return an exception for people: the leaves of a group, each with its class where it says little."""
    if isinstance(error, BaseExceptionGroup):
        return "; ".join(dict.fromkeys(describe_error(inner) for inner in error.exceptions))
    text = str(error)
    return text if isinstance(error, TraderdError) and text else f"{type(error).__name__}: {text}"
