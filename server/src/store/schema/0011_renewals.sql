-- Devices that wait for their next certificate: one request of each.
-- Instants are milliseconds since 1970 UTC by the relay's clock.
CREATE TABLE renewals (
    device_id    BLOB    PRIMARY KEY CHECK (length(device_id) = 16),
    -- The encoded RenewalRequest.
    request      BLOB    NOT NULL,
    asked_at     INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE INDEX renewals_by_age ON renewals (asked_at);
