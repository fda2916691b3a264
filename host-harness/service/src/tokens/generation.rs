//! Generations of tokens in the database and in the audit chain.
//! Tested in `src/tokens/tests.rs`.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use serde_json::json;
use sha2::{Digest, Sha256};

use crate::who::Who;
use host_model::{
    secret::Secret,
    token::{self, TokenState, TokenView},
};
use host_store::{
    StoreError, Tx, Vault,
    audit::{self, Record},
    tokens,
};

/// Retires the expired tokens of `connection`. Returns the others.
pub(super) async fn retire_over(
    tx: &mut Tx,
    connection: &str,
    now: i64,
) -> Result<Vec<TokenView>, StoreError> {
    let live = tokens::live(tx, connection).await?;
    let over = token::over(&live, now);
    for generation in &over {
        tokens::end(tx, connection, *generation, TokenState::Retired, now).await?;
    }
    Ok(live.into_iter().filter(|token| !over.contains(&token.generation)).collect())
}

/// A change of a token that the audit chain records.
pub(super) struct TokenChange<'a> {
    pub(super) tenant: &'a str,
    pub(super) connection: &'a str,
    pub(super) what: &'static str,
    /// The caller, or `None` for the host itself.
    pub(super) by: Option<Who>,
    pub(super) generation: i64,
}

/// Records `change` in the audit chain.
pub(super) async fn record(
    tx: &mut Tx,
    vault: &Vault,
    at: i64,
    change: TokenChange<'_>,
) -> Result<(), StoreError> {
    let TokenChange { tenant, connection, what, by, generation } = change;
    let by = by.map(|Who(name)| name);
    let record = Record {
        connection: Some(connection.to_owned()),
        detail: json!({ "generation": generation, "by": by }),
        ..Record::of(what)
    };
    audit::append(tx, vault, tenant, at, &record).await
}

/// Returns a token of 256 random bits.
pub(super) fn new_token() -> Result<Secret, StoreError> {
    let mut bits = zeroize::Zeroizing::new([0; 32]);
    let unsealable = host_store::Unsealable;
    getrandom::fill(bits.as_mut_slice()).map_err(|_| unsealable)?;
    Ok(Secret::new(URL_SAFE_NO_PAD.encode(bits.as_slice())).ok_or(unsealable)?)
}

pub(super) fn digest(token: &Secret) -> [u8; 32] {
    Sha256::digest(token.expose()).into()
}
