-- The journal, version 2.  1953653092 is "trad" in ASCII; store/database.py checks both pragmas.
PRAGMA application_id = 1953653092;
PRAGMA user_version = 2;

-- One row per journaled event, in the order in which they happened to the daemon.
CREATE TABLE journal (
    position INTEGER PRIMARY KEY,   -- 1, 2, 3 ... without holes
    at_ns    INTEGER NOT NULL,      -- the event's own time, ns since the epoch
    kind     TEXT    NOT NULL,      -- a word of store/codec.py
    body     BLOB    NOT NULL       -- JSON
) STRICT;

-- One row: who this journal belongs to, and how often it was opened.
CREATE TABLE meta (
    only_row    INTEGER PRIMARY KEY CHECK (only_row = 1),
    instance_id TEXT    NOT NULL CHECK (length(instance_id) = 8),
    generation  INTEGER NOT NULL CHECK (generation >= 0),
    written_by  TEXT    NOT NULL DEFAULT ''   -- the version of traderd that opened it last
) STRICT;
