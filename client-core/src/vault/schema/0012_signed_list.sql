-- The revocation list that this issuer has signed and the relay has not confirmed: it is published again until it is.

CREATE TABLE signed_list (
    only    INTEGER PRIMARY KEY CHECK (only = 1),
    request BLOB NOT NULL                    -- wardline.relay.v1.PublishRevocationListRequest
) STRICT;
