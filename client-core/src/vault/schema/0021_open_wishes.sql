-- Each message asks what its conversation is owed: not by looking through what all ever were.
CREATE INDEX intents_open ON intents (conversation_id) WHERE outcome IS NULL;
