-- The id of the API key that first uploaded the version, which alone cannot approve it if two people have to.
ALTER TABLE versions ADD COLUMN uploaded_by TEXT;
