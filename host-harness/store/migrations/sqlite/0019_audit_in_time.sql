-- The audit records of all tenants, by time.
CREATE INDEX audit_in_time ON audit (at, tenant, line);
