-- Since when a request that was replayed is tried; its month begins anew. None where it was never replayed.
ALTER TABLE requests ADD COLUMN tried_since BIGINT;
