-- The identifier kinds by which a connection's people are keyed, separated by blanks, or `*` for any kind. NULL until the
-- connection's plugin has said which kinds identify: `names` may then hold kinds that several people share.
ALTER TABLE connections ADD COLUMN identifying TEXT;
-- When its people were last keyed anew.
ALTER TABLE connections ADD COLUMN rekeyed_at BIGINT;

-- Identifiers that identify nobody at their connection, such as a user id in an email project, as keyed hashes. Several
-- people may share one.
CREATE TABLE attributes (
    connection TEXT NOT NULL,
    name BLOB NOT NULL,
    kind TEXT NOT NULL,
    person BIGINT NOT NULL,
    -- What it was while it identified, for when it does again.
    erased_at BIGINT,
    not_found_at BIGINT,
    PRIMARY KEY (connection, name, person)
);
CREATE INDEX attributes_person ON attributes (person);

-- The number of the record that this person shared with others before it was split; NULL if there was none.
ALTER TABLE people ADD COLUMN split_from BIGINT;
-- When that was.
ALTER TABLE people ADD COLUMN split_at BIGINT;
-- Whether opt-ins were dropped in the split, so that the vendor is asked when the person is next named.
ALTER TABLE people ADD COLUMN read_again BIGINT NOT NULL DEFAULT 0;
-- Who a person with attributes is, so that an event that names an attribute alone can have the person read. Sealed.
ALTER TABLE people ADD COLUMN sealed_subject BLOB;
CREATE INDEX people_split ON people (connection, split_from) WHERE split_from IS NOT NULL;

-- Since when an erasure of this name has found nobody at the vendor.
ALTER TABLE names ADD COLUMN not_found_at BIGINT;

-- Whether a reading keeps back an event about a person who was erased here, until the vendor has said whether it has them.
ALTER TABLE requests ADD COLUMN withholds BIGINT NOT NULL DEFAULT 0;
CREATE INDEX requests_withholding ON requests (seq) WHERE withholds = 1;
