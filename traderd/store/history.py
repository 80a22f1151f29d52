"""Every event that was ever journaled, in order: from the archive as long as it has what the journal let go of.

Owns: which of the two files a row is read from.
Must not: write.
"""

from __future__ import annotations

from traderd.errors import StoreError
from traderd.store.archive import archive_path, open_archive
from traderd.store.database import PAGE_ROWS, Database, Row


def read_history(journal: Database, after: int, up_to: int, limit: int = PAGE_ROWS) -> list[Row]:
    """Return the next rows, at least one.  Blocks.

    Raises:
        StoreError: they cannot be read; says the cure.
    """
    if after + 1 >= journal.first_position:
        return journal.read_page(after=after, up_to=up_to, limit=limit)
    path = archive_path(journal.path)
    why = (
        f"the journal begins at event {journal.first_position}, and this traderd must read it anew"
    )
    cure = (
        f"put {path.name} of the same time back, start the version of traderd that ran last "
        f"({journal.written_by or 'nobody knows which'}), or move the journal away: the next start rebuilds the "
        "account from the exchange"
    )
    if not path.exists():
        raise StoreError(f"{why}, but the archive {path} is not there: {cure}")
    with open_archive(path, journal.instance_id) as archive:
        if after + 1 < archive.first or archive.last < journal.first_position - 1:
            raise StoreError(
                f"{why}, but the archive {path} has events {archive.first} to {archive.last} only: {cure}"
            )
        return archive.read(after=after, up_to=min(up_to, journal.first_position - 1), limit=limit)
