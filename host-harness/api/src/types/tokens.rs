//! Webhook tokens.

use std::fmt;

use host_model::token;
use host_service::tokens::issue::Issued;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::mirror::mirror;

mirror! {
    /// How a webhook token stands.
    pub enum TokenState mirrors token::TokenState {
        /// Accepted; whether the vendor has it is not known yet.
        Offered,
        /// Accepted; the one that the vendor accepted last.
        Current,
        /// Accepted for a while, for deliveries on their way and senders that have not switched over.
        Former,
        /// Over.
        Retired,
        /// Ended by an operator.
        Revoked,
    }
}

/// A token, shown this once, in the shape of Fides and OAuth. A secret, so it does not print.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct IssuedToken {
    /// What the vendor's webhook has to carry.
    pub access_token: String,
    /// Always `bearer`.
    pub token_type: String,
    /// Seconds from now.
    pub expires_in: u64,
    /// Seconds since 1970 in UTC.
    pub expires_at: i64,
    /// The number to revoke it by.
    pub generation: i64,
}

impl fmt::Debug for IssuedToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "IssuedToken({})", self.generation)
    }
}

/// As its receiver is shown it, once.
impl From<&Issued> for IssuedToken {
    fn from(issued: &Issued) -> Self {
        Self {
            access_token: issued.token.expose().to_owned(),
            token_type: "bearer".to_owned(),
            expires_in: issued.lifetime.as_secs(),
            expires_at: issued.expires_at / 1_000,
            generation: issued.generation,
        }
    }
}

/// The tokens of a connection.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct WebhookTokens {
    /// Oldest first; no token itself is in it.
    pub tokens: Vec<WebhookToken>,
}

/// A token without the token itself. Times are milliseconds since 1970 in UTC.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct WebhookToken {
    /// From 1, one more for each token of the connection.
    pub generation: i64,
    /// How it stands.
    pub state: TokenState,
    /// Whether the host hands it to the vendor itself, and its successor too.
    pub by_host: bool,
    /// Since when it is accepted.
    pub issued_at: i64,
    /// Until when.
    pub expires_at: i64,
    /// When a delivery last carried it, to the hour; null if none has.
    pub seen_at: Option<i64>,
    /// When the vendor got another one in its place; null if it has not.
    pub replaced_at: Option<i64>,
    /// When it was retired or revoked; null while it is accepted.
    pub ended_at: Option<i64>,
    /// When it is next handed to the vendor; null if it is not.
    pub push_at: Option<i64>,
    /// How often the vendor did not accept it.
    pub push_failures: i64,
    /// Why it did not, the last time; null if it never failed.
    pub push_reason: Option<String>,
}

impl From<token::TokenView> for WebhookToken {
    fn from(view: token::TokenView) -> Self {
        Self {
            generation: view.generation,
            state: view.state.into(),
            by_host: view.by_host,
            issued_at: view.issued_at,
            expires_at: view.expires_at,
            seen_at: view.seen_at,
            replaced_at: view.replaced_at,
            ended_at: view.ended_at,
            push_at: view.push_at,
            push_failures: view.push_failures,
            push_reason: view.push_reason,
        }
    }
}

/// What became of a token that was handed to the vendor.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Rotated {
    /// Whether the vendor has it.
    pub outcome: Rotation,
}

/// Whether the vendor has a new token.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Rotation {
    /// It has.
    Installed,
    /// It accepts none from the host: an operator enters one there.
    ByHand,
}
