-- This home was made by a restore from the root's file: whether all of it is done.

CREATE TABLE restoring (
    only INTEGER PRIMARY KEY CHECK (only = 1),
    done INTEGER NOT NULL                    -- 0 or 1
) STRICT;
