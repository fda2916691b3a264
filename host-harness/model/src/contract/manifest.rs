//! What a connector declares about itself: its permission list. Read once, when the plugin is loaded.

use std::{collections::BTreeSet, fmt};

use serde::{Deserialize, Serialize};
use strum::{Display, VariantArray};

use super::{Settings, claim::Exemption};

/// A connector's declaration, as received from the guest. The host checks it before anything relies on it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Manifest {
    /// The machine-readable name, such as `iterable`.
    pub name: String,
    /// The connector's own version.
    pub version: String,
    /// The vendor's display name, such as `Iterable`.
    pub vendor: String,
    /// A link to the documentation.
    pub documentation: String,
    /// The settings that the operator fills in.
    pub settings: Vec<SettingSpec>,
    /// Every request that may be made.
    pub operations: Vec<Operation>,
    /// The rate limits that operations count against.
    pub limits: Vec<Limit>,
    /// Where deliveries carry the webhook token.
    pub webhook_token_slot: Option<TokenSlot>,
    /// Kinds of identifiers that it can act on.
    pub identifier_kinds: Vec<IdentifierKind>,
    /// Kinds of consent items, parents first.
    pub item_kinds: Vec<String>,
    /// Outcomes that no request to the vendor can support.
    pub proves_without: Vec<Exemption>,
}

impl Manifest {
    /// Returns the declared operation with that name.
    pub fn operation(&self, name: &str) -> Option<&Operation> {
        self.operations.iter().find(|operation| operation.name == name)
    }

    /// Returns the declared setting with that name.
    pub fn setting(&self, name: &str) -> Option<&SettingSpec> {
        self.settings.iter().find(|setting| setting.name == name)
    }

    /// Returns the declared limit with that name.
    pub fn limit(&self, name: &str) -> Option<&Limit> {
        self.limits.iter().find(|limit| limit.name == name)
    }

    /// Returns the names of all identifier kinds that it can act on.
    pub fn identifier_kind_names(&self) -> Vec<String> {
        self.identifier_kinds.iter().map(|kind| kind.name.clone()).collect()
    }

    /// Returns the identifier kinds that identify a person at a connection with `settings`.
    pub fn identifying(&self, settings: &Settings) -> Identifying {
        if self.identifier_kinds.is_empty() {
            return Identifying::AnyKind;
        }
        let kinds = self.identifier_kinds.iter().filter(|kind| kind.identifies_under(settings));
        Identifying::Kinds(kinds.map(|kind| kind.name.clone()).collect())
    }

    /// Returns whether `name` is a secret: a secret setting, or one that an operation captures.
    pub fn is_secret(&self, name: &str) -> bool {
        self.setting(name).is_some_and(|setting| setting.secret)
            || self.operations.iter().flat_map(|o| &o.captures).any(|capture| capture.secret == name)
    }
}

/// A kind of identifier that a connector can act on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct IdentifierKind {
    /// Such as `email` or `user-id`.
    pub name: String,
    /// Whether the vendor keeps it unique, so that it identifies one person.
    pub identifies: Identifies,
}

impl IdentifierKind {
    /// Creates a kind that identifies a person regardless of the settings.
    pub fn unique(name: impl Into<String>) -> Self {
        Self { name: name.into(), identifies: Identifies::Always }
    }

    fn identifies_under(&self, settings: &Settings) -> bool {
        match &self.identifies {
            Identifies::Always => true,
            Identifies::Never => false,
            Identifies::When { setting, values } => {
                settings.get(setting).is_some_and(|value| values.contains(value))
            }
        }
    }
}

/// The identifier kinds that identify a person at one connection: its plugin's rule, applied to its settings.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Identifying {
    /// The manifest names no kinds.
    AnyKind,
    /// These kinds.
    Kinds(BTreeSet<String>),
}

impl Identifying {
    /// Returns whether an identifier of `kind` identifies a person.
    pub fn includes(&self, kind: &str) -> bool {
        match self {
            Self::AnyKind => true,
            Self::Kinds(kinds) => kinds.contains(kind),
        }
    }

    /// Returns the kinds; empty for any kind.
    pub fn kinds(&self) -> Vec<String> {
        match self {
            Self::AnyKind => Vec::new(),
            Self::Kinds(kinds) => kinds.iter().cloned().collect(),
        }
    }
}

/// Parses the output of `Display`.
impl From<&str> for Identifying {
    fn from(words: &str) -> Self {
        match words {
            "*" => Self::AnyKind,
            kinds => Self::Kinds(kinds.split_whitespace().map(str::to_owned).collect()),
        }
    }
}

/// The kinds, separated by spaces; `*` for any kind.
impl fmt::Display for Identifying {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::AnyKind => f.write_str("*"),
            Self::Kinds(kinds) => {
                f.write_str(&kinds.iter().map(String::as_str).collect::<Vec<_>>().join(" "))
            }
        }
    }
}

