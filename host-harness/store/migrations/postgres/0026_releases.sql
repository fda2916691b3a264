-- The release in steps of each plugin: the one in progress, or the last one.
CREATE TABLE releases (
    plugin TEXT COLLATE "C" PRIMARY KEY,
    id TEXT COLLATE "C" NOT NULL UNIQUE,
    -- The version that is released, and the one that served before.
    digest BYTEA NOT NULL,
    before BYTEA NOT NULL,
    -- What is fixed when it begins, its rules, the times of its steps, and its state, each as JSON.
    plan TEXT COLLATE "C" NOT NULL,
    rules TEXT COLLATE "C" NOT NULL,
    times TEXT COLLATE "C" NOT NULL,
    state TEXT COLLATE "C" NOT NULL,
    -- Who began it, and when.
    began_by TEXT COLLATE "C" NOT NULL,
    began_at BIGINT NOT NULL,
    -- When it ended; NULL while it is in progress.
    ended_at BIGINT,
    -- The code over all of it.
    mac BYTEA NOT NULL
);

-- What was counted of the calls of both versions of a release.
CREATE TABLE release_counts (
    release TEXT COLLATE "C" NOT NULL,
    side TEXT COLLATE "C" NOT NULL,
    -- The share at which the calls were made, in basis points.
    share BIGINT NOT NULL,
    kind TEXT COLLATE "C" NOT NULL,
    -- The key of the connection, for kinds that are split by connection; empty for the others.
    connection TEXT COLLATE "C" NOT NULL,
    -- As JSON.
    counts TEXT COLLATE "C" NOT NULL,
    PRIMARY KEY (release, side, share, kind, connection)
);

-- The erasures that were accepted during a release, whose proofs are counted once their time has passed.
CREATE TABLE release_erasures (
    release TEXT COLLATE "C" NOT NULL,
    request BIGINT NOT NULL,
    side TEXT COLLATE "C" NOT NULL,
    share BIGINT NOT NULL,
    accepted_at BIGINT NOT NULL,
    PRIMARY KEY (release, request)
);
