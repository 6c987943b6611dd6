-- The revocation list: its newest head, its acts, and what was answered to who published it.
-- Instants are milliseconds since 1970 UTC by the relay's clock.

-- One row, from the first list on.
CREATE TABLE revocation_list (
    one             INTEGER PRIMARY KEY CHECK (one = 1),
    number          INTEGER NOT NULL CHECK (number > 0),
    -- The encoded SignedStatement.
    statement       BLOB    NOT NULL
) STRICT;

-- Numbered from 1, without a gap.
CREATE TABLE revocation_acts (
    number          INTEGER PRIMARY KEY CHECK (number > 0),
    device          BLOB    NOT NULL CHECK (length(device) = 16),
    -- wardline.relay.v1.RevocationKind: 1 revoked, 2 held, 3 reinstated.
    kind            INTEGER NOT NULL CHECK (kind BETWEEN 1 AND 3),
    -- The encoded RevocationAct.
    act             BLOB    NOT NULL
) STRICT;

CREATE INDEX revocation_acts_of_device ON revocation_acts (device, number);

-- One row a list that changed something: asking again gives the same answer.
CREATE TABLE revocation_answers (
    -- The list's number.
    number          INTEGER PRIMARY KEY CHECK (number > 0),
    -- The encoded PublishRevocationListResponse.
    answer          BLOB    NOT NULL
) STRICT;

-- Which conversations a device must leave.
CREATE INDEX fences_of_device ON fences (device);