/// Whether an identifier of a kind belongs to one person at the vendor. Otherwise it is an attribute: it is sent to the
/// vendor and to the platform, but never used to find, order, delay or erase a person.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Identifies {
    /// Under all settings.
    Always,
    /// Under no settings.
    Never,
    /// If the setting has one of these values.
    When {
        /// The name of a setting that is not secret.
        setting: String,
        /// The values, at least one.
        values: Vec<String>,
    },
}

/// The rule as the end of a sentence, such as `identifies a person if project-type is email or hybrid`.
impl fmt::Display for Identifies {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Always => f.write_str("identifies a person"),
            Self::Never => f.write_str("is an attribute"),
            Self::When { setting, values } => {
                write!(f, "identifies a person if {setting} is {}", values.join(" or "))
            }
        }
    }
}

/// A setting that the operator fills in.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct SettingSpec {
    /// The key in the configuration.
    pub name: String,
    /// The label in a form.
    pub label: String,
    /// The explanation for the operator.
    pub description: String,
    /// Whether connections without it are refused.
    pub required: bool,
    /// Whether it is a secret, which the host keeps and never passes to the connector.
    pub secret: bool,
    /// The value used if the operator leaves it out.
    pub default: Option<String>,
    /// The allowed values; any value if empty. `*` matches letters, digits, dots and dashes.
    pub options: Vec<String>,
}

/// A limit of `requests` in any window of `period_ms`, or of concurrent requests if there is no period.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Limit {
    /// The name that operations refer to.
    pub name: String,
    /// The maximum number of requests.
    pub requests: u32,
    /// The length of every window, in milliseconds.
    pub period_ms: Option<u64>,
}

/// The limit without its name, such as `10 requests in 1 s` or `2 requests at the same time`.
impl fmt::Display for Limit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let noun = if self.requests == 1 { "request" } else { "requests" };
        write!(f, "{} {noun} ", self.requests)?;
        let Some(period) = self.period_ms else { return f.write_str("at the same time") };
        let units = [(86_400_000, "d"), (3_600_000, "h"), (60_000, "min"), (1_000, "s"), (1, "ms")];
        let unit = units.into_iter().find(|(unit, _)| period.is_multiple_of(*unit));
        let (unit, name) = unit.unwrap_or((1, "ms"));
        write!(f, "in {} {name}", period / unit)
    }
}

/// A part of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, Display, VariantArray)]
#[serde(rename_all = "kebab-case")]
#[strum(serialize_all = "kebab-case")]
pub enum RequestPart {
    /// A header.
    Header,
    /// A query parameter.
    Query,
    /// A field of the JSON or form body. In JSON, a dot descends one level.
    Body,
}

/// A value that the host itself writes into a request.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Field {
    /// The part of the request.
    pub place: RequestPart,
    /// The name of the header, parameter or field.
    pub name: String,
    /// The value with blanks, such as `Bearer {api-key}`.
    pub value: String,
}

/// A secret in a JSON response, which the host stores and blanks out.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Capture {
    /// The field in the response. A dot descends one level.
    pub field: String,
    /// The name to store it under.
    pub secret: String,
    /// The response field with the secret's lifetime in seconds.
    pub lifetime: Option<String>,
}

/// A request that may be made: one entry of the permission list.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Operation {
    /// The name that the guest uses.
    pub name: String,
    /// The purpose, in words for an operator.
    pub purpose: String,
    /// Names of interfaces whose calls may send it. If empty, only the host sends it.
    pub used_by: Vec<String>,
    /// The setting that contains the vendor's host name.
    pub host_setting: String,
    /// The HTTP method, in capitals.
    pub method: String,
    /// The effect as declared, or else derived from the method.
    pub effect: Effect,
    /// The path, with `{name}` for each blank.
    pub path: String,
    /// The query parameters that the connector may set.
    pub query: Vec<String>,
    /// The body's content type; `None` if there is no body.
    pub content_type: Option<String>,
    /// Fields that the host writes last.
    pub fields: Vec<Field>,
    /// Secrets in its response.
    pub captures: Vec<Capture>,
    /// Response headers that are visible to the connector.
    pub response_headers: Vec<String>,
    /// Maximum response size in bytes, if it may exceed the host's default.
    pub response_limit: Option<u64>,
    /// Names of the limits that it counts against.
    pub limits: Vec<String>,
    /// Whether sending it twice has the same effect as sending it once.
    pub repeatable: bool,
}

/// What a request does at the vendor.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, Display, VariantArray)]
#[serde(rename_all = "kebab-case")]
#[strum(serialize_all = "kebab-case")]
pub enum Effect {
    /// It only reads.
    Read,
    /// It may change something. The safe default.
    #[default]
    Write,
}

impl Effect {
    /// Returns the effect of an operation that declares none.
    pub fn of_method(method: &str) -> Self {
        if matches!(method, "GET" | "HEAD") { Self::Read } else { Self::Write }
    }
}

/// Where a vendor's delivery carries the webhook token.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct TokenSlot {
    /// A header, whose last word is the token, or a query parameter.
    pub place: RequestPart,
    /// The name of the header or parameter.
    pub name: String,
}
