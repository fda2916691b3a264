//! The differences of contract 0.1.0 and their current meaning: every identifier kind identifies a person, the method
//! determines the effect, no outcome is exempt, and no event lists items that changed without a choice.
//! Tested in `tests/all/load/versions.rs`.

use wasmtime::component::{ComponentType, Lift};

use super::{
    function::EarlierResult,
    generated::{
        contract::types::{Error, Preference, Subject},
        exports::{connector, webhook_verify},
    },
};

/// `connector.manifest` of 0.1.0.
#[derive(ComponentType, Lift)]
#[component(record)]
pub(crate) struct Manifest {
    name: String,
    version: String,
    vendor: String,
    documentation: String,
    settings: Vec<connector::SettingSpec>,
    operations: Vec<Operation>,
    limits: Vec<connector::Limit>,
    #[component(name = "webhook-token-slot")]
    webhook_token_slot: Option<connector::TokenSlot>,
    #[component(name = "identifier-kinds")]
    identifier_kinds: Vec<String>,
    #[component(name = "item-kinds")]
    item_kinds: Vec<String>,
}

/// `connector.operation` of 0.1.0.
#[derive(ComponentType, Lift)]
#[component(record)]
pub(crate) struct Operation {
    name: String,
    purpose: String,
    #[component(name = "used-by")]
    used_by: Vec<String>,
    #[component(name = "host-setting")]
    host_setting: String,
    method: String,
    path: String,
    query: Vec<String>,
    #[component(name = "content-type")]
    content_type: Option<String>,
    fields: Vec<connector::Field>,
    captures: Vec<connector::Capture>,
    #[component(name = "response-headers")]
    response_headers: Vec<String>,
    #[component(name = "response-limit")]
    response_limit: Option<u64>,
    limits: Vec<String>,
    repeatable: bool,
}

/// `webhook-verify.verdict` of 0.1.0.
#[derive(ComponentType, Lift)]
#[component(variant)]
pub(crate) enum Verdict {
    #[component(name = "authentic")]
    Authentic(Vec<ConsentEvent>),
    #[component(name = "unauthenticated")]
    Unauthenticated(String),
    #[component(name = "unreadable")]
    Unreadable(String),
}

/// `webhook-verify.consent-event` of 0.1.0.
#[derive(ComponentType, Lift)]
#[component(record)]
pub(crate) struct ConsentEvent {
    subject: Subject,
    preferences: Vec<Preference>,
    key: String,
}

impl EarlierResult for Manifest {
    type Current = connector::Manifest;

    fn into_current(self) -> connector::Manifest {
        let always = |name| connector::IdentifierKind { name, identifies: connector::Identifies::Always };
        connector::Manifest {
            name: self.name,
            version: self.version,
            vendor: self.vendor,
            documentation: self.documentation,
            settings: self.settings,
            operations: self.operations.into_iter().map(connector::Operation::from).collect(),
            limits: self.limits,
            webhook_token_slot: self.webhook_token_slot,
            identifier_kinds: self.identifier_kinds.into_iter().map(always).collect(),
            item_kinds: self.item_kinds,
            proves_without: Vec::new(),
        }
    }
}

impl From<Operation> for connector::Operation {
    fn from(operation: Operation) -> Self {
        Self {
            name: operation.name,
            purpose: operation.purpose,
            used_by: operation.used_by,
            host_setting: operation.host_setting,
            method: operation.method,
            effect: None,
            path: operation.path,
            query: operation.query,
            content_type: operation.content_type,
            fields: operation.fields,
            captures: operation.captures,
            response_headers: operation.response_headers,
            response_limit: operation.response_limit,
            limits: operation.limits,
            repeatable: operation.repeatable,
        }
    }
}

impl EarlierResult for Result<Verdict, Error> {
    type Current = Result<webhook_verify::Verdict, Error>;

    fn into_current(self) -> Self::Current {
        self.map(webhook_verify::Verdict::from)
    }
}

impl From<Verdict> for webhook_verify::Verdict {
    fn from(verdict: Verdict) -> Self {
        match verdict {
            Verdict::Authentic(events) => {
                Self::Authentic(events.into_iter().map(webhook_verify::ConsentEvent::from).collect())
            }
            Verdict::Unauthenticated(why) => Self::Unauthenticated(why),
            Verdict::Unreadable(why) => Self::Unreadable(why),
        }
    }
}

impl From<ConsentEvent> for webhook_verify::ConsentEvent {
    fn from(event: ConsentEvent) -> Self {
        Self { subject: event.subject, preferences: event.preferences, changed: Vec::new(), key: event.key }
    }
}
