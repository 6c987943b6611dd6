-- The relay's record: the newest checkpoint that this device knows to go on from all it knew before.

CREATE TABLE record_head (
    only        INTEGER PRIMARY KEY CHECK (only = 1),
    size        INTEGER NOT NULL CHECK (size >= 0),
    root        BLOB NOT NULL CHECK (length(root) = 32),
    note        BLOB NOT NULL,               -- the signed checkpoint as it came
    certificate BLOB NOT NULL                -- the relay's certificate that verifies it, DER
) STRICT;

-- The epoch that a commit ended which this device has merged, when it did, and the devices that are out by it (16 bytes each):
-- only such a one may it confirm to others. NULL for all others.
ALTER TABLE commits ADD COLUMN epoch INTEGER;
ALTER TABLE commits ADD COLUMN merged_ms INTEGER;
ALTER TABLE commits ADD COLUMN removed BLOB CHECK (length(removed) % 16 = 0);
