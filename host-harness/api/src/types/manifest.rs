//! A connector's manifest.

use host_model::contract::{Exemption as HostExemption, manifest as host};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::mirror::mirror;

/// A connector's manifest, which is its permission list.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Manifest {
    /// The connector's name for programs, such as `iterable`.
    pub name: String,
    /// The connector's own version.
    pub version: String,
    /// The vendor's name for people, such as `Iterable`.
    pub vendor: String,
    /// A link to the documentation.
    pub documentation: String,
    /// The settings that the operator fills in.
    pub settings: Vec<Setting>,
    /// Every request that it may make.
    pub operations: Vec<Operation>,
    /// The vendor's rate limits, which operations count against.
    pub limits: Vec<RateLimit>,
    /// Where deliveries carry the webhook token; null if they have none.
    pub webhook_token_slot: Option<TokenSlot>,
    /// The kinds of identifier that it can act on.
    pub identifier_kinds: Vec<IdentifierKind>,
    /// The kinds of consent item, parents first.
    pub item_kinds: Vec<String>,
    /// Outcomes that no request to the vendor can support.
    pub proves_without: Vec<Exemption>,
}

impl From<host::Manifest> for Manifest {
    fn from(manifest: host::Manifest) -> Self {
        Self {
            name: manifest.name,
            version: manifest.version,
            vendor: manifest.vendor,
            documentation: manifest.documentation,
            settings: manifest.settings.into_iter().map(Into::into).collect(),
            operations: manifest.operations.into_iter().map(Into::into).collect(),
            limits: manifest.limits.into_iter().map(Into::into).collect(),
            webhook_token_slot: manifest.webhook_token_slot.map(Into::into),
            identifier_kinds: manifest.identifier_kinds.into_iter().map(Into::into).collect(),
            item_kinds: manifest.item_kinds,
            proves_without: manifest.proves_without.into_iter().map(Into::into).collect(),
        }
    }
}

/// A setting that the operator fills in.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Setting {
    /// Its name in a connection's `settings` or `secrets`.
    pub name: String,
    /// The label in a form.
    pub label: String,
    /// Explanation for a person.
    pub description: String,
    /// Whether a connection must have it.
    pub required: bool,
    /// Whether it is secret: the host keeps it and never passes it to the connector.
    pub secret: bool,
    /// The default value; null for none.
    pub default: Option<String>,
    /// The allowed values; any if empty. `*` stands for letters, digits, dots and dashes.
    pub options: Vec<String>,
}

impl From<host::SettingSpec> for Setting {
    fn from(setting: host::SettingSpec) -> Self {
        let host::SettingSpec { name, label, description, required, secret, default, options } = setting;
        Self { name, label, description, required, secret, default, options }
    }
}

/// A rate limit: at most `requests` in any `period_ms`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct RateLimit {
    /// The name that operations refer to.
    pub name: String,
    /// The maximum number of requests.
    pub requests: u32,
    /// The length of the window, in milliseconds; null if the limit is on simultaneous requests.
    pub period_ms: Option<u64>,
}

impl From<host::Limit> for RateLimit {
    fn from(host::Limit { name, requests, period_ms }: host::Limit) -> Self {
        Self { name, requests, period_ms }
    }
}

mirror! {
    /// A part of a request.
    pub enum Place mirrors host::RequestPart {
        /// A header.
        Header,
        /// A query parameter.
        Query,
        /// A member of the JSON or form body.
        Body,
    }
}

mirror! {
    /// The effect of a request at the vendor.
    pub enum Effect mirrors host::Effect {
        /// It only reads.
        Read,
        /// It may change something.
        Write,
    }
}

/// Where deliveries carry the webhook token.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct TokenSlot {
    /// A header, whose last word is the token, or a query parameter.
    pub place: Place,
    /// The header's or parameter's name.
    pub name: String,
}

impl From<host::TokenSlot> for TokenSlot {
    fn from(host::TokenSlot { place, name }: host::TokenSlot) -> Self {
        Self { place: place.into(), name }
    }
}

/// A value that the host writes into a request.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct RequestField {
    /// The part of the request.
    pub place: Place,
    /// The header's, parameter's or member's name.
    pub name: String,
    /// The value with placeholders, such as `Bearer {api-key}`.
    pub value: String,
}

impl From<host::Field> for RequestField {
    fn from(host::Field { place, name, value }: host::Field) -> Self {
        Self { place: place.into(), name, value }
    }
}

