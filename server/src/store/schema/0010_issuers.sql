-- The issuers' list in force, as the root signed it: newer than the bundle's once one was published.
CREATE TABLE issuers_list (
    one       INTEGER NOT NULL PRIMARY KEY CHECK (one = 1),
    number    INTEGER NOT NULL,
    statement BLOB    NOT NULL
) STRICT;
