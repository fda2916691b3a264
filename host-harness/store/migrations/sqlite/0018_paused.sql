-- Why an operator paused a connection, who did it, and when; null if it is not paused.
ALTER TABLE connections ADD COLUMN paused_why TEXT;
ALTER TABLE connections ADD COLUMN paused_by TEXT;
ALTER TABLE connections ADD COLUMN paused_at BIGINT;

-- An item's name and parent when its mapping was last saved, so that what the vendor renamed or moved since is shown as such.
ALTER TABLE items ADD COLUMN saved_name TEXT;
ALTER TABLE items ADD COLUMN saved_parent_kind TEXT;
ALTER TABLE items ADD COLUMN saved_parent_id TEXT;
UPDATE items SET saved_name = name, saved_parent_kind = parent_kind, saved_parent_id = parent_id;
