-- The conditions under which a published component loads, and those of the component that ran before, as JSON. NULL for
-- the defaults, and for a plugin whose conditions are in the configuration file.
ALTER TABLE publications ADD COLUMN conditions TEXT;
ALTER TABLE publications ADD COLUMN conditions_before TEXT;
