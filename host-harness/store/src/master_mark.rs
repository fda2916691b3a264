//! A sealed mark by which a wrong master key is recognized.

use crate::{database::Tx, error::StoreError, marks, seal::Vault};

const MARK: &str = "master-key";

/// Checks that the database was created with the master key of `vault`. A database without a mark gets one.
pub(crate) async fn check(tx: &mut Tx, vault: &Vault) -> Result<(), StoreError> {
    let sealed = vault.seal(MARK, MARK.as_bytes())?;
    sqlx::query("INSERT INTO marks (name, value) VALUES ($1, $2) ON CONFLICT (name) DO NOTHING")
        .bind(MARK)
        .bind(sealed)
        .execute(&mut *tx)
        .await?;
    let kept = marks::get(tx, MARK).await?.ok_or(StoreError::WrongMasterKey)?;
    vault.open(MARK, &kept).map(drop).map_err(|_| StoreError::WrongMasterKey)
}
