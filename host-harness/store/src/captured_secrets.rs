//! Secrets that a vendor issued in place of a connection's own, sealed.
//! Tested in `service/src/rotated.rs`.

use crate::{
    database::Tx,
    error::{StoreError, Unsealable},
    handle::Keys,
};
use host_model::secret::{Secret, Secrets};

/// The connection whose secret was replaced.
#[derive(Clone, Debug)]
pub struct SecretHolder {
    /// The tenant.
    pub tenant: String,
    /// The connection's key.
    pub connection: String,
}

/// Returns the secrets that took the place of those of `own`, by name. One whose own secret was changed since is void.
pub async fn load(
    connection: &mut Tx,
    keys: &Keys,
    holder: &SecretHolder,
    own: &Secrets,
) -> Result<Secrets, StoreError> {
    let sql = "SELECT name, replaces, sealed_secret FROM captured_secrets WHERE connection = $1";
    let rows: Vec<(String, Vec<u8>, Vec<u8>)> =
        sqlx::query_as(sql).bind(&holder.connection).fetch_all(connection).await?;
    let mut secrets = Secrets::new();
    for (name, replaces, sealed) in rows {
        let Some(own) = own.get(&name).filter(|own| digest(keys, own) == replaces.as_slice()) else {
            continue;
        };
        let opened = keys.vault.open(&place(keys, holder, &name, own), &sealed)?;
        let secret = std::str::from_utf8(&opened).ok().and_then(Secret::new);
        secrets.insert(name, secret.ok_or(Unsealable)?);
    }
    Ok(secrets)
}

/// Stores `secret`, which took the place of `own` under `name` at `at`.
pub async fn save(
    tx: &mut Tx,
    keys: &Keys,
    holder: &SecretHolder,
    name: &str,
    own: &Secret,
    secret: &Secret,
    at: i64,
) -> Result<(), StoreError> {
    let sealed = keys.vault.seal(&place(keys, holder, name, own), secret.expose().as_bytes())?;
    sqlx::query(
        "INSERT INTO captured_secrets (connection, name, replaces, sealed_secret, captured_at) \
         VALUES ($1, $2, $3, $4, $5) ON CONFLICT (connection, name) DO UPDATE SET replaces = $3, sealed_secret = $4, \
           captured_at = $5",
    )
    .bind(&holder.connection)
    .bind(name)
    .bind(digest(keys, own).to_vec())
    .bind(sealed)
    .bind(at)
    .execute(tx)
    .await?;
    Ok(())
}

fn digest(keys: &Keys, own: &Secret) -> [u8; 32] {
    keys.person.digest(own.expose().as_bytes())
}

fn place(keys: &Keys, holder: &SecretHolder, name: &str, own: &Secret) -> String {
    let SecretHolder { tenant, connection } = holder;
    let own = hex::encode(digest(keys, own));
    format!("secret in place of {own} for {name} of connection {connection} of tenant {tenant}")
}
