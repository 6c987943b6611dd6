-- Whether the device had said that it could not follow when it was let in: such stays count against it (circle.rs).
ALTER TABLE stays ADD COLUMN asked INTEGER NOT NULL DEFAULT 0;
