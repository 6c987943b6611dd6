-- The issuers' list that the root has signed here and that is not known to be in force: sent again as it is.
CREATE TABLE signed_issuers (
    only INTEGER PRIMARY KEY CHECK (only = 1),
    request BLOB NOT NULL
) STRICT;
