-- The journal, version 3.  1953653092 is "trad" in ASCII; store/database.py checks both pragmas.
PRAGMA application_id = 1953653092;
PRAGMA user_version = 3;

-- One row per journaled event, in the order in which they happened to the daemon.
CREATE TABLE journal (
    position INTEGER PRIMARY KEY,   -- 1, 2, 3 ... without holes; the oldest may be in the archive only
    at_ns    INTEGER NOT NULL,      -- the event's own time, ns since the epoch
    kind     TEXT    NOT NULL,      -- a word of store/codec.py
    body     BLOB    NOT NULL       -- JSON
) STRICT;

-- The state that the events up to `position` make; only that of meta.checkpoint is whole.
CREATE TABLE checkpoint (
    position INTEGER NOT NULL,
    number   INTEGER NOT NULL,      -- 1, 2, 3 ... without holes
    body     BLOB    NOT NULL,      -- JSON lines, read only by the code that wrote them
    PRIMARY KEY (position, number)
) STRICT;

-- One row: who this journal belongs to, and how often it was opened.
CREATE TABLE meta (
    only_row    INTEGER PRIMARY KEY CHECK (only_row = 1),
    instance_id TEXT    NOT NULL CHECK (length(instance_id) = 8),
    generation  INTEGER NOT NULL CHECK (generation >= 0),
    written_by  TEXT    NOT NULL DEFAULT '',        -- the version of traderd that opened it last
    checkpoint      INTEGER NOT NULL DEFAULT 0,     -- up to which position; 0: there is none
    checkpoint_rows INTEGER NOT NULL DEFAULT 0,
    checkpoint_code TEXT    NOT NULL DEFAULT '',    -- which code made it, see store/fold_code.py
    archived        INTEGER NOT NULL DEFAULT 0      -- rows up to here are in the archive, and may be gone from here
) STRICT;
