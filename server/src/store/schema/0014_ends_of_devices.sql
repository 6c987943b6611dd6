-- What was handed out of a device and still has its bytes, and where it waits to be let in, found by the device: its end costs the same
-- however many others there are. The sweep goes by the first as well, in place of the index by reference.
CREATE INDEX key_packages_spent_of_device ON key_packages (device) WHERE state = 3 AND bytes <> x'';
DROP INDEX key_packages_spent;
CREATE INDEX replacements_waiting_of_device ON replacements_waiting (device);
