-- Each process stores the totals of what it counted of a release, so that storing them again counts nothing twice. The id
-- of the process; empty for what was counted by earlier schemas.
ALTER TABLE release_counts ADD COLUMN process TEXT COLLATE "C" NOT NULL DEFAULT '';
ALTER TABLE release_counts ALTER COLUMN process DROP DEFAULT;
ALTER TABLE release_counts DROP CONSTRAINT release_counts_pkey;
ALTER TABLE release_counts ADD PRIMARY KEY (release, process, side, share, kind, connection);
