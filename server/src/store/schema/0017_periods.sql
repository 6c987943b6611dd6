-- What the relay adds to the keys of messages: one secret for each instant at which messages end. A row goes at that instant.
CREATE TABLE period_secrets (
    ends_at INTEGER PRIMARY KEY CHECK (ends_at % 60000 = 0),
    secret  BLOB NOT NULL CHECK (length(secret) = 32)
) STRICT;
