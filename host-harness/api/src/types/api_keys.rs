//! API keys: what they may do, without their texts.

use std::{collections::BTreeSet, fmt};

use host_model::{role, scope::Scope};
use host_service::api_keys;
use host_store::{ApiKey as StoredKey, grant::Grant};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::{mirror::mirror, page::PageLimit};

mirror! {
    /// A name for a set of scopes.
    pub enum Role mirrors role::Role {
        /// Reads everything, also areas of later versions.
        Viewer,
        /// Reads everything, and writes requests, consent, webhook tokens and connections.
        Operator,
        /// The same as an operator, and writes plugins and bulk acts.
        Approver,
        /// Does everything, also in areas of later versions.
        Administrator,
    }
}

/// A new API key. Exactly one of `role` and `scopes` says what it may do. It cannot have more than the key that creates it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewApiKey {
    /// Its name: lower-case words and digits with single dashes between them. The audit chain records it with everything that
    /// is done with the key.
    pub name: String,
    /// A name for a set of scopes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub role: Option<Role>,
    /// Scopes, such as `requests:write`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Vec<String>>)]
    pub scopes: Option<BTreeSet<Scope>>,
    /// The tenants that it can access; all if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tenants: Option<BTreeSet<String>>,
    /// The connections of these tenants that it can access; all if absent. Such a key cannot access what concerns a whole
    /// tenant.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub connections: Option<BTreeSet<String>>,
    /// The hosts to which its requests may have their end posted, as `HOST` or `HOST:PORT`.
    #[serde(default)]
    pub callback_hosts: BTreeSet<String>,
}

/// An API key without its text. Times are milliseconds since 1970 in UTC.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ApiKey {
    /// Its id.
    pub id: String,
    /// Its name, unique among the keys in use.
    pub name: String,
    /// The tenants that it can access; null for all.
    pub tenants: Option<BTreeSet<String>>,
    /// The connections that it can access; null for all.
    pub connections: Option<BTreeSet<String>>,
    /// Whether it may write something.
    pub may_write: bool,
    /// The role that stands for exactly its scopes; null if no role does.
    #[serde(default)]
    pub role: Option<Role>,
    /// What it may do in this version.
    #[schema(value_type = Vec<String>)]
    pub scopes: Vec<Scope>,
    /// The hosts to which its requests may have their end posted.
    pub callback_hosts: BTreeSet<String>,
    /// When it was created.
    pub created_at: i64,
    /// When it was revoked; null while it is in use.
    pub revoked_at: Option<i64>,
}

impl From<StoredKey> for ApiKey {
    fn from(StoredKey { id, name, grant, created_at, revoked_at }: StoredKey) -> Self {
        let Grant { reach, scopes, callback_hosts } = grant;
        let role = role::Role::of(&scopes).map(Role::from);
        let scopes: Vec<Scope> = scopes.listed().collect();
        Self {
            id,
            name,
            tenants: reach.tenants,
            connections: reach.connections,
            may_write: scopes.iter().any(|scope| scope.access == host_model::scope::AccessKind::Write),
            role,
            scopes,
            callback_hosts,
            created_at,
            revoked_at,
        }
    }
}

/// An API key with its text, which is shown only once. A secret, so it does not print.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct CreatedApiKey {
    /// The text of the key, for the header `Authorization: Bearer KEY`.
    pub key: String,
    /// The key.
    pub api_key: ApiKey,
}

impl fmt::Debug for CreatedApiKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "CreatedApiKey({})", self.api_key.name)
    }
}

impl From<api_keys::CreatedApiKey> for CreatedApiKey {
    fn from(api_keys::CreatedApiKey { key, text }: api_keys::CreatedApiKey) -> Self {
        Self { key: text.expose().to_owned(), api_key: key.into() }
    }
}

/// Selects API keys.
#[derive(Clone, Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct ApiKeyQuery {
    /// Only keys created before the one with this id: the last one of the previous page.
    pub before: Option<String>,
    /// Maximum number of results.
    #[serde(default)]
    #[param(inline)]
    pub limit: PageLimit<100, 500>,
}

/// A page of API keys.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ApiKeyPage {
    /// Newest first, including revoked ones.
    pub api_keys: Vec<ApiKey>,
}
