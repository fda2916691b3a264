-- Rows that grant something carry a MAC under a key derived from the master key: see src/mac.rs. A row without a valid one
-- grants nothing. The first start of this version adds them to the rows that are here.
ALTER TABLE api_keys ADD COLUMN mac BLOB;
ALTER TABLE publications ADD COLUMN mac BLOB;
ALTER TABLE connections ADD COLUMN mac BLOB;
ALTER TABLE tokens ADD COLUMN mac BLOB;

-- Whether the erasure ledger, a file beside the database, contains the name's erasure, and the tenant's key.
ALTER TABLE names ADD COLUMN in_ledger BIGINT NOT NULL DEFAULT 0;
ALTER TABLE tenants ADD COLUMN in_ledger BIGINT NOT NULL DEFAULT 0;
CREATE INDEX names_to_ledger ON names (connection, name)
    WHERE in_ledger = 0 AND (erased_at IS NOT NULL OR not_found_at IS NOT NULL);

-- Secrets that a vendor issued in place of one that it will not accept again, such as a rotated refresh token. Sealed.
CREATE TABLE captured_secrets (
    connection TEXT NOT NULL,
    -- A keyed hash of the connection's own secret whose place it takes: it is void once the operator changes that one.
    replaces BLOB NOT NULL,
    name TEXT NOT NULL,
    sealed_secret BLOB NOT NULL,
    captured_at BIGINT NOT NULL,
    PRIMARY KEY (connection, name)
);
