-- What connections stand for on the platform's data map.
CREATE TABLE systems (
    tenant TEXT NOT NULL,
    key TEXT NOT NULL,
    name TEXT NOT NULL,
    -- JSON list.
    data_uses TEXT NOT NULL,
    PRIMARY KEY (tenant, key)
);

CREATE TABLE notices (
    tenant TEXT NOT NULL,
    id TEXT NOT NULL,
    key TEXT,
    name TEXT NOT NULL,
    -- JSON list.
    data_uses TEXT NOT NULL,
    -- frontend, system_wide or not_applicable.
    enforcement TEXT NOT NULL,
    PRIMARY KEY (tenant, id)
);

-- The mapping of each connection.
CREATE TABLE items (
    connection TEXT NOT NULL,
    kind TEXT NOT NULL,
    id TEXT NOT NULL,
    name TEXT NOT NULL,
    parent_kind TEXT,
    parent_id TEXT,
    notice TEXT,
    -- Whether the vendor had it when it was last asked.
    listed BIGINT NOT NULL DEFAULT 1,
    PRIMARY KEY (connection, kind, id)
);

-- The newest choice of each person for each item.
CREATE TABLE choices (
    person BIGINT NOT NULL,
    kind TEXT NOT NULL,
    id TEXT NOT NULL,
    -- opt-in or opt-out.
    choice TEXT NOT NULL,
    chosen_at BIGINT NOT NULL,
    vendor_at BIGINT,
    -- platform, vendor or reading.
    origin TEXT NOT NULL,
    source TEXT NOT NULL,
    PRIMARY KEY (person, kind, id)
);

-- What the vendor was told, for as long as an event about it may come.
CREATE TABLE writes (
    person BIGINT NOT NULL,
    kind TEXT NOT NULL,
    id TEXT NOT NULL,
    choice TEXT NOT NULL,
    sent_at BIGINT NOT NULL,
    -- Whether another one of the same choice came after it.
    repeated BIGINT NOT NULL DEFAULT 0,
    PRIMARY KEY (person, kind, id, sent_at)
);
CREATE INDEX writes_repeated ON writes (sent_at) WHERE repeated = 1;

-- What the platform holds for a notice as far as is known: what it sent, or was told.
CREATE TABLE notice_choices (
    person BIGINT NOT NULL,
    notice TEXT NOT NULL,
    choice TEXT NOT NULL,
    chosen_at BIGINT NOT NULL,
    PRIMARY KEY (person, notice)
);

-- The feed. AUTOINCREMENT: no number comes twice, even where the last rows are gone.
CREATE TABLE events (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    id TEXT NOT NULL UNIQUE,
    tenant TEXT NOT NULL,
    connection TEXT NOT NULL,
    person BIGINT NOT NULL,
    -- JSON: all but who.
    news TEXT NOT NULL,
    sealed_identity BLOB NOT NULL,
    received_at BIGINT NOT NULL
);
CREATE INDEX events_tenant ON events (tenant, seq);
CREATE INDEX events_person ON events (person);
CREATE INDEX events_received ON events (received_at);

-- Keyed digests of the vendor's events that were heard, so that one delivered again is known.
CREATE TABLE event_keys (
    connection TEXT NOT NULL,
    digest BLOB NOT NULL,
    person BIGINT NOT NULL,
    heard_at BIGINT NOT NULL,
    PRIMARY KEY (connection, digest)
);
CREATE INDEX event_keys_person ON event_keys (person);
CREATE INDEX event_keys_heard ON event_keys (heard_at);

-- How far each tenant's feed has been posted to its platform.
CREATE TABLE forwards (
    tenant TEXT PRIMARY KEY,
    posted BIGINT NOT NULL,
    failures BIGINT NOT NULL DEFAULT 0,
    failing_since BIGINT,
    next_at BIGINT NOT NULL DEFAULT 0
);

-- The choice that the host itself asked to be written again, where a request is about that.
ALTER TABLE requests ADD COLUMN restores TEXT;
