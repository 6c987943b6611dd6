-- The conversation that the relay names as the successor of a closed log; NULL while it names none.
ALTER TABLE conversations ADD COLUMN named_successor_id BLOB CHECK (length(named_successor_id) = 16);
