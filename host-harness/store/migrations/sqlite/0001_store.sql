-- Times are milliseconds since 1970 in UTC. BLOBs named `sealed…` or `…_key` are sealed under the master key.

-- Single values that the host keeps about itself.
CREATE TABLE marks (
    name TEXT PRIMARY KEY,
    value BLOB NOT NULL
);

-- A tenant's own key for the hashes that stand for people.
CREATE TABLE tenants (
    tenant TEXT PRIMARY KEY,
    person_key BLOB NOT NULL
);

-- People of one connection, by number; their names are keyed hashes.
CREATE TABLE people (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    connection TEXT NOT NULL,
    -- No call for this person begins sooner.
    settled_at BIGINT NOT NULL DEFAULT 0
);

CREATE INDEX people_connection ON people (connection);

CREATE TABLE names (
    connection TEXT NOT NULL,
    name BLOB NOT NULL,
    -- The identifier's kind, such as email.
    kind TEXT NOT NULL,
    person BIGINT NOT NULL,
    -- Since when whoever is called so is erased at this connection.
    erased_at BIGINT,
    PRIMARY KEY (connection, name)
);
CREATE INDEX names_person ON names (person);

CREATE TABLE connections (
    key TEXT PRIMARY KEY,
    tenant TEXT NOT NULL,
    plugin TEXT NOT NULL,
    -- The configuration file that owns it; none where the API does.
    file TEXT,
    enabled BIGINT NOT NULL,
    -- JSON list of the actions that it carries out.
    actions TEXT NOT NULL,
    -- The system that it belongs to, for data uses.
    system TEXT,
    -- JSON: settings, webhook address, policy, limits.
    settings TEXT NOT NULL,
    sealed_secrets BLOB NOT NULL,
    -- Why nothing is done until an operator acts.
    parked_why TEXT,
    parked_at BIGINT,
    -- The circuit breaker: the last outcomes, newest last, as `1` and `0`, and until when it is open.
    outcomes TEXT NOT NULL DEFAULT '',
    open_until BIGINT NOT NULL DEFAULT 0,
    tested_at BIGINT,
    test_passed BIGINT,
    created_at BIGINT NOT NULL,
    changed_at BIGINT NOT NULL
);
CREATE INDEX connections_tenant ON connections (tenant, key);

-- Append-only: each line's hash covers the one before.
CREATE TABLE audit (
    tenant TEXT NOT NULL,
    line BIGINT NOT NULL,
    at BIGINT NOT NULL,
    record TEXT NOT NULL,
    hash BLOB NOT NULL,
    PRIMARY KEY (tenant, line)
);
CREATE TRIGGER audit_is_not_changed BEFORE UPDATE ON audit BEGIN SELECT RAISE(ABORT, 'audit lines are not changed'); END;
CREATE TRIGGER audit_is_not_deleted BEFORE DELETE ON audit BEGIN SELECT RAISE(ABORT, 'audit lines are not deleted'); END;

CREATE TABLE alarms (
    id TEXT PRIMARY KEY,
    tenant TEXT NOT NULL,
    connection TEXT,
    kind TEXT NOT NULL,
    -- What it is about, such as a request: one open alarm for each kind and subject.
    about TEXT NOT NULL,
    detail TEXT NOT NULL,
    raised_at BIGINT NOT NULL,
    cleared_at BIGINT,
    cleared_by TEXT,
    posted_at BIGINT,
    post_next_at BIGINT NOT NULL DEFAULT 0,
    post_attempts BIGINT NOT NULL DEFAULT 0
);
CREATE UNIQUE INDEX alarms_open ON alarms (kind, about, tenant) WHERE cleared_at IS NULL;
CREATE INDEX alarms_to_post ON alarms (post_next_at) WHERE posted_at IS NULL;

CREATE TABLE api_keys (
    id TEXT PRIMARY KEY,
    name TEXT NOT NULL,
    digest BLOB NOT NULL UNIQUE,
    -- JSON list; none for all tenants.
    tenants TEXT,
    may_write BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    revoked_at BIGINT
);

-- Components that were published through the API, and which of them a plugin runs.
CREATE TABLE components (
    digest BLOB PRIMARY KEY,
    bytes BLOB NOT NULL
);
CREATE TABLE publications (
    plugin TEXT PRIMARY KEY,
    digest BLOB NOT NULL,
    before BLOB,
    published_at BIGINT NOT NULL
);
