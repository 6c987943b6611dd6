-- A device that is out by a hold and by no list; by each hold that names it, so that one stands in for another that ends because
-- its signer's issuer was struck.
CREATE TABLE held_by (
    device          BLOB    NOT NULL CHECK (length(device) = 16),
    hold            INTEGER NOT NULL REFERENCES holds (number),
    -- The encoded RevocationAct that it comes to.
    act             BLOB    NOT NULL,
    -- When it had run out and its device was ended for good.
    over_at         INTEGER,
    PRIMARY KEY (device, hold)
) STRICT, WITHOUT ROWID;

INSERT INTO held_by (device, hold, act, over_at) SELECT device, hold, act, over_at FROM held;
DROP TABLE held;
ALTER TABLE held_by RENAME TO held;

-- For the sweep: by when a hold was taken.
CREATE INDEX holds_by_age ON holds (taken_at);
CREATE INDEX held_of_hold ON held (hold);
