-- Webhooks that arrived, in order; stored before they are acknowledged.
CREATE TABLE deliveries (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    id TEXT NOT NULL UNIQUE,
    tenant TEXT NOT NULL,
    connection TEXT NOT NULL,
    -- Keyed: the same delivery again is known by it. Of an unproven one over everything, of a proven one over what counts.
    body_digest BLOB NOT NULL,
    -- Whether it carried a token that was accepted.
    accepted BIGINT NOT NULL,
    -- Whether it is shown to be the vendor's, by its token or its signature.
    proven BIGINT NOT NULL,
    -- waiting or one of the ends: read, of-no-concern, unreadable, stuck, damaged, refused.
    state TEXT NOT NULL,
    -- As the connector sees it: without its token. None once its time is over or its person is erased.
    sealed_delivery BLOB,
    received_at BIGINT NOT NULL,
    next_at BIGINT NOT NULL,
    -- Readings begun; with lease_until it tells whose claim it is.
    generation BIGINT NOT NULL DEFAULT 0,
    lease_until BIGINT,
    -- Readings in a row that came to nothing.
    failures BIGINT NOT NULL DEFAULT 0,
    -- The plugin that read it last, and why it made nothing of it, for an operator.
    digest TEXT,
    reason TEXT,
    events BIGINT NOT NULL DEFAULT 0,
    ended_at BIGINT
);
CREATE UNIQUE INDEX deliveries_once ON deliveries (connection, body_digest);
CREATE INDEX deliveries_due ON deliveries (connection, next_at, seq) WHERE state = 'waiting';
CREATE INDEX deliveries_unread ON deliveries (connection, seq) WHERE state IN ('unreadable', 'stuck', 'damaged');
CREATE INDEX deliveries_unproven ON deliveries (connection) WHERE proven = 0 AND sealed_delivery IS NOT NULL;
CREATE INDEX deliveries_listed ON deliveries (tenant, connection, seq);
CREATE INDEX deliveries_age ON deliveries (received_at);
CREATE INDEX deliveries_kept ON deliveries (received_at) WHERE sealed_delivery IS NOT NULL;

-- Whom a delivery that was read is about, so that an erasure finds it.
CREATE TABLE delivery_people (
    delivery BIGINT NOT NULL,
    person BIGINT NOT NULL,
    PRIMARY KEY (delivery, person)
);
CREATE INDEX delivery_people_person ON delivery_people (person);

-- What deliveries may carry. The token itself is here only until the vendor has taken it.
CREATE TABLE tokens (
    tenant TEXT NOT NULL,
    connection TEXT NOT NULL,
    generation BIGINT NOT NULL,
    -- SHA-256 of the token.
    digest BLOB NOT NULL,
    -- offered, current or former, all three accepted; or one of the ends: retired, revoked.
    state TEXT NOT NULL,
    -- Whether the host made it to hand it to the vendor itself.
    by_host BIGINT NOT NULL,
    sealed_token BLOB,
    issued_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,
    -- When a delivery last carried it, to the hour.
    seen_at BIGINT,
    -- When the vendor got another one in its place.
    replaced_at BIGINT,
    ended_at BIGINT,
    -- When the vendor is asked to take it.
    push_at BIGINT,
    push_failures BIGINT NOT NULL DEFAULT 0,
    -- Why the vendor did not take it, for an operator.
    push_reason TEXT,
    PRIMARY KEY (connection, generation)
);
CREATE INDEX tokens_push ON tokens (push_at) WHERE push_at IS NOT NULL;
CREATE INDEX tokens_live ON tokens (connection, generation) WHERE state IN ('offered', 'current', 'former');
