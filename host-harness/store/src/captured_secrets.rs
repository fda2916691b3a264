//! Secrets that a vendor issued to a connection that exchanges its own, sealed: their successors, and those that are issued with
//! them.
//! Tested in `service/src/rotated.rs`.

use sqlx::FromRow;

use crate::{
    database::Tx,
    error::{StoreError, Unsealable},
    handle::Keys,
};
use host_model::secret::{Secret, Secrets};

/// The connection to which a secret was issued.
#[derive(Clone, Debug)]
pub struct SecretHolder {
    /// The tenant.
    pub tenant: String,
    /// The connection's key.
    pub connection: String,
    /// What stands for all of the connection's own secrets.
    pub account: [u8; 32],
    /// The connection's own secrets, by name.
    pub own: Secrets,
}

/// A secret that the vendor issued.
#[derive(Clone, Debug)]
pub struct CapturedSecret {
    /// The name of the secret whose place it takes, or its own.
    pub name: String,
    /// The secret.
    pub secret: Secret,
    /// Until when the vendor accepts it, in milliseconds since the Unix epoch; `None` if it did not say.
    pub expires_at: Option<i64>,
}

#[derive(FromRow)]
struct CapturedRow {
    name: String,
    replaces: Vec<u8>,
    sealed_secret: Vec<u8>,
    expires_at: Option<i64>,
}

/// Returns the secrets that were issued to `holder`. One that took the place of an own secret which was changed since is void,
/// and so is any other one if any own secret was.
pub async fn load(
    connection: &mut Tx,
    keys: &Keys,
    holder: &SecretHolder,
) -> Result<Vec<CapturedSecret>, StoreError> {
    let sql = "SELECT name, replaces, sealed_secret, expires_at FROM captured_secrets WHERE connection = $1";
    let rows: Vec<CapturedRow> = sqlx::query_as(sql).bind(&holder.connection).fetch_all(connection).await?;
    let mut secrets = Vec::new();
    for CapturedRow { name, replaces, sealed_secret, expires_at } in rows {
        if holder.replaced_by(keys, &name) != replaces.as_slice() {
            continue;
        }
        let opened = keys.vault.open(&holder.place(keys, &name), &sealed_secret)?;
        let secret = std::str::from_utf8(&opened).ok().and_then(Secret::new).ok_or(Unsealable)?;
        secrets.push(CapturedSecret { name, secret, expires_at });
    }
    Ok(secrets)
}

/// Stores `captured`, which was issued to `holder` at `at`, in the place of the one before.
pub async fn save(
    tx: &mut Tx,
    keys: &Keys,
    holder: &SecretHolder,
    captured: &CapturedSecret,
    at: i64,
) -> Result<(), StoreError> {
    let CapturedSecret { name, secret, expires_at } = captured;
    let sealed = keys.vault.seal(&holder.place(keys, name), secret.expose().as_bytes())?;
    sqlx::query(
        "INSERT INTO captured_secrets (connection, name, replaces, sealed_secret, captured_at, expires_at) \
         VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT (connection, name) DO UPDATE SET replaces = $3, sealed_secret = $4, \
           captured_at = $5, expires_at = $6",
    )
    .bind(&holder.connection)
    .bind(name)
    .bind(holder.replaced_by(keys, name).to_vec())
    .bind(sealed)
    .bind(at)
    .bind(*expires_at)
    .execute(tx)
    .await?;
    Ok(())
}

impl SecretHolder {
    /// Returns a keyed hash of what has to stay unchanged for the secret `name` to be valid.
    fn replaced_by(&self, keys: &Keys, name: &str) -> [u8; 32] {
        match self.own.get(name) {
            Some(own) => keys.person.digest(own.expose().as_bytes()),
            None => keys.person.digest(&self.account),
        }
    }

    fn place(&self, keys: &Keys, name: &str) -> String {
        let Self { tenant, connection, .. } = self;
        let own = hex::encode(self.replaced_by(keys, name));
        format!("secret in place of {own} for {name} of connection {connection} of tenant {tenant}")
    }
}