/// A secret in a JSON answer, which the host keeps and removes from the answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Capture {
    /// The path in the answer; a dot goes one level down.
    pub field: String,
    /// The name to keep it under.
    pub secret: String,
    /// The member of the answer that contains its lifetime in seconds; null for none.
    pub lifetime: Option<String>,
}

impl From<host::Capture> for Capture {
    fn from(host::Capture { field, secret, lifetime }: host::Capture) -> Self {
        Self { field, secret, lifetime }
    }
}

/// A request that the connector may make: one entry of the permission list.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Operation {
    /// The name that the connector calls it by.
    pub name: String,
    /// The purpose, for operators.
    pub purpose: String,
    /// The interfaces whose calls may send it; if empty, only the host sends it.
    pub used_by: Vec<String>,
    /// The setting that contains the vendor's host name.
    pub host_setting: String,
    /// The HTTP method, in capitals.
    pub method: String,
    /// Whether it reads or writes at the vendor.
    pub effect: Effect,
    /// The path, with `{name}` for each placeholder.
    pub path: String,
    /// The query parameters that the connector may set.
    pub query: Vec<String>,
    /// The content type of the body; null if there is no body.
    pub content_type: Option<String>,
    /// Values that the host writes last.
    pub fields: Vec<RequestField>,
    /// The secrets in its answer.
    pub captures: Vec<Capture>,
    /// The response headers that the connector receives.
    pub response_headers: Vec<String>,
    /// The maximum size of its answer, in bytes; null for the connection's default.
    pub response_limit: Option<u64>,
    /// The names of the limits that it counts against.
    pub limits: Vec<String>,
    /// Whether it is idempotent: sending it twice has the same effect as sending it once.
    pub repeatable: bool,
}

impl From<host::Operation> for Operation {
    fn from(operation: host::Operation) -> Self {
        Self {
            name: operation.name,
            purpose: operation.purpose,
            used_by: operation.used_by,
            host_setting: operation.host_setting,
            method: operation.method,
            effect: operation.effect.into(),
            path: operation.path,
            query: operation.query,
            content_type: operation.content_type,
            fields: operation.fields.into_iter().map(Into::into).collect(),
            captures: operation.captures.into_iter().map(Into::into).collect(),
            response_headers: operation.response_headers,
            response_limit: operation.response_limit,
            limits: operation.limits,
            repeatable: operation.repeatable,
        }
    }
}

/// A kind of identifier that the connector can act on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct IdentifierKind {
    /// The name, such as `email` or `user-id`.
    pub name: String,
    /// Whether the vendor keeps it unique, so that it identifies one person.
    pub identifies: Identifies,
}

impl From<host::IdentifierKind> for IdentifierKind {
    fn from(host::IdentifierKind { name, identifies }: host::IdentifierKind) -> Self {
        Self { name, identifies: identifies.into() }
    }
}

/// Whether an identifier of a kind belongs to one person at the vendor.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Identifies {
    /// With all settings.
    Always,
    /// With no settings.
    Never,
    /// If the setting has one of these values.
    When(SettingHasValue),
}

/// A setting that has one of some values.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct SettingHasValue {
    /// The name of a setting that is not secret.
    pub setting: String,
    /// The values, at least one.
    pub values: Vec<String>,
}

impl From<host::Identifies> for Identifies {
    fn from(identifies: host::Identifies) -> Self {
        match identifies {
            host::Identifies::Always => Self::Always,
            host::Identifies::Never => Self::Never,
            host::Identifies::When { setting, values } => Self::When(SettingHasValue { setting, values }),
        }
    }
}

impl From<Identifies> for host::Identifies {
    fn from(identifies: Identifies) -> Self {
        match identifies {
            Identifies::Always => Self::Always,
            Identifies::Never => Self::Never,
            Identifies::When(SettingHasValue { setting, values }) => Self::When { setting, values },
        }
    }
}

/// The rule as the end of a sentence, such as `identifies a person if project-type is email or hybrid`.
impl std::fmt::Display for Identifies {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        host::Identifies::from(self.clone()).fmt(f)
    }
}

/// An outcome that the connector reports although no request supports it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Exemption {
    /// The outcome, in the contract's spelling, such as `erase-erased`.
    pub claim: String,
    /// Why the vendor offers no request for it.
    pub reason: String,
}

impl From<HostExemption> for Exemption {
    fn from(HostExemption { claim, reason }: HostExemption) -> Self {
        Self { claim: claim.to_string(), reason }
    }
}
