-- A durable piece of work: what was asked, its state, and its place in the queue, in one row.
CREATE TABLE requests (
    -- The order in which they were accepted.
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    id TEXT NOT NULL UNIQUE,
    tenant TEXT NOT NULL,
    connection TEXT NOT NULL,
    person BIGINT NOT NULL,
    -- erasure, consent or reading.
    action TEXT NOT NULL,
    -- waiting, running or one of the final ones: done, failed, skipped, expired.
    state TEXT NOT NULL,
    -- What the next attempt does: act, or confirm what was or may have been done.
    step TEXT NOT NULL,
    idempotency_key TEXT,
    -- Keyed: the same key with another body is refused.
    body_digest BLOB,
    -- The person and what was asked, sealed under the request's own key; empty once that key is destroyed.
    sealed_details BLOB,
    received_at BIGINT NOT NULL,
    next_at BIGINT NOT NULL,
    -- Attempts begun; with lease_until it tells whose claim it is.
    generation BIGINT NOT NULL DEFAULT 0,
    lease_until BIGINT,
    -- Failures in a row, for backing off.
    failures BIGINT NOT NULL DEFAULT 0,
    -- Whether the vendor has answered an attempt to erase: what was not answered is confirmed, then repeated.
    acknowledged BIGINT NOT NULL DEFAULT 0,
    -- Attempts that ended with the process.
    kills BIGINT NOT NULL DEFAULT 0,
    -- Of an erasure under way.
    reference TEXT,
    -- JSON: what came of it, free of personal data.
    outcome TEXT,
    -- Why it waits or how it ended, for an operator.
    reason TEXT,
    -- The last of the days on which a long wait alarms.
    alarmed_day BIGINT NOT NULL DEFAULT 0,
    finished_at BIGINT
);
CREATE UNIQUE INDEX requests_once ON requests (tenant, idempotency_key) WHERE idempotency_key IS NOT NULL;
-- Whether a lane has something due, and what of it comes first: each reads its own lane and no row.
CREATE INDEX requests_due ON requests (connection, action, step, next_at) WHERE state = 'waiting';
CREATE INDEX requests_in_order ON requests (connection, action, step, seq, next_at, person, state) WHERE state = 'waiting';
CREATE INDEX requests_leased ON requests (lease_until) WHERE state = 'running';
CREATE INDEX requests_person ON requests (person, seq);
CREATE INDEX requests_open ON requests (received_at) WHERE finished_at IS NULL;
CREATE INDEX requests_kept ON requests (finished_at) WHERE sealed_details IS NOT NULL;
CREATE INDEX requests_connection ON requests (connection, seq);
CREATE INDEX requests_tenant ON requests (tenant, seq);

-- The key of a request's personal data, under the master key. Its row goes when the request is complete.
CREATE TABLE request_keys (
    request BIGINT PRIMARY KEY,
    data_key BLOB NOT NULL
);

-- Whom an erasure is about, by keyed hashes: those names are erased once it is through.
CREATE TABLE erasing (
    connection TEXT NOT NULL,
    request TEXT NOT NULL,
    name BLOB NOT NULL,
    PRIMARY KEY (request, name)
);
CREATE INDEX erasing_connection ON erasing (connection);

CREATE TABLE attempts (
    request BIGINT NOT NULL,
    generation BIGINT NOT NULL,
    step TEXT NOT NULL,
    digest TEXT NOT NULL,
    began_at BIGINT NOT NULL,
    ended_at BIGINT,
    -- JSON: what came back, free of personal data. None while under way, or where the process ended first.
    result TEXT,
    PRIMARY KEY (request, generation)
);

-- One row for each request to a vendor that counts against a limit of an hour or more.
CREATE TABLE sends (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    account BLOB NOT NULL,
    limit_name TEXT NOT NULL,
    -- When it left, and from its end on when it ended.
    at BIGINT NOT NULL
);
CREATE INDEX sends_window ON sends (account, limit_name, at);

-- Until when a connection's requests of one action and step wait for the vendor's limit: a vendor counts what erases and
-- what looks apart.
CREATE TABLE gates (
    connection TEXT NOT NULL,
    action TEXT NOT NULL,
    step TEXT NOT NULL,
    until BIGINT NOT NULL,
    why TEXT NOT NULL,
    PRIMARY KEY (connection, action, step)
);
