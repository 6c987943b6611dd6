-- What grounds of removals are held against, and how long what is said again may live.

-- Since when the devices of a log are in, as far as this device saw them come.
CREATE TABLE stays (
    conversation_id BLOB NOT NULL CHECK (length(conversation_id) = 16),
    device_id       BLOB NOT NULL CHECK (length(device_id) = 16),
    came_number     INTEGER NOT NULL,        -- the commit by which it came, having been out before
    joined_number   INTEGER NOT NULL,        -- the last commit that let it in: the same, or one that added it anew
    PRIMARY KEY (conversation_id, device_id)
) STRICT, WITHOUT ROWID;

-- Signed leaves and approvals that a commit has carried out; none is a ground a second time.
CREATE TABLE spent_statements (
    conversation_id  BLOB NOT NULL CHECK (length(conversation_id) = 16),
    statement_sha256 BLOB NOT NULL CHECK (length(statement_sha256) = 32),
    PRIMARY KEY (conversation_id, statement_sha256)
) STRICT, WITHOUT ROWID;
INSERT INTO spent_statements SELECT conversation_id, statement_sha256 FROM spent_leaves;
DROP TABLE spent_leaves;

-- How often in a row this device was let in by what does not let it in, until it is in.
ALTER TABLE reports ADD COLUMN tries INTEGER NOT NULL DEFAULT 1;

-- When a message that is sent again is gone, however often it is sent; NULL the first time.
ALTER TABLE outbox ADD COLUMN expires_ms INTEGER;

-- The signed invitation of a device that replaces another: it names the one that is replaced.
DELETE FROM replacements;
ALTER TABLE replacements ADD COLUMN record BLOB NOT NULL DEFAULT x'';
