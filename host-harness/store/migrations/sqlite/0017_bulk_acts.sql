-- Lists of requests, newest first. They contain what lists are filtered by, so that rows that do not match are not read. Those
-- that wait have an index of their own: the queue finds the first connection with waiting requests in the indexes that begin
-- with the connection.
CREATE INDEX requests_ended ON requests (state, seq, connection, tenant, action) WHERE finished_at IS NOT NULL;
CREATE INDEX requests_waiting ON requests (seq, connection, action, step, person, next_at, contradicted_by, tenant)
    WHERE state = 'waiting';
CREATE INDEX requests_action ON requests (action, seq);

-- Acts on many requests at once.
CREATE TABLE bulk_acts (
    -- The order in which they were made.
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    id TEXT NOT NULL UNIQUE,
    -- replay.
    act TEXT NOT NULL,
    -- pending (until another API key approves it), running, or one of the final ones: done, withdrawn, expired.
    state TEXT NOT NULL,
    -- The id of the API key that made it, and who that was, as in the audit chain.
    api_key TEXT NOT NULL,
    made_by TEXT NOT NULL,
    made_at BIGINT NOT NULL,
    -- When it expires if it is still pending.
    expires_at BIGINT NOT NULL,
    -- Who approved or withdrew it; NULL if nobody did.
    decided_by TEXT,
    decided_at BIGINT,
    ended_at BIGINT,
    -- The number of its requests, and of those that were carried out and refused so far.
    total BIGINT NOT NULL DEFAULT 0,
    done BIGINT NOT NULL DEFAULT 0,
    refused BIGINT NOT NULL DEFAULT 0
);
CREATE INDEX bulk_acts_open ON bulk_acts (state, seq) WHERE ended_at IS NULL;

-- The requests of an act, as they were when it was made.
CREATE TABLE bulk_act_requests (
    -- The act's seq.
    bulk_act BIGINT NOT NULL,
    -- The request's seq and id.
    request BIGINT NOT NULL,
    id TEXT NOT NULL,
    tenant TEXT NOT NULL,
    connection TEXT NOT NULL,
    -- done or refused; NULL until it was its turn.
    result TEXT,
    -- Why it was refused.
    why TEXT,
    PRIMARY KEY (bulk_act, request)
);
CREATE INDEX bulk_act_requests_open ON bulk_act_requests (bulk_act, request) WHERE result IS NULL;
