-- 'recall': somebody took a message back; 'recalled': what is left of it.
CREATE TABLE messages_0020 (
    conversation_id BLOB NOT NULL,
    number          INTEGER NOT NULL,
    kind            TEXT NOT NULL
        CHECK (kind IN ('text', 'event', 'unreadable', 'unsupported', 'expired', 'missed', 'recall', 'recalled')),
    sender_user     TEXT NOT NULL,
    sender_name     TEXT NOT NULL,
    sender_device   BLOB NOT NULL,
    message_id      BLOB,                    -- the sender's id of a text or recall
    stamp_ms        INTEGER NOT NULL,
    expires_ms      INTEGER,                 -- NULL: an event, kept
    body            TEXT NOT NULL,           -- of a recall: device and id of what was taken back, and the number it had
    PRIMARY KEY (conversation_id, number)
) STRICT;
INSERT INTO messages_0020
    SELECT conversation_id, number, kind, sender_user, sender_name, sender_device, message_id, stamp_ms, expires_ms, body
    FROM messages;
DROP TABLE messages;
ALTER TABLE messages_0020 RENAME TO messages;
CREATE UNIQUE INDEX messages_by_id ON messages (sender_device, message_id) WHERE message_id IS NOT NULL;
CREATE INDEX messages_by_expiry ON messages (expires_ms) WHERE expires_ms IS NOT NULL;

CREATE TABLE outbox_0020 (
    place           INTEGER PRIMARY KEY AUTOINCREMENT,
    message_id      BLOB NOT NULL UNIQUE CHECK (length(message_id) = 16),
    conversation_id BLOB NOT NULL,
    kind            TEXT NOT NULL CHECK (kind IN ('text', 'leave', 'recall')),
    body            BLOB NOT NULL,           -- UTF-8 text, the encoded signed Leave, or device and id of what is taken back
    created_ms      INTEGER NOT NULL,
    life_seconds    INTEGER NOT NULL,
    epoch           INTEGER,                 -- of the ciphertext; NULL until encrypted
    ciphertext      BLOB,
    accepted_number INTEGER,                 -- the relay's answer; the row goes when its entry comes back
    accepted_ms     INTEGER,                 -- its stamp
    refusal         TEXT,                    -- why it will not be sent; NULL while it may
    inner_id        BLOB CHECK (length(inner_id) = 16),
    expires_ms      INTEGER
) STRICT;
INSERT INTO outbox_0020
    SELECT place, message_id, conversation_id, kind, body, created_ms, life_seconds, epoch, ciphertext, accepted_number, accepted_ms,
           refusal, inner_id, expires_ms
    FROM outbox;
DROP TABLE outbox;
ALTER TABLE outbox_0020 RENAME TO outbox;

-- What was taken back and by whom, until the recall itself is gone: a text that comes after it, sent again by a device that had not
-- heard, is not shown.
CREATE TABLE recalled (
    first_id   BLOB NOT NULL CHECK (length(first_id) = 16), -- the conversation, by the id that people see
    device     BLOB NOT NULL CHECK (length(device) = 16),
    message_id BLOB NOT NULL CHECK (length(message_id) = 16),
    user       TEXT NOT NULL,
    expires_ms INTEGER NOT NULL,
    PRIMARY KEY (first_id, device, message_id, user)
) STRICT, WITHOUT ROWID;
