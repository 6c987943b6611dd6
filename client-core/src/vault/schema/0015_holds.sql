-- Holds that devices have signed and the list that this device goes by does not name.

CREATE TABLE holds (
    number INTEGER PRIMARY KEY,              -- in the order in which they came
    hold   BLOB NOT NULL                     -- wardline.relay.v1.PendingHold, verified when it was stored
) STRICT;
