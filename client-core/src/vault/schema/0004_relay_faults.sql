-- What the relay was caught doing: kept for good, with what shows it.
CREATE TABLE relay_faults (
    conversation_id BLOB NOT NULL,           -- empty: of all conversations
    kind            TEXT NOT NULL,
    number          INTEGER NOT NULL,        -- the entry, or the list; 0: of none
    about           TEXT NOT NULL,           -- the user who saw otherwise, or whom it is about; may be empty
    noticed_ms      INTEGER NOT NULL,
    times           INTEGER NOT NULL,
    evidence        TEXT NOT NULL            -- JSON
) STRICT;
CREATE UNIQUE INDEX relay_faults_once ON relay_faults (conversation_id, kind, number, about);

-- The highest that the relay has signed: later greetings are held against it.
CREATE TABLE relay_greeting (
    only     INTEGER PRIMARY KEY CHECK (only = 1),
    greeting BLOB NOT NULL                   -- wardline.relay.v1.RelayGreeting, verified
) STRICT;

-- One-time KeyPackages that this device has joined with.
CREATE TABLE spent_packages (
    reference BLOB PRIMARY KEY
) STRICT, WITHOUT ROWID;
