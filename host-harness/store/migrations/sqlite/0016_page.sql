-- People who are signed in at the operator's page. The cookie seals the session's id and its API key's, so that a row alone
-- grants nothing.
CREATE TABLE page_sessions (
    id TEXT PRIMARY KEY,
    -- The id of the API key that was exchanged for it.
    api_key TEXT NOT NULL,
    began_at BIGINT NOT NULL,
    -- When it was last used, to the minute.
    seen_at BIGINT NOT NULL
);
