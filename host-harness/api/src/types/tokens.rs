//! Webhook tokens.

use std::fmt;

use host_model::token;
use host_service::tokens::issue::IssuedWebhookToken;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::mirror::mirror;

mirror! {
    /// The state of a webhook token.
    pub enum TokenState mirrors token::TokenState {
        /// Accepted; it is not known yet whether the vendor has it.
        Offered,
        /// Accepted; the last one that the vendor has accepted.
        Current,
        /// Still accepted for a while, for deliveries in transit and senders that have not switched over yet.
        Former,
        /// No longer accepted.
        Retired,
        /// Revoked by an operator.
        Revoked,
    }
}

/// A token, shown only once, in the shape of Fides and OAuth. A secret, so it does not print.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct IssuedToken {
    /// The token that the vendor's webhook must carry.
    pub access_token: String,
    /// Always `bearer`.
    pub token_type: String,
    /// The lifetime, in seconds from now.
    pub expires_in: u64,
    /// When it expires, in seconds since 1970 in UTC.
    pub expires_at: i64,
    /// The token's number, by which it can be revoked.
    pub generation: i64,
}

impl fmt::Debug for IssuedToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "IssuedToken({})", self.generation)
    }
}

/// The form in which the token is shown, once.
impl From<&IssuedWebhookToken> for IssuedToken {
    fn from(issued: &IssuedWebhookToken) -> Self {
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
    /// Oldest first; the tokens themselves are not included.
    pub tokens: Vec<WebhookToken>,
}

/// A token without the token itself. Times are milliseconds since 1970 in UTC.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct WebhookToken {
    /// The token's number within the connection, from 1.
    pub generation: i64,
    /// Its state.
    pub state: TokenState,
    /// Whether the host itself sends it and its successor to the vendor.
    pub by_host: bool,
    /// Since when it has been accepted.
    pub issued_at: i64,
    /// Until when it is accepted.
    pub expires_at: i64,
    /// When a delivery last carried it, to the hour; null if none has.
    pub seen_at: Option<i64>,
    /// When the vendor got another token in its place; null if it has not.
    pub replaced_at: Option<i64>,
    /// When it was retired or revoked; null while it is accepted.
    pub ended_at: Option<i64>,
    /// When it will next be sent to the vendor; null if it will not.
    pub push_at: Option<i64>,
    /// The number of times that the vendor did not accept it.
    pub push_failures: i64,
    /// Why the vendor last did not accept it; null if that never happened.
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

/// The result of sending a token to the vendor.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Rotated {
    /// Whether the vendor has the token.
    pub outcome: Rotation,
}

/// Whether the vendor has a new token.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Rotation {
    /// The vendor has the new token.
    Installed,
    /// The vendor accepts no tokens from the host: an operator must enter one there.
    ByHand,
}
