-- The archive of the journal, version 1.  1953653089 is "traa" in ASCII; store/archive.py checks both pragmas.
PRAGMA application_id = 1953653089;
PRAGMA user_version = 1;

-- The rows of the journal that a start does not need any more, word for word.
CREATE TABLE journal (
    position INTEGER PRIMARY KEY,
    at_ns    INTEGER NOT NULL,
    kind     TEXT    NOT NULL,
    body     BLOB    NOT NULL
) STRICT;

-- One row: whose journal it was.
CREATE TABLE meta (
    only_row    INTEGER PRIMARY KEY CHECK (only_row = 1),
    instance_id TEXT    NOT NULL CHECK (length(instance_id) = 8)
) STRICT;
