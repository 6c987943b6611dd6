-- What the log had between the last entry an adding commit's author had processed and that commit (links.rs).
ALTER TABLE welcomes ADD COLUMN links BLOB NOT NULL DEFAULT x'';
