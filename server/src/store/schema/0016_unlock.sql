-- The relay's half of vaults' pairs. A row goes when its device is revoked, or opens its vault with another pair.
CREATE TABLE unlock_pairs (
    pair_id     BLOB PRIMARY KEY CHECK (length(pair_id) = 16),
    device      BLOB NOT NULL CHECK (length(device) = 16),
    unlock_key  BLOB NOT NULL CHECK (length(unlock_key) = 32),
    key         BLOB NOT NULL CHECK (length(key) = 32),
    tries       INTEGER NOT NULL DEFAULT 0,  -- since the vault was opened last
    last_try    BLOB CHECK (length(last_try) = 16),
    last_blinded BLOB CHECK (length(last_blinded) = 32),
    last_at     INTEGER,
    generation  INTEGER NOT NULL,            -- of the vault, when it was opened last
    confirmed   BLOB CHECK (length(confirmed) = 16), -- the try by which it was
    made_at     INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX unlock_pairs_by_device ON unlock_pairs (device);

-- Pairs that were tried too often: whoever tries again is told so.
CREATE TABLE closed_pairs (
    pair_id   BLOB PRIMARY KEY CHECK (length(pair_id) = 16),
    device    BLOB NOT NULL CHECK (length(device) = 16),
    closed_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
