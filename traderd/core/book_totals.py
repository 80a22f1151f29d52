"""What happened to all books together since the start, those that were forgotten included.

Owns: counts that only grow, so that their rate can be told, and how many books have which grade.
Must not: know which book; `book_quality` keeps the records of each.
"""

from __future__ import annotations

from collections import Counter
from typing import Final

import attrs

from traderd.core.book import Book
from traderd.model.events import BookAudited, BookFault, BookGrade

AGREED: Final = "agreed"
DIFFERED: Final = "differed"
"""A look that disagreed, which a second one has to confirm."""
WRONG: Final = "wrong"
"""The second look disagreed in the same way: proven."""
INCONCLUSIVE: Final = "inconclusive"
"""Too much moved to say anything."""
AUDIT_RESULTS: Final = (AGREED, DIFFERED, WRONG, INCONCLUSIVE)


@attrs.define(eq=False)
class BookTotals:
    """The counts."""

    faults: Counter[BookFault] = attrs.Factory(Counter)
    audits: Counter[str] = attrs.Factory(Counter)
    """By result, one of AUDIT_RESULTS."""
    grades: dict[BookGrade, int] = attrs.Factory(lambda: dict.fromkeys(BookGrade, 0))
    """Of the books that there are, as last reviewed; this one does not only grow."""
    dropped_deltas: int = 0
    """Of books that were forgotten; those of the others stand in the books."""

    def audited(self, event: BookAudited) -> None:
        """Count one audit by its result."""
        if not event.conclusive:
            self.audits[INCONCLUSIVE] += 1
        elif event.agreed:
            self.audits[AGREED] += 1
        else:
            self.audits[WRONG if event.proven else DIFFERED] += 1

    def regrade(self, before: BookGrade | None, after: BookGrade | None) -> None:
        """Move one book from a grade to another; None: it had or has none."""
        if before is not None:
            self.grades[before] -= 1
        if after is not None:
            self.grades[after] += 1

    def retire(self, book: Book) -> None:
        """Take over the counts of a book that is forgotten."""
        self.dropped_deltas += book.dropped_deltas
