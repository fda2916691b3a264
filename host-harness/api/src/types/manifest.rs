//! What a connector declares of itself.

use host_model::contract::{Exemption as HostExemption, manifest as host};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::mirror::mirror;

/// What a connector declares of itself: its permission list.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Manifest {
    /// For machines, such as `iterable`.
    pub name: String,
    /// The connector's own version.
    pub version: String,
    /// For people, such as `Iterable`.
    pub vendor: String,
    /// A link.
    pub documentation: String,
    /// What the operator fills in.
    pub settings: Vec<Setting>,
    /// Every request that it may make.
    pub operations: Vec<Operation>,
    /// The limits that operations count against.
    pub limits: Vec<RateLimit>,
    /// Where deliveries carry the webhook token; null if they carry none.
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
    /// For a form.
    pub label: String,
    /// For a person.
    pub description: String,
    /// Whether a connection without it is refused.
    pub required: bool,
    /// Whether the host holds it and never hands it to the connector.
    pub secret: bool,
    /// Its value if the operator leaves it out; null for none.
    pub default: Option<String>,
    /// The values allowed; any if empty. `*` stands for letters, digits, dots and dashes.
    pub options: Vec<String>,
}

impl From<host::SettingSpec> for Setting {
    fn from(setting: host::SettingSpec) -> Self {
        let host::SettingSpec { name, label, description, required, secret, default, options } = setting;
        Self { name, label, description, required, secret, default, options }
    }
}

/// At most `requests` in any `period_ms`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct RateLimit {
    /// Operations name it.
    pub name: String,
    /// How many.
    pub requests: u32,
    /// The length of every window, in milliseconds; null if the limit is on requests at the same time.
    pub period_ms: Option<u64>,
}

impl From<host::Limit> for RateLimit {
    fn from(host::Limit { name, requests, period_ms }: host::Limit) -> Self {
        Self { name, requests, period_ms }
    }
}

mirror! {
    /// A part of a request.
    pub enum Place mirrors host::Place {
        /// A header.
        Header,
        /// A query parameter.
        Query,
        /// A member of the JSON or form body.
        Body,
    }
}

mirror! {
    /// What a request does at the vendor.
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
    /// A header, whose last word it is, or a query parameter.
    pub place: Place,
    /// The header's or parameter's name.
    pub name: String,
}

impl From<host::TokenSlot> for TokenSlot {
    fn from(host::TokenSlot { place, name }: host::TokenSlot) -> Self {
        Self { place: place.into(), name }
    }
}

/// What the host itself writes into a request.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct RequestField {
    /// Where.
    pub place: Place,
    /// The header's, parameter's or member's name.
    pub name: String,
    /// With blanks, such as `Bearer {api-key}`.
    pub value: String,
}

impl From<host::Field> for RequestField {
    fn from(host::Field { place, name, value }: host::Field) -> Self {
        Self { place: place.into(), name, value }
    }
}

/// A secret in a JSON answer that the host keeps and empties.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Capture {
    /// Where in the answer; a dot goes one level down.
    pub field: String,
    /// The name to keep it under.
    pub secret: String,
    /// The answer's member that says for how many seconds it is good; null if none does.
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
    /// What the connector calls it by.
    pub name: String,
    /// In an operator's words.
    pub purpose: String,
    /// The interfaces whose calls may send it; if empty, the host alone.
    pub used_by: Vec<String>,
    /// The setting that holds the vendor's host name.
    pub host_setting: String,
    /// In capitals.
    pub method: String,
    /// Whether it reads or writes at the vendor.
    pub effect: Effect,
    /// With `{name}` for each blank.
    pub path: String,
    /// The query parameters that the connector may set.
    pub query: Vec<String>,
    /// Of the body; null if there is no body.
    pub content_type: Option<String>,
    /// Written last, by the host.
    pub fields: Vec<RequestField>,
    /// Secrets in its answer.
    pub captures: Vec<Capture>,
    /// The response headers that the connector sees.
    pub response_headers: Vec<String>,
    /// The maximum size of its answer in bytes; null for the connection's.
    pub response_limit: Option<u64>,
    /// The names of the limits that it counts against.
    pub limits: Vec<String>,
    /// Whether sending it twice does no more than sending it once.
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
    /// Such as `email` or `user-id`.
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
    /// Under all settings.
    Always,
    /// Under no settings.
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

/// The rule in a sentence's end, such as `identifies a person if project-type is email or hybrid`.
impl std::fmt::Display for Identifies {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        host::Identifies::from(self.clone()).fmt(f)
    }
}

/// An outcome that the connector reports although no request supports it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Exemption {
    /// The outcome, in the contract's word, such as `erase-erased`.
    pub claim: String,
    /// Why the vendor offers no request for it.
    pub reason: String,
}

impl From<HostExemption> for Exemption {
    fn from(HostExemption { claim, reason }: HostExemption) -> Self {
        Self { claim: claim.to_string(), reason }
    }
}
