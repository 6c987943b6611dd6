-- Devices that were taken out of a conversation because they were on hold: they come back where the hold ends.
CREATE TABLE held_out (
    conversation_id BLOB NOT NULL CHECK (length(conversation_id) = 16),
    device_id       BLOB NOT NULL CHECK (length(device_id) = 16),
    user_id         TEXT NOT NULL,
    PRIMARY KEY (conversation_id, device_id)
) STRICT, WITHOUT ROWID;
