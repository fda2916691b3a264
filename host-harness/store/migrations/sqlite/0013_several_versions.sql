-- The plugin version that gave the request its reference; NULL if it has none, or if an earlier schema stored it.
ALTER TABLE requests ADD COLUMN reference_by BLOB;
-- Whether the receipt that this version gave when it confirmed was contradicted: the version that serves confirms then.
ALTER TABLE requests ADD COLUMN writer_contradicted BIGINT NOT NULL DEFAULT 0;

-- When an older version was put back in the place of this one; NULL if none was since it last began to serve.
ALTER TABLE versions ADD COLUMN withdrawn_at BIGINT;

-- The connections, and the tenants with all their connections, that a version serves whichever version the plugin runs.
CREATE TABLE pins (
    plugin TEXT NOT NULL,
    tenant TEXT NOT NULL,
    -- The connection's key; empty for all connections of the tenant.
    connection TEXT NOT NULL,
    digest BLOB NOT NULL,
    -- The name of the caller.
    pinned_by TEXT NOT NULL,
    pinned_at BIGINT NOT NULL,
    note TEXT,
    -- The code over what it decides.
    mac BLOB NOT NULL,
    PRIMARY KEY (plugin, tenant, connection)
);
