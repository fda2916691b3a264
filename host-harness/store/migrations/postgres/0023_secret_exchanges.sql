-- Whose turn it is to exchange a connection's secrets at the vendor, such as a refresh token that can be used once. One
-- replica does at a time, with what the one before it got.
CREATE TABLE secret_exchanges (
    connection TEXT COLLATE "C" PRIMARY KEY,
    -- The replica of the last turn.
    replica TEXT COLLATE "C" NOT NULL,
    -- The number of the last turn.
    turn BIGINT NOT NULL,
    -- The last turn whose result was stored; 0 if none was.
    stored_turn BIGINT NOT NULL DEFAULT 0,
    -- Until when the turn lasts, by the database's clock; 0 once it has ended.
    lease_until BIGINT NOT NULL
);

-- Until when the vendor accepts the secret; NULL if it did not say.
ALTER TABLE captured_secrets ADD COLUMN expires_at BIGINT;
