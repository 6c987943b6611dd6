-- When the person said that they had seen it; NULL before that, and again when it is done once more.
ALTER TABLE relay_faults ADD COLUMN seen_ms INTEGER;
