-- Other keys of this device than the one in `device`: the next, while its certificate is asked for, and those before, for as long
-- as a leaf or a KeyPackage uses them.
CREATE TABLE device_keys (
    key_seed    BLOB PRIMARY KEY CHECK (length(key_seed) = 32),
    certificate BLOB,                        -- DER; NULL: the next
    since_ms    INTEGER NOT NULL             -- when it was made, or followed by another
) STRICT;

CREATE UNIQUE INDEX next_device_key ON device_keys (certificate IS NULL) WHERE certificate IS NULL;

-- An issuer's own memory of the certificates that it has followed by another: one that is offered twice, with another key, gets
-- nothing.
CREATE TABLE renewed (
    followed_sha256 BLOB PRIMARY KEY CHECK (length(followed_sha256) = 32),
    certificate     BLOB NOT NULL,           -- what was issued, to hand in again after a crash
    issued_ms       INTEGER NOT NULL
) STRICT;
