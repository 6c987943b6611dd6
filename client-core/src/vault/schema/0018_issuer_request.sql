-- The key with which this device has asked to be an issuer's machine, until the root's list names it.

CREATE TABLE issuer_request (
    only         INTEGER PRIMARY KEY CHECK (only = 1),
    key_seed     BLOB    NOT NULL CHECK (length(key_seed) = 32),
    requested_ms INTEGER NOT NULL
) STRICT;
