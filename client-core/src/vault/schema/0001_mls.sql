-- What MLS keeps: one row per object of openmls, MessagePack with names.
-- group_id is the conversation id, or empty for KeyPackages. A rowid table: values reach hundreds of kilobytes.
CREATE TABLE mls_rows (
    group_id BLOB NOT NULL CHECK (length(group_id) IN (0, 16)),
    kind INTEGER NOT NULL CHECK (kind BETWEEN 1 AND 255),
    key BLOB NOT NULL,
    value BLOB NOT NULL,
    PRIMARY KEY (group_id, kind, key)
) STRICT;
