-- What a device knows beside its MLS state. Times are milliseconds since 1970 UTC; ids are raw bytes.

CREATE TABLE device (
    only             INTEGER PRIMARY KEY CHECK (only = 1),
    device_id        BLOB NOT NULL CHECK (length(device_id) = 16),
    user_id          TEXT NOT NULL,
    display_name     TEXT NOT NULL,
    device_name      TEXT NOT NULL,
    role             TEXT NOT NULL,
    key_seed         BLOB NOT NULL CHECK (length(key_seed) = 32),
    root_fingerprint BLOB NOT NULL CHECK (length(root_fingerprint) = 32),
    addresses        TEXT NOT NULL,          -- "host:port", one a line
    organisation     BLOB NOT NULL,          -- wardline.relay.v1.Organisation, verified against the root
    certificate      BLOB,                   -- DER; NULL while enrolling
    invitation       TEXT                    -- the link, a secret, while enrolling; then NULL
) STRICT;

CREATE TABLE issuer (
    only        INTEGER PRIMARY KEY CHECK (only = 1),
    key_seed    BLOB NOT NULL CHECK (length(key_seed) = 32),
    certificate BLOB NOT NULL                -- DER
) STRICT;

-- The registrar's own memory of spent invitations: a relay that offers one twice gets nothing.
CREATE TABLE spent_invitations (
    invitation_id BLOB PRIMARY KEY CHECK (length(invitation_id) = 16),
    device_id     BLOB NOT NULL CHECK (length(device_id) = 16),
    certificate   BLOB NOT NULL,             -- what was issued, to hand in again after a crash
    issued_ms     INTEGER NOT NULL
) STRICT;

CREATE TABLE conversations (
    conversation_id   BLOB PRIMARY KEY CHECK (length(conversation_id) = 16),
    suite             INTEGER NOT NULL,
    name              TEXT NOT NULL,
    retention_seconds INTEGER NOT NULL,
    state             TEXT NOT NULL CHECK (state IN ('creating', 'active', 'left', 'removed', 'stopped')),
    held              TEXT,                  -- why nothing is encrypted to it; NULL if it is not held
    fault_number      INTEGER,               -- entry at which a member saw another log; NULL if none
    joined_number     INTEGER NOT NULL,      -- the commit that let this device in; 0 for the creator
    cursor            INTEGER NOT NULL,      -- last entry processed
    chain_hash        BLOB NOT NULL CHECK (length(chain_hash) = 32),
    read_number       INTEGER NOT NULL,      -- last entry shown to the person
    last_ms           INTEGER NOT NULL       -- stamp of the last entry
) STRICT;

-- The chain hashes a member's message may refer to; older ones than the last 10,000 are dropped.
CREATE TABLE chain (
    conversation_id BLOB NOT NULL,
    number          INTEGER NOT NULL,
    hash            BLOB NOT NULL CHECK (length(hash) = 32),
    PRIMARY KEY (conversation_id, number)
) STRICT, WITHOUT ROWID;

CREATE TABLE messages (
    conversation_id BLOB NOT NULL,
    number          INTEGER NOT NULL,
    kind            TEXT NOT NULL CHECK (kind IN ('text', 'event', 'unreadable', 'unsupported', 'expired')),
    sender_user     TEXT NOT NULL,
    sender_name     TEXT NOT NULL,
    sender_device   BLOB NOT NULL,
    message_id      BLOB,                    -- client_message_id of a text
    stamp_ms        INTEGER NOT NULL,
    expires_ms      INTEGER,                 -- NULL: an event, kept
    body            TEXT NOT NULL,
    PRIMARY KEY (conversation_id, number)
) STRICT;

-- Each message of a device is shown once, however often it travels.
CREATE UNIQUE INDEX messages_by_id ON messages (sender_device, message_id) WHERE message_id IS NOT NULL;
CREATE INDEX messages_by_expiry ON messages (expires_ms) WHERE expires_ms IS NOT NULL;

CREATE TABLE outbox (
    place           INTEGER PRIMARY KEY AUTOINCREMENT,
    message_id      BLOB NOT NULL UNIQUE CHECK (length(message_id) = 16),
    conversation_id BLOB NOT NULL,
    kind            TEXT NOT NULL CHECK (kind IN ('text', 'leave')),
    body            BLOB NOT NULL,           -- UTF-8 text, or the encoded signed Leave
    created_ms      INTEGER NOT NULL,
    life_seconds    INTEGER NOT NULL,
    epoch           INTEGER,                 -- of the ciphertext; NULL until encrypted
    ciphertext      BLOB,
    accepted_number INTEGER,                 -- the relay's answer; the row goes when its entry comes back
    accepted_ms     INTEGER,                 -- its stamp
    refusal         TEXT                     -- why it will not be sent; NULL while it may
) STRICT;

CREATE TABLE intents (
    intent_id       INTEGER PRIMARY KEY AUTOINCREMENT,
    conversation_id BLOB NOT NULL,
    wish            TEXT NOT NULL,           -- JSON
    request_id      BLOB NOT NULL CHECK (length(request_id) = 16),
    created_ms      INTEGER NOT NULL,
    not_before_ms   INTEGER NOT NULL,
    outcome         TEXT                     -- JSON; NULL while open
) STRICT;

-- At most one commit of ours is under way in a conversation. It is cleared only when the relay has named the
-- winner of its epoch.
CREATE TABLE pending_commits (
    conversation_id BLOB PRIMARY KEY,
    intent_id       INTEGER NOT NULL,
    epoch           INTEGER NOT NULL,
    commit_message  BLOB NOT NULL,
    commit_sha256   BLOB NOT NULL CHECK (length(commit_sha256) = 32),
    welcome         BLOB,
    author          BLOB NOT NULL,           -- encoded SignedStatement
    event           TEXT NOT NULL            -- what the log will show people
) STRICT;

-- Leaves that a commit has carried out: none is a ground a second time.
CREATE TABLE spent_leaves (
    conversation_id  BLOB NOT NULL,
    statement_sha256 BLOB NOT NULL CHECK (length(statement_sha256) = 32),
    PRIMARY KEY (conversation_id, statement_sha256)
) STRICT, WITHOUT ROWID;
