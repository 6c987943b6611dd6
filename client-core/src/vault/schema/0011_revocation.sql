-- The revocation list that this device goes by: its newest head, and all its acts.

-- One row, from the first list on.
CREATE TABLE revocation_list (
    only      INTEGER PRIMARY KEY CHECK (only = 1),
    statement BLOB NOT NULL,                 -- wardline.relay.v1.SignedStatement, verified when it was stored
    outlived  INTEGER NOT NULL,              -- 1 once a signed time has passed its end, whatever clocks say later
    looked    INTEGER NOT NULL               -- the list by which all conversations were looked through last; 0 for none
) STRICT;

-- Numbered from 1, without a gap: a relay that has forgotten some is told them again.
CREATE TABLE revocation_acts (
    number INTEGER PRIMARY KEY CHECK (number > 0),
    act    BLOB NOT NULL                     -- wardline.relay.v1.RevocationAct
) STRICT;
