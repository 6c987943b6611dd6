-- What conversations are owed: membership tasks, devices out of step, closed logs and their successors.
-- Instants are milliseconds since 1970 UTC by the relay's clock.

-- The commit at which the log was closed; 0 for a successor that was given up before anybody came in.
ALTER TABLE conversations ADD COLUMN closed_number INTEGER;
ALTER TABLE conversations ADD COLUMN closed_at INTEGER;
-- The conversation that goes on from a closed log, and the closed log that it goes on from.
ALTER TABLE conversations ADD COLUMN successor BLOB;
ALTER TABLE conversations ADD COLUMN predecessor BLOB;
-- When its epoch began, by the clock as it was.
ALTER TABLE conversations ADD COLUMN epoch_at INTEGER NOT NULL DEFAULT 0;
-- When it is owed a commit because of its age: since the epoch's first message. Absent without one, and once a task
-- stands for it.
ALTER TABLE conversations ADD COLUMN renew_at INTEGER;
UPDATE conversations SET epoch_at = head_stamp, renew_at = head_stamp + 86400000;

CREATE INDEX conversations_to_renew ON conversations (renew_at) WHERE renew_at IS NOT NULL;

-- What members are asked to do. A row ends with the commit that shows it done, in the same transaction.
CREATE TABLE tasks (
    conversation    BLOB    NOT NULL REFERENCES conversations (id),
    -- 1 let go, 2 add device, 3 let back, 4 add anew, 5 renew, 6 succeed.
    kind            INTEGER NOT NULL CHECK (kind BETWEEN 1 AND 6),
    -- What makes it one task: a user id, a device's id, or a number in eight bytes.
    subject         BLOB    NOT NULL,
    -- The encoded SignedStatement that is its ground; kinds 1 to 3.
    ground          BLOB,
    made_at         INTEGER NOT NULL,
    PRIMARY KEY (conversation, kind, subject),
    CHECK ((kind <= 3) = (ground IS NOT NULL))
) STRICT, WITHOUT ROWID;

CREATE INDEX tasks_by_age ON tasks (made_at);

-- Devices that cannot follow a log: one report each. It goes when the device goes, or comes in anew; those that closed
-- a log stay with it.
CREATE TABLE reports (
    conversation    BLOB    NOT NULL REFERENCES conversations (id),
    device          BLOB    NOT NULL CHECK (length(device) = 16),
    -- The commit that it cannot follow.
    number          INTEGER NOT NULL,
    user_id         TEXT    NOT NULL,
    -- The encoded SignedStatement.
    statement       BLOB    NOT NULL,
    reported_at     INTEGER NOT NULL,
    PRIMARY KEY (conversation, device)
) STRICT, WITHOUT ROWID;

-- Devices that were invited in place of another one of the same person.
CREATE TABLE replacements (
    device          BLOB    NOT NULL PRIMARY KEY CHECK (length(device) = 16),
    replaces        BLOB    NOT NULL CHECK (length(replaces) = 16),
    invitation_id   BLOB    NOT NULL REFERENCES invitations (invitation_id)
) STRICT, WITHOUT ROWID;

CREATE INDEX replacements_of_device ON replacements (replaces);

-- Where they wait for a member's confirmation: until the one is in or the other is out.
CREATE TABLE replacements_waiting (
    conversation    BLOB    NOT NULL REFERENCES conversations (id),
    device          BLOB    NOT NULL REFERENCES replacements (device),
    PRIMARY KEY (conversation, device)
) STRICT, WITHOUT ROWID;
