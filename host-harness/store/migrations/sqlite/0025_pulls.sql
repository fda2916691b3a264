-- What each plugin in a registry was pulled as: restarts and replicas stay on it, wherever a tag has moved.
CREATE TABLE pulls (
    plugin TEXT PRIMARY KEY,
    -- As configured.
    reference TEXT NOT NULL,
    -- The digest of the manifest that the reference led to.
    manifest BLOB NOT NULL,
    -- The digest of the component, which served.
    component BLOB NOT NULL,
    pulled_at BIGINT NOT NULL,
    -- The code over all of it.
    mac BLOB NOT NULL
);

-- The plugins whose last pull failed.
CREATE TABLE pull_failures (
    plugin TEXT PRIMARY KEY,
    -- What was to be pulled, as configured.
    reference TEXT NOT NULL,
    -- How often in a row.
    failures BIGINT NOT NULL,
    failed_at BIGINT NOT NULL,
    -- Why the last time.
    problem TEXT NOT NULL,
    -- When it is tried again; NULL if an operator has to.
    again_at BIGINT
);
