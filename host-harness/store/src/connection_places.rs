//! Which connections there are, without what is sealed in them.
//! Tested in `api/src/tests/people.rs`.

use crate::{database::Tx, error::StoreError, grant::KeyReach};

/// A connection and its tenant.
#[derive(Clone, Debug, PartialEq, Eq, sqlx::FromRow)]
pub struct ConnectionPlace {
    /// The tenant that it belongs to.
    pub tenant: String,
    /// Its key.
    pub key: String,
}

/// Returns the connections that belong to `reach`, of `tenant` or of all tenants, ordered by tenant and key.
pub async fn reached(
    connection: &mut Tx,
    reach: &KeyReach,
    tenant: Option<&str>,
) -> Result<Vec<ConnectionPlace>, StoreError> {
    let sql = format!(
        "SELECT tenant, key FROM connections WHERE ($1 IS NULL OR tenant = $1) AND {} ORDER BY tenant, key",
        reach.condition("tenant", "key", 2)
    );
    let query = sqlx::query_as(sqlx::AssertSqlSafe(sql)).bind(tenant);
    Ok(reach.values().fold(query, sqlx::query::QueryAs::bind).fetch_all(connection).await?)
}
