-- The processes that serve this database.
CREATE TABLE replicas (
    id TEXT COLLATE "C" PRIMARY KEY,
    -- What an operator calls it: the name of its machine and its process id.
    name TEXT COLLATE "C" NOT NULL,
    -- The version of its program.
    program TEXT COLLATE "C" NOT NULL,
    -- Times are those of the database's clock.
    started_at BIGINT NOT NULL,
    seen_at BIGINT NOT NULL,
    -- The number of its signs of life. The others take over its work once this has not changed for a while.
    beats BIGINT NOT NULL DEFAULT 0,
    -- The last change that it serves.
    applied BIGINT NOT NULL DEFAULT 0,
    -- The version of each plugin that it serves: JSON, from names to digests.
    plugins TEXT COLLATE "C" NOT NULL DEFAULT '{}'
);

-- The replica that carries out the duties that exist once. Each new one begins a term.
CREATE TABLE lead (
    only_row BIGINT PRIMARY KEY CHECK (only_row = 1),
    replica TEXT COLLATE "C" NOT NULL,
    term BIGINT NOT NULL,
    since BIGINT NOT NULL
);

-- The latest change of each connection and plugin that every replica has to serve, numbered in their order.
CREATE TABLE changes (
    -- connection, secret of one, plugin, or version: one to be loaded.
    kind TEXT COLLATE "C" NOT NULL,
    name TEXT COLLATE "C" NOT NULL,
    number BIGINT NOT NULL,
    -- The replica that made it, which serves it already.
    replica TEXT COLLATE "C" NOT NULL,
    PRIMARY KEY (kind, name)
);
CREATE INDEX changes_in_order ON changes (number);

-- What came of loading a version that is about to serve, at each replica.
CREATE TABLE preparations (
    replica TEXT COLLATE "C" NOT NULL,
    plugin TEXT COLLATE "C" NOT NULL,
    digest BYTEA NOT NULL,
    -- Why it does not load there; NULL if it is loaded.
    problem TEXT COLLATE "C",
    PRIMARY KEY (replica, plugin, digest)
);

-- The replica whose claim it is. Claims of one that is gone are taken back.
ALTER TABLE requests ADD COLUMN claimed_by TEXT COLLATE "C";
ALTER TABLE deliveries ADD COLUMN claimed_by TEXT COLLATE "C";
-- The replica that carries it out.
ALTER TABLE plugin_operations ADD COLUMN replica TEXT COLLATE "C";
