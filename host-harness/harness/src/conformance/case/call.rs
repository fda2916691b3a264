//! Reads the call of a case.

use host_model::{
    contract::{
        Identifier, Subject,
        consent::{Choice, ItemId, Preference},
        erasure::PendingErasure,
        webhook::Delivery,
    },
    nearest::nearest,
};
use serde::{Deserialize, Deserializer, de::Error as _};
use strum::VariantNames as _;

use super::keys::{required, texts};
use crate::{
    config::{ConfigProblemKind, Problems, Section},
    conformance::{call::ConnectorCall, function::ConnectorFunction, made_up},
    connection::WEBHOOK_TOKEN,
};

/// When the choices and deliveries of cases are made, unless they say so: 1 January 2026, in milliseconds since 1970.
const DEFAULT_TIME_MS: u64 = 1_767_225_600_000;

/// Reads the function and its arguments.
pub(super) fn read(mut section: Section<'_>, problems: &mut Problems<'_>) -> Option<ConnectorCall> {
    let at = section.at("function");
    let word = required(&mut section, "function", problems)?.text(problems)?;
    let Ok(function) = word.parse() else {
        let nearest = nearest(&word, ConnectorFunction::VARIANTS.iter().copied()).map(str::to_owned);
        let wrong = ConfigProblemKind::UnknownName { what: "function", name: word, nearest };
        problems.add(at, "call.function", wrong);
        return None;
    };
    Some(match function {
        ConnectorFunction::TestConnection => ended(section, ConnectorCall::TestConnection, problems),
        ConnectorFunction::ListItems => ended(section, ConnectorCall::ListItems, problems),
        ConnectorFunction::InstallToken => ended(section, ConnectorCall::InstallToken, problems),
        ConnectorFunction::Erase => ConnectorCall::Erase(section.read::<ForPerson>(problems)?.person.0),
        ConnectorFunction::Current => ConnectorCall::Current(section.read::<ForPerson>(problems)?.person.0),
        ConnectorFunction::Confirm => {
            let ConfirmCall { erasures } = section.read(problems)?;
            ConnectorCall::Confirm(erasures.into_iter().map(PendingErasure::from).collect())
        }
        ConnectorFunction::Apply => {
            let ApplyCall { person, choices } = section.read(problems)?;
            ConnectorCall::Apply(person.0, choices.into_iter().map(Preference::from).collect())
        }
        ConnectorFunction::Verify => {
            let delivery = required(&mut section, "delivery", problems);
            let delivery = delivery.and_then(|entry| delivery_of(entry.section(problems)?, problems));
            section.end(problems);
            ConnectorCall::Verify(delivery?)
        }
    })
}

fn ended(section: Section<'_>, call: ConnectorCall, problems: &mut Problems<'_>) -> ConnectorCall {
    section.end(problems);
    call
}

#[derive(Deserialize)]
struct ForPerson {
    person: WrittenPerson,
}

#[derive(Deserialize)]
struct ConfirmCall {
    erasures: Vec<WrittenErasure>,
}

#[derive(Deserialize)]
struct ApplyCall {
    person: WrittenPerson,
    choices: Vec<WrittenChoice>,
}

/// A list of identifiers such as `email:ada@example.com`.
struct WrittenPerson(Subject);

impl<'de> Deserialize<'de> for WrittenPerson {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let wanted = "invalid value: string, expected a list of texts such as `email:ada@example.com`";
        let written = Vec::<String>::deserialize(deserializer)?;
        let identifiers = written.iter().map(|text| {
            let (kind, value) = text.split_once(':')?;
            Some(Identifier::new(kind, value))
        });
        let identifiers: Option<Vec<_>> = identifiers.collect();
        Ok(Self(Subject::from(identifiers.ok_or_else(|| D::Error::custom(wanted))?)))
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct WrittenErasure {
    person: WrittenPerson,
    reference: Option<String>,
}

impl From<WrittenErasure> for PendingErasure {
    fn from(written: WrittenErasure) -> Self {
        Self { subject: written.person.0, reference: written.reference }
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct WrittenChoice {
    #[serde(deserialize_with = "item")]
    item: ItemId,
    choice: Choice,
    #[serde(default = "default_time")]
    chosen_at_ms: u64,
    #[serde(default = "default_source")]
    source: String,
}

impl From<WrittenChoice> for Preference {
    fn from(WrittenChoice { item, choice, chosen_at_ms, source }: WrittenChoice) -> Self {
        Self { item, choice, chosen_at_ms, source }
    }
}

fn item<'de, D: Deserializer<'de>>(deserializer: D) -> Result<ItemId, D::Error> {
    let text = String::deserialize(deserializer)?;
    text.parse()
        .map_err(|_| D::Error::custom("invalid value: string, expected an item such as `channel:123`"))
}

fn default_time() -> u64 {
    DEFAULT_TIME_MS
}

fn default_source() -> String {
    "conformance".to_owned()
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
struct DeliveryFields {
    #[serde(default = "default_method")]
    method: String,
    url: Option<String>,
    #[serde(default)]
    body: String,
    #[serde(default = "default_time")]
    received_at_ms: u64,
}

fn default_method() -> String {
    "POST".to_owned()
}

/// Reads a delivery, with the token in place of the blank `{webhook-token}` of a header or the address.
fn delivery_of(mut section: Section<'_>, problems: &mut Problems<'_>) -> Option<Delivery> {
    let blank = format!("{{{WEBHOOK_TOKEN}}}");
    let filled = |text: &str| text.replace(&blank, &made_up::webhook_token());
    let headers = texts(section.parts("headers", problems), problems);
    let DeliveryFields { method, url, body, received_at_ms } = section.read(problems)?;
    Some(Delivery {
        method,
        url: filled(url.as_deref().unwrap_or(made_up::DEFAULT_WEBHOOK_URL)),
        headers: headers.iter().map(|(name, value)| (name.to_ascii_lowercase(), filled(value))).collect(),
        body: body.into_bytes(),
        received_at_ms,
    })
}
