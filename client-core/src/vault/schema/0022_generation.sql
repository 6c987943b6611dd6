-- How often this vault was opened: the relay takes no opening by an older copy.
CREATE TABLE generation (
    only       INTEGER PRIMARY KEY CHECK (only = 1),
    generation INTEGER NOT NULL CHECK (generation > 0)
) STRICT;
