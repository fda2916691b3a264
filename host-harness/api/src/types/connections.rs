//! Connections: made, shown and changed.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
};

use host_model::{
    contract::{Check as HostCheck, CheckOutcome as HostCheckOutcome},
    duties,
    secret::Secret,
};
use host_service::connections::tried;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};
use serde_json::Value;
use utoipa::{
    IntoParams, PartialSchema, ToSchema,
    openapi::{
        Object, ObjectBuilder, RefOr, Schema,
        schema::{SchemaType, Type},
    },
};

use super::{
    egress::{Egress, EgressPatch},
    limits::{Limits, LimitsPatch},
    mirror::mirror,
    problem::FieldError,
};

mirror! {
    /// What a connection can be asked to do.
    pub enum Duty mirrors duties::Duty {
        /// Erase people.
        Erasure,
        /// Keep choices in step.
        Consent,
    }
}

/// A secret's value. It is never shown again, and no error about it shows it.
#[derive(Clone)]
pub struct SecretText(pub(crate) Secret);

impl From<Secret> for SecretText {
    fn from(secret: Secret) -> Self {
        Self(secret)
    }
}

impl fmt::Debug for SecretText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[secret]")
    }
}

/// As a client sends it.
impl Serialize for SecretText {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.0.expose())
    }
}

impl<'de> Deserialize<'de> for SecretText {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        // As any value first: the reader's own error would show what it found.
        let Ok(Value::String(text)) = Value::deserialize(deserializer) else {
            return Err(D::Error::custom("a secret is a text that is not empty, or null to remove it"));
        };
        Secret::new(text).map(Self).ok_or_else(|| D::Error::custom("a secret is not empty; null removes it"))
    }
}

impl ToSchema for SecretText {}

impl PartialSchema for SecretText {
    fn schema() -> RefOr<Schema> {
        let text = ObjectBuilder::new()
            .schema_type(Type::String)
            .min_length(Some(1))
            .write_only(true)
            .description(Some("A secret. It is sealed and never shown again."));
        RefOr::T(text.build().into())
    }
}

/// A connection to make.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewConnection {
    /// Unique across tenants; lower-case words and digits with single dashes between them.
    pub key: String,
    /// The tenant that it belongs to.
    pub tenant: String,
    /// The plugin that carries it.
    pub plugin: String,
    /// Whether anything is done at all; true if it is left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub enabled: Option<bool>,
    /// What it carries out; everything if it is left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub actions: Option<BTreeSet<Duty>>,
    /// The system that it belongs to, for data uses.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub system: Option<String>,
    /// The plugin's open settings, by the names of its manifest.
    #[serde(default)]
    pub settings: BTreeMap<String, String>,
    /// The plugin's secret settings, by the names of its manifest. They are sealed and never shown again.
    #[serde(default)]
    pub secrets: BTreeMap<String, SecretText>,
    /// The address for its webhooks; one of this service if it is left out.
    #[serde(default, alias = "webhook-url", skip_serializing_if = "Option::is_none")]
    pub webhook_url: Option<String>,
    /// Where its requests may go, as a change of the defaults. Only an API key to all tenants widens it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub egress: Option<EgressPatch>,
    /// What one call may use up, as a change of the defaults. Only an API key to all tenants sets it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limits: Option<LimitsPatch>,
}

/// A change of a connection: what is left out stays, null removes. Key and tenant never change.
#[derive(Clone, Debug, Default, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ConnectionPatch {
    /// Another plugin that carries it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub plugin: Option<String>,
    /// Whether anything is done at all.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub enabled: Option<bool>,
    /// What it carries out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub actions: Option<BTreeSet<Duty>>,
    /// The system that it belongs to.
    #[serde(default, deserialize_with = "present", skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub system: Option<Option<String>>,
    /// Settings to set or, by null, to remove.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schema(schema_with = texts_or_null)]
    pub settings: BTreeMap<String, Option<String>>,
    /// Secrets to set or, by null, to remove.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schema(schema_with = secrets_or_null)]
    pub secrets: BTreeMap<String, Option<SecretText>>,
    /// The address for its webhooks; null for this service's own.
    #[serde(
        default,
        alias = "webhook-url",
        deserialize_with = "present",
        skip_serializing_if = "Option::is_none"
    )]
    #[schema(value_type = Option<String>)]
    pub webhook_url: Option<Option<String>>,
    /// What to change of where its requests may go; null for the defaults.
    #[serde(default, deserialize_with = "present", skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<EgressPatch>)]
    pub egress: Option<EgressPatch>,
    /// What to change of what one call may use up; null for the defaults.
    #[serde(default, deserialize_with = "present", skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<LimitsPatch>)]
    pub limits: Option<LimitsPatch>,
}

/// An object of texts, of which null removes one.
fn texts_or_null() -> Object {
    nullable(ObjectBuilder::new())
}

