//! What a connector declares of itself: its permission list. Read once, when the plugin is loaded.

use std::{collections::BTreeSet, fmt};

use serde::{Deserialize, Serialize};
use strum::{Display, VariantArray};

use super::{Settings, claim::Exemption};

/// A connector's declaration, as it came from the guest; the host checks it before anything relies on it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
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
    pub settings: Vec<SettingSpec>,
    /// Every request that may be made.
    pub operations: Vec<Operation>,
    /// The limits that operations count against.
    pub limits: Vec<Limit>,
    /// Where deliveries carry the webhook token.
    pub webhook_token_slot: Option<TokenSlot>,
    /// Kinds of identifier that it can act on.
    pub identifier_kinds: Vec<IdentifierKind>,
    /// Kinds of consent item, parents first.
    pub item_kinds: Vec<String>,
    /// Outcomes that no request of the vendor can support.
    pub proves_without: Vec<Exemption>,
}

impl Manifest {
    /// The declared operation of that name.
    pub fn operation(&self, name: &str) -> Option<&Operation> {
        self.operations.iter().find(|operation| operation.name == name)
    }

    /// The declared setting of that name.
    pub fn setting(&self, name: &str) -> Option<&SettingSpec> {
        self.settings.iter().find(|setting| setting.name == name)
    }

    /// The declared limit of that name.
    pub fn limit(&self, name: &str) -> Option<&Limit> {
        self.limits.iter().find(|limit| limit.name == name)
    }

    /// The names of all identifier kinds that it can act on.
    pub fn identifier_kind_names(&self) -> Vec<String> {
        self.identifier_kinds.iter().map(|kind| kind.name.clone()).collect()
    }

    /// The identifier kinds that identify a person at a connection with `settings`.
    pub fn identifying(&self, settings: &Settings) -> Identifying {
        if self.identifier_kinds.is_empty() {
            return Identifying::AnyKind;
        }
        let kinds = self.identifier_kinds.iter().filter(|kind| kind.identifies_under(settings));
        Identifying::Kinds(kinds.map(|kind| kind.name.clone()).collect())
    }

    /// Whether `name` is a secret: a secret setting, or one that an operation captures.
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
    /// A kind that identifies a person whatever the settings are.
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
    /// Whether an identifier of `kind` identifies a person.
    pub fn includes(&self, kind: &str) -> bool {
        match self {
            Self::AnyKind => true,
            Self::Kinds(kinds) => kinds.contains(kind),
        }
    }

    /// The kinds; empty for any kind.
    pub fn kinds(&self) -> Vec<String> {
        match self {
            Self::AnyKind => Vec::new(),
            Self::Kinds(kinds) => kinds.iter().cloned().collect(),
        }
    }
}

/// Reads what `Display` writes.
impl From<&str> for Identifying {
    fn from(words: &str) -> Self {
        match words {
            "*" => Self::AnyKind,
            kinds => Self::Kinds(kinds.split_whitespace().map(str::to_owned).collect()),
        }
    }
}

/// The kinds, separated by blanks; `*` for any kind.
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

/// Whether an identifier of a kind belongs to one person at the vendor. One that does not is an attribute: it goes to the
/// vendor and to the platform, and never finds, orders, holds back or erases a person.
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

/// The rule in a sentence's end, such as `identifies a person if project-type is email or hybrid`.
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
    /// For a form.
    pub label: String,
    /// For a person.
    pub description: String,
    /// Whether a connection without it is refused.
    pub required: bool,
    /// Held by the host and never handed to the connector.
    pub secret: bool,
    /// Where the operator leaves it out.
    pub default: Option<String>,
    /// The values allowed; any where empty. `*` stands for letters, digits, dots and dashes.
    pub options: Vec<String>,
}

/// At most `requests` in any `period_ms`, or at the same time where there is none.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Limit {
    /// Operations name it.
    pub name: String,
    /// How many.
    pub requests: u32,
    /// The length of every window, in milliseconds.
    pub period_ms: Option<u64>,
}

/// A part of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, Display, VariantArray)]
#[serde(rename_all = "kebab-case")]
#[strum(serialize_all = "kebab-case")]
pub enum Place {
    /// A header.
    Header,
    /// A query parameter.
    Query,
    /// A field of the JSON or form body; in JSON a dot goes one level down.
    Body,
}

/// What the host itself writes into a request.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Field {
    /// Where.
    pub place: Place,
    /// The header's, parameter's or field's name.
    pub name: String,
    /// With blanks, such as `Bearer {api-key}`.
    pub value: String,
}

/// A secret in a JSON answer that the host keeps and empties.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Capture {
    /// Where in the answer; a dot goes one level down.
    pub field: String,
    /// The name to keep it under.
    pub secret: String,
    /// The answer's field that says for how many seconds it is good.
    pub lifetime: Option<String>,
}

/// A request that may be made: one entry of the permission list.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Operation {
    /// What the guest calls it by.
    pub name: String,
    /// In an operator's words.
    pub purpose: String,
    /// Names of interfaces whose calls may send it; where empty, the host alone.
    pub used_by: Vec<String>,
    /// The setting that holds the vendor's host name.
    pub host_setting: String,
    /// In capitals.
    pub method: String,
    /// As declared, or else by the method.
    pub effect: Effect,
    /// With `{name}` for each blank.
    pub path: String,
    /// The parameters that the connector may set.
    pub query: Vec<String>,
    /// Of the body; none where there is no body.
    pub content_type: Option<String>,
    /// Written last, by the host.
    pub fields: Vec<Field>,
    /// Secrets in its answer.
    pub captures: Vec<Capture>,
    /// Response headers that the connector sees.
    pub response_headers: Vec<String>,
    /// In bytes, where an answer may outgrow the host's usual cap.
    pub response_limit: Option<u64>,
    /// Names of the limits that it counts against.
    pub limits: Vec<String>,
    /// Whether sending it twice does no more than sending it once.
    pub repeatable: bool,
}

/// What a request does at the vendor.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, Display, VariantArray)]
#[serde(rename_all = "kebab-case")]
#[strum(serialize_all = "kebab-case")]
pub enum Effect {
    /// It only reads.
    Read,
    /// It may change something. The protective assumption.
    #[default]
    Write,
}

impl Effect {
    /// The effect of an operation that declares none.
    pub fn of_method(method: &str) -> Self {
        if matches!(method, "GET" | "HEAD") { Self::Read } else { Self::Write }
    }
}

/// Where a vendor's delivery carries the webhook token.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct TokenSlot {
    /// A header, whose last word it is, or a query parameter.
    pub place: Place,
    /// The header's or parameter's name.
    pub name: String,
}
