-- The first commit that somebody could not follow, of those for which a log was closed: what came after it is said again.
ALTER TABLE conversations ADD COLUMN closed_first INTEGER;
