-- What is rewritten with each attempt of a request that has not ended, apart from the history, so that claims look only at
-- what is open. Its row goes when the request ends.
CREATE TABLE open_requests (
    -- Those of the request that do not change, as claims need them.
    seq INTEGER PRIMARY KEY,
    tenant TEXT NOT NULL,
    connection TEXT NOT NULL,
    person BIGINT NOT NULL,
    action TEXT NOT NULL,
    received_at BIGINT NOT NULL,
    -- waiting or running.
    state TEXT NOT NULL,
    -- What the next attempt does: act, or confirm what was or may have been done.
    step TEXT NOT NULL,
    next_at BIGINT NOT NULL,
    -- Attempts begun; with lease_until it says whose claim it is.
    generation BIGINT NOT NULL,
    lease_until BIGINT,
    -- The replica whose claim it is. Claims of one that is gone are taken back.
    claimed_by TEXT,
    -- The plugin version whose outcome the request's own record contradicted: the request waits for another version.
    contradicted_by TEXT
);
INSERT INTO open_requests
    SELECT seq, tenant, connection, person, action, received_at, state, step, next_at, generation, lease_until, claimed_by,
           contradicted_by
    FROM requests WHERE finished_at IS NULL;
CREATE INDEX open_requests_due ON open_requests (connection, action, step, next_at) WHERE state = 'waiting';
CREATE INDEX open_requests_in_order ON open_requests (connection, action, step, seq, next_at, person, state)
    WHERE state = 'waiting';
CREATE INDEX open_requests_leased ON open_requests (lease_until) WHERE state = 'running';
CREATE INDEX open_requests_received ON open_requests (received_at);
CREATE INDEX open_requests_person ON open_requests (person, seq);
CREATE INDEX open_requests_contradicted ON open_requests (connection, contradicted_by) WHERE contradicted_by IS NOT NULL;

DROP INDEX requests_due;
DROP INDEX requests_in_order;
DROP INDEX requests_leased;
DROP INDEX requests_open;
DROP INDEX requests_contradicted;
DROP INDEX requests_waiting;
ALTER TABLE requests DROP COLUMN next_at;
ALTER TABLE requests DROP COLUMN lease_until;
ALTER TABLE requests DROP COLUMN claimed_by;
ALTER TABLE requests DROP COLUMN contradicted_by;
CREATE INDEX requests_finished ON requests (finished_at, seq) WHERE finished_at IS NOT NULL;
-- Of a request that has not ended, the state, the step and the number of attempts are those of its open row.
UPDATE requests SET state = 'open' WHERE finished_at IS NULL;
