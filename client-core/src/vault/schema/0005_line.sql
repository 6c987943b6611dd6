-- Logs that broke and went on: which logs people see as one conversation, who was in it before its last commits, and
-- what this device says of a commit that it cannot follow.

CREATE TABLE conversations_0005 (
    conversation_id   BLOB PRIMARY KEY CHECK (length(conversation_id) = 16),
    suite             INTEGER NOT NULL,
    name              TEXT NOT NULL,
    retention_seconds INTEGER NOT NULL,
    state             TEXT NOT NULL
        CHECK (state IN ('creating', 'active', 'left', 'removed', 'stopped', 'out_of_step', 'closed')),
    held              TEXT,                  -- why nothing is encrypted to it; NULL if it is not held
    joined_number     INTEGER NOT NULL,      -- the commit that let this device in; 0 for the creator
    cursor            INTEGER NOT NULL,      -- last entry processed
    chain_hash        BLOB NOT NULL CHECK (length(chain_hash) = 32),
    read_number       INTEGER NOT NULL,      -- last entry shown to the person
    last_ms           INTEGER NOT NULL,      -- stamp of the last entry
    first_id          BLOB NOT NULL CHECK (length(first_id) = 16), -- the id that people see: that of the first log
    offset_number     INTEGER NOT NULL,      -- what is added to a number before people see it
    predecessor_id    BLOB CHECK (length(predecessor_id) = 16),    -- the log it goes on from; NULL if none
    successor_id      BLOB CHECK (length(successor_id) = 16),      -- the log it goes on in; NULL if none
    closed_number     INTEGER,               -- the commit at which the log was closed; NULL if it is open
    closed_head       INTEGER                -- its last entry
) STRICT;
INSERT INTO conversations_0005
    SELECT conversation_id, suite, name, retention_seconds, state, held, joined_number, cursor, chain_hash,
           read_number, last_ms, conversation_id, 0, NULL, NULL, NULL, NULL
    FROM conversations;
DROP TABLE conversations;
ALTER TABLE conversations_0005 RENAME TO conversations;

-- 'missed': a message that came while this device could not follow.
CREATE TABLE messages_0005 (
    conversation_id BLOB NOT NULL,
    number          INTEGER NOT NULL,
    kind            TEXT NOT NULL
        CHECK (kind IN ('text', 'event', 'unreadable', 'unsupported', 'expired', 'missed')),
    sender_user     TEXT NOT NULL,
    sender_name     TEXT NOT NULL,
    sender_device   BLOB NOT NULL,
    message_id      BLOB,                    -- the sender's id of a text
    stamp_ms        INTEGER NOT NULL,
    expires_ms      INTEGER,                 -- NULL: an event, kept
    body            TEXT NOT NULL,
    PRIMARY KEY (conversation_id, number)
) STRICT;
INSERT INTO messages_0005
    SELECT conversation_id, number, kind, sender_user, sender_name, sender_device, message_id, stamp_ms, expires_ms, body
    FROM messages;
DROP TABLE messages;
ALTER TABLE messages_0005 RENAME TO messages;
CREATE UNIQUE INDEX messages_by_id ON messages (sender_device, message_id) WHERE message_id IS NOT NULL;
CREATE INDEX messages_by_expiry ON messages (expires_ms) WHERE expires_ms IS NOT NULL;

-- A message that is sent again travels under a fresh id and keeps its first one inside.
ALTER TABLE outbox ADD COLUMN inner_id BLOB CHECK (length(inner_id) = 16);

-- Under which numbers an own message was sent again; goes with the message.
CREATE TABLE sent_again (
    message_id   BLOB NOT NULL CHECK (length(message_id) = 16),
    shown_number INTEGER NOT NULL,
    PRIMARY KEY (message_id, shown_number)
) STRICT, WITHOUT ROWID;

-- Commits of the logs, and who was in before the last of them.
CREATE TABLE commits (
    conversation_id BLOB NOT NULL,
    number          INTEGER NOT NULL,
    commit_sha256   BLOB NOT NULL CHECK (length(commit_sha256) = 32),
    author_device   BLOB CHECK (length(author_device) = 16), -- NULL if nobody signed for it
    stamp_ms        INTEGER NOT NULL,
    before          TEXT,                    -- JSON: people, devices, settings before it; NULL for older ones
    PRIMARY KEY (conversation_id, number)
) STRICT, WITHOUT ROWID;

-- What this device says of a commit that it cannot follow, until it is in again.
CREATE TABLE reports (
    conversation_id BLOB PRIMARY KEY CHECK (length(conversation_id) = 16),
    number          INTEGER NOT NULL,
    statement       BLOB NOT NULL            -- encoded SignedStatement of OutOfStep
) STRICT;
