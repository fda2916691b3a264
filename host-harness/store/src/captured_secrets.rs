//! Secrets that a vendor issued in place of a connection's own, sealed.
//! Tested in `service/src/rotated.rs`.

use crate::{database::Tx, error::StoreError, seal::Vault};
use host_model::secret::{Secret, Secrets};

/// The vendor account of a connection, and where its secrets are kept.
#[derive(Clone, Debug)]
pub struct SecretHolder {
    /// The tenant.
    pub tenant: String,
    /// The connection's key.
    pub connection: String,
    /// A keyed hash of its account, which changes with the connection's own secrets.
    pub account: [u8; 32],
}

/// Returns the secrets of `holder`, by name. Those of another account of the connection are void.
pub async fn load(connection: &mut Tx, vault: &Vault, holder: &SecretHolder) -> Result<Secrets, StoreError> {
    let sql = "SELECT name, sealed_secret FROM captured_secrets WHERE connection = $1 AND account = $2";
    let rows: Vec<(String, Vec<u8>)> = sqlx::query_as(sql)
        .bind(&holder.connection)
        .bind(holder.account.to_vec())
        .fetch_all(connection)
        .await?;
    let mut secrets = Secrets::new();
    for (name, sealed) in rows {
        let opened = vault.open(&place(holder, &name), &sealed)?;
        let secret = std::str::from_utf8(&opened).ok().and_then(Secret::new);
        let secret = secret.ok_or_else(|| StoreError::Unreadable("a captured secret".to_owned()))?;
        secrets.insert(name, secret);
    }
    Ok(secrets)
}

/// Stores `secret` under `name` at `at`, in the place of the one before.
pub async fn save(
    tx: &mut Tx,
    vault: &Vault,
    holder: &SecretHolder,
    name: &str,
    secret: &Secret,
    at: i64,
) -> Result<(), StoreError> {
    let sealed = vault.seal(&place(holder, name), secret.expose().as_bytes())?;
    sqlx::query(
        "INSERT INTO captured_secrets (connection, account, name, sealed_secret, captured_at) \
         VALUES ($1, $2, $3, $4, $5) ON CONFLICT (connection, name) DO UPDATE SET account = $2, sealed_secret = $4, \
           captured_at = $5",
    )
    .bind(&holder.connection)
    .bind(holder.account.to_vec())
    .bind(name)
    .bind(sealed)
    .bind(at)
    .execute(tx)
    .await?;
    Ok(())
}

fn place(holder: &SecretHolder, name: &str) -> String {
    format!("captured secret {name} of connection {} of tenant {}", holder.connection, holder.tenant)
}
