-- A list that is published again is answered as it was, also when a newer one is in force: by its number and chain, for under one
-- number two machines may have signed two lists.
ALTER TABLE revocation_answers ADD COLUMN chain BLOB CHECK (length(chain) = 32);

-- What ends with a device is found by it.
CREATE INDEX tasks_of_device ON tasks (subject, kind);
CREATE INDEX enrolments_of_device ON enrolments (device_id) WHERE state = 1;
