-- Each process stores the totals of what it counted of a release, so that storing them again counts nothing twice.
CREATE TABLE process_counts (
    release TEXT NOT NULL,
    -- The id of the process; empty for what was counted by earlier schemas.
    process TEXT NOT NULL,
    side TEXT NOT NULL,
    -- The share at which the calls were made, in basis points.
    share BIGINT NOT NULL,
    kind TEXT NOT NULL,
    -- The key of the connection, for kinds that are split by connection; empty for the others.
    connection TEXT NOT NULL,
    -- As JSON.
    counts TEXT NOT NULL,
    PRIMARY KEY (release, process, side, share, kind, connection)
);
INSERT INTO process_counts (release, process, side, share, kind, connection, counts)
    SELECT release, '', side, share, kind, connection, counts FROM release_counts;
DROP TABLE release_counts;
ALTER TABLE process_counts RENAME TO release_counts;
