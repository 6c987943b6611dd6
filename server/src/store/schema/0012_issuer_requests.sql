-- Requests for an issuer's certificate, which whoever holds the root judges: the newest of each device, for seven days.
-- Instants are milliseconds since 1970 UTC: requested_at by the device's clock, taken_at by the relay's.
CREATE TABLE issuer_requests (
    device       BLOB    NOT NULL PRIMARY KEY CHECK (length(device) = 16),
    requested_at INTEGER NOT NULL,
    taken_at     INTEGER NOT NULL,
    -- The encoded SignedStatement.
    request      BLOB    NOT NULL,
    -- The certificate of the device, DER.
    certificate  BLOB    NOT NULL
) STRICT, WITHOUT ROWID;
