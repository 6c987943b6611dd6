-- What a message says is sealed under a key of its own, and that under the keys of its period (`vault/bodies.rs`).
ALTER TABLE messages ADD COLUMN sealed_key BLOB CHECK (length(sealed_key) = 72);
ALTER TABLE messages ADD COLUMN sealed_body BLOB CHECK ((sealed_body IS NULL) = (sealed_key IS NULL));

-- The time by which messages end here.
CREATE TABLE retention_time (
    only        INTEGER PRIMARY KEY CHECK (only = 1),
    reached_ms  INTEGER NOT NULL,
    anchored_ms INTEGER NOT NULL,            -- what of it no relay had a part in
    boot        BLOB NOT NULL CHECK (length(boot) = 16), -- since which start of which machine
    booted_ms   INTEGER NOT NULL             -- how long that had run then
) STRICT;
