//! The tokens that deliveries may carry.

use std::collections::HashMap;

use host_model::token::TokenView;
use sqlx::{Row as _, any::AnyRow};

use super::rows::{COLUMNS, LIVE, message_of, view};
use crate::{
    database::Tx,
    error::StoreError,
    mac::RowMac,
    placeholders::{one_of, padded},
    seal::Vault,
};

/// A token that may be accepted, with its digest.
#[derive(Clone, Debug)]
pub struct AcceptableToken {
    /// The SHA-256 of the token.
    pub digest: [u8; 32],
    /// The token as shown to operators.
    pub token: TokenView,
}

/// The tokens of one connection that have not ended.
pub struct ConnectionTokens {
    /// The tenant that it belongs to.
    pub tenant: String,
    /// The key of its connection.
    pub connection: String,
    /// Its tokens, oldest first.
    pub tokens: Vec<AcceptableToken>,
    /// The generations whose rows cannot be read, because the database was changed from outside.
    pub damaged: Vec<i64>,
}

/// Returns the tokens that deliveries to these connections may carry, oldest first. A connection without any is left out. A
/// damaged token is never accepted.
pub async fn acceptable(
    tx: &mut Tx,
    vault: &Vault,
    connections: &[String],
) -> Result<HashMap<String, Vec<AcceptableToken>>, StoreError> {
    let connections = padded(connections.iter().collect());
    let sql = format!(
        "SELECT {COLUMNS} FROM tokens WHERE {} AND {LIVE} ORDER BY generation",
        one_of("connection", 1, connections.len())
    );
    let query = connections.iter().fold(sqlx::query(sqlx::AssertSqlSafe(sql)), |query, key| query.bind(*key));
    let mut tokens: HashMap<String, Vec<AcceptableToken>> = HashMap::new();
    for row in query.fetch_all(tx).await? {
        if let Ok(token) = acceptable_token(vault, &row) {
            tokens.entry(row.try_get("connection")?).or_default().push(token);
        }
    }
    Ok(tokens)
}

/// Returns the tokens that have not ended, by connection.
pub async fn all_live(tx: &mut Tx, vault: &Vault) -> Result<Vec<ConnectionTokens>, StoreError> {
    let sql = format!("SELECT {COLUMNS} FROM tokens WHERE {LIVE} ORDER BY connection, generation");
    let rows = sqlx::query(sqlx::AssertSqlSafe(sql)).fetch_all(tx).await?;
    let mut all: Vec<ConnectionTokens> = Vec::new();
    for row in &rows {
        let (tenant, connection): (String, String) = (row.try_get("tenant")?, row.try_get("connection")?);
        if all.last().is_none_or(|last| last.connection != connection) {
            all.push(ConnectionTokens { tenant, connection, tokens: Vec::new(), damaged: Vec::new() });
        }
        let Some(last) = all.last_mut() else { continue };
        match acceptable_token(vault, row) {
            Ok(known) => last.tokens.push(known),
            Err(_) => last.damaged.push(row.try_get("generation")?),
        }
    }
    Ok(all)
}

/// Reads a token that has not ended. A token without a valid MAC was not issued by this program and is damaged.
fn acceptable_token(vault: &Vault, row: &AnyRow) -> Result<AcceptableToken, StoreError> {
    let digest: Vec<u8> = row.try_get("digest")?;
    let digest: [u8; 32] =
        digest.try_into().map_err(|_| StoreError::Unreadable("a token's digest".to_owned()))?;
    let mac: Option<Vec<u8>> = row.try_get("mac")?;
    let token = view(row)?;
    if message_of(vault, row, &digest)?.matches(mac.map(RowMac).as_ref()) {
        return Ok(AcceptableToken { digest, token });
    }
    Err(StoreError::NotAuthentic(format!("webhook token {}", token.generation)))
}
