-- What members did wrong, and what the relay and people were told. Times are milliseconds since 1970 UTC.

-- A commit by which its author broke a rule; one row an entry.
CREATE TABLE faults (
    conversation_id BLOB NOT NULL,
    number          INTEGER NOT NULL,        -- the entry
    device_id       BLOB NOT NULL CHECK (length(device_id) = 16),  -- its author
    user_id         TEXT NOT NULL,
    name            TEXT NOT NULL,
    why             TEXT NOT NULL,           -- what people are told
    devices         TEXT NOT NULL,           -- who came in by it without a right to, one a line: device and user
    proven          INTEGER NOT NULL,        -- 1: by the commit itself; every member may remove its author
    settled         INTEGER NOT NULL,        -- 1: put right
    PRIMARY KEY (conversation_id, number)
) STRICT, WITHOUT ROWID;

-- The devices that the relay holds to be in a conversation, where a commit declared others than it made.
CREATE TABLE declared_rosters (
    conversation_id BLOB PRIMARY KEY,
    devices         BLOB NOT NULL,           -- 16 bytes each
    number          INTEGER NOT NULL         -- the entry that declared it
) STRICT;

-- Devices by which people mean to replace a lost one, until a member has confirmed them.
CREATE TABLE replacements (
    device_id    BLOB PRIMARY KEY CHECK (length(device_id) = 16),
    replaces_id  BLOB NOT NULL CHECK (length(replaces_id) = 16),
    certificate  BLOB NOT NULL,              -- DER, verified when it came
    invited_by   TEXT NOT NULL,              -- the issuer's name
    enrolled_ms  INTEGER NOT NULL
) STRICT;

-- The KeyPackages whose private keys are in the vault.
CREATE TABLE key_packages (
    reference   BLOB PRIMARY KEY,
    suite       INTEGER NOT NULL,
    last_resort INTEGER NOT NULL,
    made_ms     INTEGER NOT NULL
) STRICT;
