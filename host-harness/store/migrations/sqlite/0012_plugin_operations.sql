-- What callers began with the versions of plugins: a publication, an upload, a put-back. The latest ones only.
CREATE TABLE plugin_operations (
    -- The order in which they began.
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    id TEXT NOT NULL UNIQUE,
    plugin TEXT NOT NULL,
    -- publish, upload, serve or roll-back.
    action TEXT NOT NULL,
    -- The version; NULL if the service chooses it, as for a roll-back.
    digest BLOB,
    -- The name of the caller.
    actor TEXT NOT NULL,
    began_at BIGINT NOT NULL,
    -- running, succeeded or failed. One that is running and that no process carries out was interrupted.
    state TEXT NOT NULL,
    ended_at BIGINT,
    -- What the caller who waits is answered, as JSON: the version, or the problem.
    answer TEXT
);
CREATE INDEX plugin_operations_of ON plugin_operations (plugin, seq);

-- The id of the operation that caused the step; NULL if none did.
ALTER TABLE version_steps ADD COLUMN operation TEXT;
CREATE INDEX version_steps_by ON version_steps (operation, seq) WHERE operation IS NOT NULL;
