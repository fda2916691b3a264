//! The rows of tokens.

use host_model::token::TokenView;
use sqlx::{Row as _, any::AnyRow};

use crate::{columns::word, error::StoreError, mac::RowMessage, seal::Vault};

/// The states of an accepted token. Must match the condition of the index.
pub(super) const LIVE: &str = "state IN ('offered', 'current', 'former')";

pub(super) const COLUMNS: &str = "tenant, connection, generation, digest, mac, state, by_host, issued_at, expires_at, seen_at, replaced_at, ended_at, push_at, \
                       push_failures, push_reason";

/// Returns the token in `row` as it is shown to operators.
pub(super) fn view(row: &AnyRow) -> Result<TokenView, StoreError> {
    Ok(TokenView {
        generation: row.try_get("generation")?,
        state: word("the word", row.try_get("state")?)?,
        by_host: row.try_get::<i64, _>("by_host")? != 0,
        issued_at: row.try_get("issued_at")?,
        expires_at: row.try_get("expires_at")?,
        seen_at: row.try_get("seen_at")?,
        replaced_at: row.try_get("replaced_at")?,
        ended_at: row.try_get("ended_at")?,
        push_at: row.try_get("push_at")?,
        push_failures: row.try_get("push_failures")?,
        push_reason: row.try_get("push_reason")?,
    })
}

/// Begins the message of the token in `row`.
pub(super) fn message_of(vault: &Vault, row: &AnyRow, digest: &[u8]) -> Result<RowMessage, StoreError> {
    let (tenant, connection): (String, String) = (row.try_get("tenant")?, row.try_get("connection")?);
    let (generation, expires_at) = (row.try_get("generation")?, row.try_get("expires_at")?);
    Ok(message(vault, &tenant, &connection, generation, digest, expires_at))
}

/// Begins the message that a token with this digest is accepted at its connection until it expires.
pub(super) fn message(
    vault: &Vault,
    tenant: &str,
    connection: &str,
    generation: i64,
    digest: &[u8],
    expires_at: i64,
) -> RowMessage {
    let row = vault.row("webhook token").text(tenant).text(connection);
    row.number(generation).bytes(digest).number(expires_at)
}

#[cfg(test)]
mod tests {
    use host_model::token::TokenState;

    use super::*;

    #[test]
    fn the_states_that_sql_speaks_of_are_those_of_the_type() {
        let live = [TokenState::Offered, TokenState::Current, TokenState::Former];
        assert_eq!(LIVE, format!("state IN ({})", live.map(|state| format!("'{state}'")).join(", ")));
    }
}
