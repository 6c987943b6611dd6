-- The record: every act of administrators, registrars and the relay, as an append-only Merkle tree (RFC 6962, SHA-256).

-- Numbered from 0, without a gap; never changed.
CREATE TABLE record (
    number          INTEGER PRIMARY KEY CHECK (number >= 0),
    -- The encoded RecordEntry: what the leaf is made of.
    entry           BLOB    NOT NULL
) STRICT;

-- The devices that an entry names.
CREATE TABLE record_devices (
    device          BLOB    NOT NULL CHECK (length(device) = 16),
    number          INTEGER NOT NULL REFERENCES record (number),
    PRIMARY KEY (device, number)
) STRICT, WITHOUT ROWID;

-- The complete subtrees: the one with this place among those of 2^level entries. So an entry costs two rows on average, and a
-- proof as many as the tree is high.
CREATE TABLE record_hashes (
    level           INTEGER NOT NULL CHECK (level BETWEEN 0 AND 62),
    place           INTEGER NOT NULL CHECK (place >= 0),
    hash            BLOB    NOT NULL CHECK (length(hash) = 32),
    PRIMARY KEY (level, place)
) STRICT, WITHOUT ROWID;

-- Who made the commit by which a device went out, and the encoded SignedStatement of the member who confirmed it.
ALTER TABLE removals ADD COLUMN committer BLOB CHECK (length(committer) = 16);
ALTER TABLE removals ADD COLUMN confirmation BLOB;
UPDATE removals
   SET committer = (SELECT e.sender FROM entries e WHERE e.conversation = removals.log AND e.number = removals.number)
 WHERE log IS NOT NULL;

CREATE INDEX removals_by_commit ON removals (log, number) WHERE log IS NOT NULL;

-- One kind of task more: 8, confirm a removal; its subject is the commit's number in eight bytes, and its author's id.
CREATE TABLE tasks_of_eight_kinds (
    conversation    BLOB    NOT NULL REFERENCES conversations (id),
    -- 1 let go, 2 add device, 3 let back, 4 add anew, 5 renew, 6 succeed, 7 remove, 8 confirm.
    kind            INTEGER NOT NULL CHECK (kind BETWEEN 1 AND 8),
    -- What makes it one task: a user id, a device's id, a number in eight bytes, such a number and a device's id, or nothing.
    subject         BLOB    NOT NULL,
    -- The encoded SignedStatement that is its ground; kinds 1 to 3.
    ground          BLOB,
    made_at         INTEGER NOT NULL,
    PRIMARY KEY (conversation, kind, subject),
    CHECK ((kind <= 3) = (ground IS NOT NULL))
) STRICT, WITHOUT ROWID;

INSERT INTO tasks_of_eight_kinds SELECT conversation, kind, subject, ground, made_at FROM tasks;
DROP TABLE tasks;
ALTER TABLE tasks_of_eight_kinds RENAME TO tasks;

CREATE INDEX tasks_by_age ON tasks (made_at);
CREATE INDEX tasks_of_device ON tasks (subject, kind);
