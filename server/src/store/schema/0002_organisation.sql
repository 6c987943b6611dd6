-- Who may use the relay: the organisation it serves, its devices, invitations and enrolments.
-- Instants are milliseconds since 1970 UTC by the relay's clock.

-- The organisation, once the first bundle was imported; one row. The root's fingerprint never changes.
CREATE TABLE organisation (
    one                 INTEGER PRIMARY KEY CHECK (one = 1),
    root_fingerprint    BLOB NOT NULL CHECK (length(root_fingerprint) = 32),
    organisation_id     TEXT NOT NULL,
    -- The highest issuers' list seen; an older bundle would bring back a struck issuer.
    issuers_number      INTEGER NOT NULL CHECK (issuers_number >= 0),
    pinned_at           INTEGER NOT NULL
) STRICT;

-- Installations. A device keeps its row, and with it its id, for good.
CREATE TABLE devices (
    device_id           BLOB PRIMARY KEY CHECK (length(device_id) = 16),
    user_id             TEXT NOT NULL,
    enrolled_at         INTEGER NOT NULL,
    revoked_at          INTEGER
) STRICT, WITHOUT ROWID;

CREATE INDEX devices_of_user ON devices (user_id);

-- The certificates issued for them, by the SHA-256 of their DER.
CREATE TABLE device_certificates (
    fingerprint         BLOB PRIMARY KEY CHECK (length(fingerprint) = 32),
    device_id           BLOB NOT NULL REFERENCES devices (device_id),
    certificate         BLOB NOT NULL,
    issued_at           INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE INDEX device_certificates_of_device ON device_certificates (device_id);

-- Invitations as issuers signed them.
CREATE TABLE invitations (
    invitation_id       BLOB PRIMARY KEY CHECK (length(invitation_id) = 16),
    -- The encoded SignedStatement.
    record              BLOB NOT NULL,
    published_at        INTEGER NOT NULL,
    cancelled_at        INTEGER
) STRICT, WITHOUT ROWID;

CREATE INDEX invitations_by_age ON invitations (published_at);

-- The first good claim of each invitation, and what became of it.
CREATE TABLE enrolments (
    invitation_id       BLOB PRIMARY KEY REFERENCES invitations (invitation_id),
    device_id           BLOB NOT NULL CHECK (length(device_id) = 16),
    -- The claimed key's SubjectPublicKeyInfo, DER.
    device_key          BLOB NOT NULL,
    -- The encoded SignedStatement.
    claim               BLOB NOT NULL,
    claimed_at          INTEGER NOT NULL,
    -- wardline.relay.v1.EnrolmentState: 1 waiting, 2 issued, 3 refused.
    state               INTEGER NOT NULL CHECK (state BETWEEN 1 AND 3),
    -- DER, when issued.
    certificate         BLOB,
    -- Shown to the person, when refused.
    refusal             TEXT,
    judged_at           INTEGER,
    CHECK ((state = 2) = (certificate IS NOT NULL)),
    CHECK ((state = 3) = (refusal IS NOT NULL))
) STRICT, WITHOUT ROWID;

CREATE INDEX enrolments_waiting ON enrolments (claimed_at) WHERE state = 1;
