-- The bundle with the signature under which the version was admitted; NULL if its plugin needed none then.
ALTER TABLE versions ADD COLUMN bundle BYTEA;

-- The newest revision of each plugin that was ever admitted, so that an older one is refused.
CREATE TABLE release_marks (
    plugin TEXT COLLATE "C" PRIMARY KEY,
    revision BIGINT NOT NULL,
    -- The digest of the component that had it.
    digest BYTEA NOT NULL,
    -- The code over all of it.
    mac BYTEA NOT NULL
);
