-- Conversations, their logs, and the KeyPackages that let devices in.
-- Instants are milliseconds since 1970 UTC by the relay's clock; ids are 16 bytes, digests 32.

-- One row a conversation: the compare-and-set of commits and the end of the log.
CREATE TABLE conversations (
    id              BLOB    NOT NULL PRIMARY KEY CHECK (length(id) = 16),
    cipher_suite    INTEGER NOT NULL,
    creator         BLOB    NOT NULL,
    created_at      INTEGER NOT NULL,
    epoch           INTEGER NOT NULL,
    head            INTEGER NOT NULL,
    chain_hash      BLOB    NOT NULL,
    -- The last entry's stamp (at first created_at): the next is never before it.
    head_stamp      INTEGER NOT NULL,
    -- Who won the last epoch; until yield_until it takes no other turn (a loser was told then).
    last_winner     BLOB,
    yield_until     INTEGER,
    -- Up to here all have what they may read: bodies and Welcomes are gone.
    swept           INTEGER NOT NULL DEFAULT 0
) STRICT, WITHOUT ROWID;

-- A device's stay in a conversation: from the entry that let it in to the one that let it out, both inclusive.
-- The creator's begins at 0. A device that comes back has another row.
CREATE TABLE stays (
    conversation    BLOB    NOT NULL REFERENCES conversations (id),
    device          BLOB    NOT NULL CHECK (length(device) = 16),
    joined          INTEGER NOT NULL,
    -- Absent while it is a member.
    departed        INTEGER,
    -- The last entry it said it has; joined - 1 (or 0) at first.
    acked           INTEGER NOT NULL,
    -- How many messages it sent in which epoch.
    sent_epoch      INTEGER NOT NULL DEFAULT 0,
    sent_count      INTEGER NOT NULL DEFAULT 0,
    PRIMARY KEY (conversation, device, joined)
) STRICT, WITHOUT ROWID;

CREATE UNIQUE INDEX stays_of_members ON stays (conversation, device) WHERE departed IS NULL;
CREATE INDEX stays_of_device ON stays (device, conversation);

-- The logs. A body goes early; the rest of the row is the chain's preimage and the record of the id.
CREATE TABLE entries (
    id                  INTEGER PRIMARY KEY,
    conversation        BLOB    NOT NULL REFERENCES conversations (id),
    number              INTEGER NOT NULL,
    -- 1 commit, 2 message.
    kind                INTEGER NOT NULL CHECK (kind IN (1, 2)),
    epoch               INTEGER NOT NULL,
    life_seconds        INTEGER NOT NULL,
    stamp               INTEGER NOT NULL,
    -- The body is dropped from this instant on, also if somebody lacks it.
    expires_at          INTEGER NOT NULL,
    sender              BLOB    NOT NULL,
    message_sha256      BLOB    NOT NULL,
    chain_hash          BLOB    NOT NULL,
    -- Messages only.
    client_message_id   BLOB,
    -- Commits only: the encoded SignedStatement of their author.
    author              BLOB,
    -- Commits only: when it came by the clock as it was; the stamp never goes back, this does.
    taken_at            INTEGER,
    -- The MLSMessage.
    body                BLOB,
    CHECK ((kind = 2) = (client_message_id IS NOT NULL)),
    CHECK ((kind = 1) = (author IS NOT NULL)),
    CHECK ((kind = 1) = (taken_at IS NOT NULL))
) STRICT;

CREATE UNIQUE INDEX entries_by_number ON entries (conversation, number);
CREATE UNIQUE INDEX entries_by_client_message_id ON entries (sender, client_message_id, conversation)
    WHERE client_message_id IS NOT NULL;
CREATE UNIQUE INDEX commits_by_epoch ON entries (conversation, epoch) WHERE kind = 1;
CREATE INDEX commits_by_sender ON entries (conversation, sender, taken_at) WHERE kind = 1;
CREATE INDEX bodies_by_expiry ON entries (expires_at) WHERE body IS NOT NULL;

-- Welcomes, one per commit that lets devices in.
CREATE TABLE welcomes (
    conversation    BLOB    NOT NULL,
    number          INTEGER NOT NULL,
    bytes           BLOB    NOT NULL,
    PRIMARY KEY (conversation, number)
) STRICT;

-- Devices that must leave a conversation before any message is accepted in it.
CREATE TABLE fences (
    conversation    BLOB    NOT NULL,
    device          BLOB    NOT NULL,
    PRIMARY KEY (conversation, device)
) STRICT, WITHOUT ROWID;

-- KeyPackages by their reference (RFC 9420 §5.2).
CREATE TABLE key_packages (
    id              INTEGER PRIMARY KEY,
    reference       BLOB    NOT NULL UNIQUE,
    device          BLOB    NOT NULL,
    cipher_suite    INTEGER NOT NULL,
    last_resort     INTEGER NOT NULL CHECK (last_resort IN (0, 1)),
    -- 1 fresh; 2 handed out at least once; 3 handed out no more (a one-time one that was, a last-resort one
    -- that was replaced).
    state           INTEGER NOT NULL CHECK (state BETWEEN 1 AND 3),
    -- When the certificate in it lapses: it is not handed out from then on.
    lapses_at       INTEGER NOT NULL,
    published_at    INTEGER NOT NULL,
    bytes           BLOB    NOT NULL
) STRICT;

-- For the sweep: what goes out no more and still has its bytes, and what lapses.
CREATE INDEX key_packages_spent ON key_packages (reference) WHERE state = 3 AND bytes <> x'';
CREATE INDEX key_packages_by_lapse ON key_packages (lapses_at);
CREATE INDEX key_packages_of_device ON key_packages (device, cipher_suite, last_resort, id) WHERE state < 3;

-- What was handed out to whom, so that the same request gets the same answer and a Welcome can be checked.
CREATE TABLE claims (
    claimer         BLOB    NOT NULL,
    request         BLOB    NOT NULL,
    -- The place in the answer.
    position        INTEGER NOT NULL,
    device          BLOB    NOT NULL,
    cipher_suite    INTEGER NOT NULL,
    reference       BLOB    NOT NULL REFERENCES key_packages (reference),
    claimed_at      INTEGER NOT NULL,
    -- Whether a commit has let the device in with it.
    used            INTEGER NOT NULL DEFAULT 0 CHECK (used IN (0, 1)),
    PRIMARY KEY (claimer, request, position)
) STRICT, WITHOUT ROWID;

CREATE INDEX claims_of_reference ON claims (reference, claimer);
CREATE INDEX claims_of_device ON claims (claimer, device, cipher_suite, claimed_at) WHERE used = 0;
CREATE INDEX claims_by_age ON claims (claimed_at);

-- When each job last went through, by the clock as it was.
CREATE TABLE passes (
    job             TEXT    NOT NULL PRIMARY KEY,
    at              INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
