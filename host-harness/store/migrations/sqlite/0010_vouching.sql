-- The plugin version whose outcome the request's own record contradicted: the request waits for another version.
ALTER TABLE requests ADD COLUMN contradicted_by TEXT;
CREATE INDEX requests_contradicted ON requests (connection, contradicted_by) WHERE contradicted_by IS NOT NULL;

-- What the host observed in the attempt's calls, as JSON. NULL for attempts of versions that did not record it.
ALTER TABLE attempts ADD COLUMN observed TEXT;