/// The same of texts that are not empty.
fn secrets_or_null() -> Object {
    nullable(ObjectBuilder::new().min_length(Some(1)))
}

fn nullable(text: ObjectBuilder) -> Object {
    let text = text.schema_type(SchemaType::from_iter([Type::String, Type::Null]));
    let texts = ObjectBuilder::new().additional_properties(Some(RefOr::T(Schema::from(text.build()))));
    texts.description(Some("Those to set, or null to remove one.")).build()
}

/// `Some` if the member is there at all, even if it is null.
fn present<'de, T: Deserialize<'de>, D: Deserializer<'de>>(deserializer: D) -> Result<Option<T>, D::Error> {
    T::deserialize(deserializer).map(Some)
}

/// Connections.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Connections {
    /// In the order of their keys.
    pub connections: Vec<Connection>,
}

/// A connection. Its secrets are masked. Times are milliseconds since 1970 in UTC.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Connection {
    /// Unique across tenants.
    pub key: String,
    /// The tenant that it belongs to.
    pub tenant: String,
    /// The plugin that carries it.
    pub plugin: String,
    /// The configuration file that owns it; null if the API does.
    pub file: Option<String>,
    /// Whether that file no longer names it: it waits to be deleted, or taken over by a change.
    pub left_file: bool,
    /// Whether anything is done at all.
    pub enabled: bool,
    /// What it carries out.
    pub actions: BTreeSet<Duty>,
    /// The system that it belongs to; null for none.
    pub system: Option<String>,
    /// The plugin's open settings, as they were set.
    pub settings: BTreeMap<String, String>,
    /// The plugin's secret settings that are set, masked.
    pub secrets: BTreeMap<String, String>,
    /// The address for its webhooks; null if none was set and the service has no `public-url`.
    pub webhook_url: Option<String>,
    /// Where its requests may go.
    pub egress: Egress,
    /// What one call may use up.
    pub limits: Limits,
    /// Why it is not served; null if it is.
    pub problem: Option<Unserved>,
    /// Why nothing is done until an operator acts; null unless it is parked.
    pub parked_why: Option<String>,
    /// Since when it is parked.
    pub parked_at: Option<i64>,
    /// When it was last tested; null if it never was.
    pub tested_at: Option<i64>,
    /// Whether everything passed then.
    pub test_passed: Option<bool>,
    /// When it was made.
    pub created_at: i64,
    /// When its owner last changed it.
    pub changed_at: i64,
}

/// Why a connection is not served.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Unserved {
    /// For a person.
    pub detail: String,
    /// A message for each field that does not suit.
    pub errors: Vec<FieldError>,
}

/// How a change that keys people anew is made.
#[derive(Clone, Copy, Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct Rekeying {
    /// Let it change what identifies people at a connection: they are keyed anew, some split and some joined.
    #[serde(default)]
    pub agree: bool,
}

/// How a connection is deleted.
#[derive(Clone, Copy, Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct Deleting {
    /// End its open requests as failed. Some may have been carried out all the same.
    #[serde(default)]
    pub abandon: bool,
}

/// A connection that was deleted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct DeletedConnection {
    /// Its key.
    pub key: String,
    /// How many of its requests were ended as failed.
    pub requests_abandoned: u64,
}

/// What resuming came to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Resumed {
    /// The connection's key.
    pub key: String,
    /// Whether it was parked at all.
    pub was_parked: bool,
}

mirror! {
    /// How a test ended, in the words of Fides.
    pub enum TestStatus mirrors tried::TestStatus {
        /// Everything that was tried works.
        Succeeded,
        /// Something does not.
        Failed,
        /// There was nothing to try.
        Skipped,
    }
}

mirror! {
    /// How one check of a connection ended.
    pub enum CheckOutcome mirrors HostCheckOutcome {
        /// It works.
        Passed,
        /// It does not: see the detail.
        Failed,
        /// Not set up, or not to be tried without changing something.
        Untried,
    }
}

/// One thing that a connection needs, tried.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Check {
    /// What was tried.
    pub name: String,
    /// How it ended.
    pub outcome: CheckOutcome,
    /// Why, for an operator.
    pub detail: String,
}

impl From<HostCheck> for Check {
    fn from(HostCheck { name, outcome, detail }: HostCheck) -> Self {
        Self { name, outcome: outcome.into(), detail }
    }
}

/// What a test came to, in the shape of Fides, and each check.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ConnectionTest {
    /// For a person.
    pub msg: String,
    /// How it ended.
    pub test_status: TestStatus,
    /// What does not work, and why; null if everything does.
    pub failure_reason: Option<String>,
    /// Each thing that was tried.
    pub checks: Vec<Check>,
}

impl From<tried::Tried> for ConnectionTest {
    fn from(tried::Tried { msg, test_status, failure_reason, checks }: tried::Tried) -> Self {
        let checks = checks.into_iter().map(Into::into).collect();
        Self { msg, test_status: test_status.into(), failure_reason, checks }
    }
}
