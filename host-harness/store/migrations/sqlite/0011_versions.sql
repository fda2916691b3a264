-- The versions of plugins: every component that was uploaded, or ran from a file. The bytes are in `components` as long as
-- they are kept.
CREATE TABLE versions (
    -- The order in which they first appeared.
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    plugin TEXT NOT NULL,
    digest BLOB NOT NULL,
    -- The connector's own version and the contract's, once it has been loaded.
    version TEXT,
    contract TEXT,
    -- Size of the component in bytes; 0 if it is not known.
    size BIGINT NOT NULL,
    -- upload, file, or earlier: published before versions had a history.
    source TEXT NOT NULL,
    note TEXT,
    -- The conditions under which it loads, as JSON; NULL for the defaults.
    conditions TEXT,
    -- What it requests and an operator approved, as a JSON list; NULL if it was not approved.
    approved TEXT,
    -- uploaded, compiled, proven, approved, serving, retired or refused: that of the last step.
    state TEXT NOT NULL,
    -- When it last began to serve; NULL if it never did.
    served_at BIGINT,
    -- The code over what allows it to serve.
    mac BLOB NOT NULL,
    UNIQUE (plugin, digest)
);

-- What happened to a version, in order.
CREATE TABLE version_steps (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    -- The version's seq.
    version BIGINT NOT NULL,
    state TEXT NOT NULL,
    at BIGINT NOT NULL,
    -- How long the step took, in milliseconds.
    took_ms BIGINT NOT NULL,
    -- Who caused it: the name of a caller, or `the host`.
    actor TEXT NOT NULL,
    -- Why it was refused, as a code; NULL otherwise.
    reason TEXT,
    -- What shows it, as JSON.
    evidence TEXT NOT NULL
);
CREATE INDEX version_steps_of ON version_steps (version, seq);
