-- Conversations whose Welcome names a log that is still open here as the one they go on from: they wait for its end, for a
-- minute.
CREATE TABLE waiting (
    conversation_id BLOB PRIMARY KEY CHECK (length(conversation_id) = 16),
    name            TEXT NOT NULL,
    since_ms        INTEGER NOT NULL
) STRICT;
