-- The release in steps of each plugin: the one in progress, or the last one.
CREATE TABLE releases (
    plugin TEXT PRIMARY KEY,
    id TEXT NOT NULL UNIQUE,
    -- The version that is released, and the one that served before.
    digest BLOB NOT NULL,
    before BLOB NOT NULL,
    -- What is fixed when it begins, its rules, the times of its steps, and its state, each as JSON.
    plan TEXT NOT NULL,
    rules TEXT NOT NULL,
    times TEXT NOT NULL,
    state TEXT NOT NULL,
    -- Who began it, and when.
    began_by TEXT NOT NULL,
    began_at BIGINT NOT NULL,
    -- When it ended; NULL while it is in progress.
    ended_at BIGINT,
    -- The code over all of it.
    mac BLOB NOT NULL
);

-- What was counted of the calls of both versions of a release.
CREATE TABLE release_counts (
    release TEXT NOT NULL,
    side TEXT NOT NULL,
    -- The share at which the calls were made, in basis points.
    share BIGINT NOT NULL,
    kind TEXT NOT NULL,
    -- The key of the connection, for kinds that are split by connection; empty for the others.
    connection TEXT NOT NULL,
    -- As JSON.
    counts TEXT NOT NULL,
    PRIMARY KEY (release, side, share, kind, connection)
);

-- The erasures that were accepted during a release, whose proofs are counted once their time has passed.
CREATE TABLE release_erasures (
    release TEXT NOT NULL,
    request BIGINT NOT NULL,
    side TEXT NOT NULL,
    share BIGINT NOT NULL,
    accepted_at BIGINT NOT NULL,
    PRIMARY KEY (release, request)
);
