//! Adds authentication codes to the rows that version 0.1.0 wrote, once, in the transaction of the migration. Afterwards,
//! a row without a code grants nothing.

use std::time::SystemTime;

use host_model::time::milliseconds;
use serde_json::json;

use crate::{
    api_keys,
    audit::{self, ALL_TENANTS, AUTHENTICATED, Record},
    components, connections,
    database::Tx,
    error::StoreError,
    master_mark,
    seal::Vault,
    tokens,
};

/// Adds the codes, and records in each audit chain that it did. Rows that were tampered with before are not detected.
pub(crate) async fn authenticate(tx: &mut Tx, vault: &Vault) -> Result<(), StoreError> {
    master_mark::check(tx, vault).await?;
    let mut api_keys = Vec::new();
    for stored in api_keys::in_use(tx).await? {
        api_keys::authenticate(tx, vault, &stored).await?;
        api_keys.push(stored.key.name);
    }
    let plugins = components::authenticate_all(tx, vault).await?;
    let connections = connections::authenticate_all(tx, vault).await?;
    let tokens = tokens::authenticate_all(tx, vault).await?;
    let at = milliseconds(SystemTime::now());
    let mut chains: Vec<String> =
        sqlx::query_scalar("SELECT DISTINCT tenant FROM audit ORDER BY tenant").fetch_all(&mut *tx).await?;
    chains.retain(|tenant| tenant != ALL_TENANTS);
    for tenant in &chains {
        audit::append(tx, vault, tenant, at, &Record::of(AUTHENTICATED)).await?;
    }
    let detail = json!({
        "api-keys": api_keys, "plugins": plugins, "connections": connections, "webhook-tokens": tokens,
    });
    audit::append(tx, vault, ALL_TENANTS, at, &Record { detail, ..Record::of(AUTHENTICATED) }).await
}
