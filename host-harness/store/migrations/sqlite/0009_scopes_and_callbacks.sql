-- What a key may do, beyond tenants and may_write. JSON lists. NULL connections: all. NULL scopes: all areas, for writing if
-- may_write is 1. NULL callback_hosts: none.
ALTER TABLE api_keys ADD COLUMN connections TEXT;
ALTER TABLE api_keys ADD COLUMN scopes TEXT;
ALTER TABLE api_keys ADD COLUMN callback_hosts TEXT;

-- Where the end of a request is posted.
CREATE TABLE callbacks (
    -- The request's id.
    request TEXT PRIMARY KEY,
    tenant TEXT NOT NULL,
    connection TEXT NOT NULL,
    -- The id of the API key that sent the request: its hosts are allowed, and its secret signs.
    api_key TEXT NOT NULL,
    url TEXT NOT NULL,
    -- standard or fides.
    form TEXT NOT NULL,
    -- The receiver's own token, if the form has one.
    sealed_token BLOB,
    -- Changes with the address, the token and a replay, so that the answer to an earlier post ends no later callback.
    version BIGINT NOT NULL DEFAULT 0,
    failures BIGINT NOT NULL DEFAULT 0,
    failing_since BIGINT,
    next_at BIGINT NOT NULL DEFAULT 0,
    -- When the receiver took the end, or the post was given up; NULL until then.
    ended_at BIGINT,
    -- Why it was given up; NULL if the receiver took it.
    given_up TEXT
);
CREATE INDEX callbacks_open ON callbacks (next_at) WHERE ended_at IS NULL;
