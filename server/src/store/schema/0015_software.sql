-- What a device's client said of itself when it last subscribed.
ALTER TABLE devices ADD COLUMN software TEXT;
