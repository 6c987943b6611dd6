-- Holds that devices have signed, and whom they keep out until a list names them.
-- Instants are milliseconds since 1970 UTC by the relay's clock.

CREATE TABLE holds (
    -- In the order in which they were taken.
    number          INTEGER PRIMARY KEY,
    -- SHA-256 of signer and body: asking again gives the same answer.
    sha256          BLOB    NOT NULL UNIQUE CHECK (length(sha256) = 32),
    -- The encoded PendingHold.
    hold            BLOB    NOT NULL,
    -- Who signed it, and how many devices of others were put out by it: so many an hour.
    user_id         TEXT    NOT NULL,
    others          INTEGER NOT NULL,
    taken_at        INTEGER NOT NULL,
    -- The encoded HoldDevicesResponse.
    answer          BLOB    NOT NULL
) STRICT;

CREATE INDEX holds_of_user ON holds (user_id, taken_at);

-- A device that is out by a hold and by no list.
CREATE TABLE held (
    device          BLOB    PRIMARY KEY CHECK (length(device) = 16),
    hold            INTEGER NOT NULL REFERENCES holds (number),
    -- The encoded RevocationAct that it comes to.
    act             BLOB    NOT NULL,
    -- When it had run out and its device was ended for good.
    over_at         INTEGER
) STRICT, WITHOUT ROWID;
