-- The revocation list: its newest head, its acts, what was answered to who published it, and what became of the devices
-- that it names in each conversation.
-- Instants are milliseconds since 1970 UTC by the relay's clock.

-- One row, from the first list on.
CREATE TABLE revocation_list (
    one             INTEGER PRIMARY KEY CHECK (one = 1),
    number          INTEGER NOT NULL CHECK (number > 0),
    -- The encoded SignedStatement.
    statement       BLOB    NOT NULL
) STRICT;

-- Numbered from 1, without a gap.
CREATE TABLE revocation_acts (
    number          INTEGER PRIMARY KEY CHECK (number > 0),
    device          BLOB    NOT NULL CHECK (length(device) = 16),
    -- wardline.relay.v1.RevocationKind: 1 revoked, 2 held, 3 reinstated.
    kind            INTEGER NOT NULL CHECK (kind BETWEEN 1 AND 3),
    -- The encoded RevocationAct.
    act             BLOB    NOT NULL,
    -- Of a hold: when a later act ended it, or when it had run out and its device was ended for good.
    over_at         INTEGER
) STRICT;

CREATE INDEX revocation_acts_of_device ON revocation_acts (device, number);
CREATE INDEX revocation_holds ON revocation_acts (number) WHERE kind = 2 AND over_at IS NULL;

-- One row a list that changed something: asking again gives the same answer.
CREATE TABLE revocation_answers (
    -- The list's number.
    number          INTEGER PRIMARY KEY CHECK (number > 0),
    -- The encoded PublishRevocationListResponse.
    answer          BLOB    NOT NULL
) STRICT;

-- Which conversations a device must leave.
CREATE INDEX fences_of_device ON fences (device);

-- What became of a device in each conversation that it was in when a list named it. One that comes back after a hold and is
-- named again has another row.
CREATE TABLE removals (
    device          BLOB    NOT NULL CHECK (length(device) = 16),
    conversation    BLOB    NOT NULL REFERENCES conversations (id),
    -- The list that named it, and since when that was in force.
    list_number     INTEGER NOT NULL,
    in_force_at     INTEGER NOT NULL,
    -- How it ended. Absent while it is open.
    taken_at        INTEGER,
    -- The log with the commit, its number there, the epoch it ended, its digest and the encoded SignedStatement of its author;
    -- absent where no commit did it: the hold ended, or the log was closed.
    log             BLOB,
    number          INTEGER,
    epoch           INTEGER,
    message_sha256  BLOB,
    author          BLOB,
    PRIMARY KEY (device, conversation, list_number),
    CHECK (taken_at IS NOT NULL OR log IS NULL),
    CHECK ((log IS NULL) = (number IS NULL)),
    CHECK ((log IS NULL) = (epoch IS NULL)),
    CHECK ((log IS NULL) = (message_sha256 IS NULL)),
    CHECK ((log IS NULL) = (author IS NULL))
) STRICT, WITHOUT ROWID;

CREATE UNIQUE INDEX removals_open ON removals (conversation, device) WHERE taken_at IS NULL;

-- When a device last had a connection, to the minute.
ALTER TABLE devices ADD COLUMN last_seen_at INTEGER;

-- One kind of task more: 7, remove the devices in the fence; one a conversation, its subject is empty.
CREATE TABLE tasks_of_seven_kinds (
    conversation    BLOB    NOT NULL REFERENCES conversations (id),
    -- 1 let go, 2 add device, 3 let back, 4 add anew, 5 renew, 6 succeed, 7 remove.
    kind            INTEGER NOT NULL CHECK (kind BETWEEN 1 AND 7),
    -- What makes it one task: a user id, a device's id, a number in eight bytes, or nothing.
    subject         BLOB    NOT NULL,
    -- The encoded SignedStatement that is its ground; kinds 1 to 3.
    ground          BLOB,
    made_at         INTEGER NOT NULL,
    PRIMARY KEY (conversation, kind, subject),
    CHECK ((kind <= 3) = (ground IS NOT NULL))
) STRICT, WITHOUT ROWID;

INSERT INTO tasks_of_seven_kinds SELECT conversation, kind, subject, ground, made_at FROM tasks;
DROP TABLE tasks;
ALTER TABLE tasks_of_seven_kinds RENAME TO tasks;

CREATE INDEX tasks_by_age ON tasks (made_at);
