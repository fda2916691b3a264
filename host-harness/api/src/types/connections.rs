//! Connections: created, shown and changed.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
};

use host_model::{
    contract::{Check as HostCheck, CheckOutcome as HostCheckOutcome},
    duties,
    secret::Secret,
};
use host_service::connections::{tested, tried};
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
    health::{HealthState, Quota},
    limits::{Limits, LimitsPatch},
    mirror::mirror,
    pins::PluginPin,
    problem::FieldError,
};

mirror! {
    /// An action that a connection can carry out.
    pub enum Duty mirrors duties::Duty {
        /// Erase people.
        Erasure,
        /// Synchronise consent choices.
        Consent,
    }
}

/// A secret's value. It is never shown again, and error messages do not contain it.
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

/// Serializes the text, as a client sends it.
impl Serialize for SecretText {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.0.expose())
    }
}

impl<'de> Deserialize<'de> for SecretText {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        // Read as any value first: the deserializer's own error would show the text.
        let Ok(Value::String(text)) = Value::deserialize(deserializer) else {
            return Err(D::Error::custom("a secret must be a non-empty string, or null to remove it"));
        };
        Secret::new(text)
            .map(Self)
            .ok_or_else(|| D::Error::custom("a secret must not be empty; null removes it"))
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

/// A connection to create.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewConnection {
    /// Unique across tenants; lower-case words and digits with single dashes between them.
    pub key: String,
    /// The tenant that it belongs to.
    pub tenant: String,
    /// The plugin that it uses.
    pub plugin: String,
    /// Whether it is enabled. Default: true.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub enabled: Option<bool>,
    /// The actions that it carries out. Default: all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub actions: Option<BTreeSet<Duty>>,
    /// The system that it belongs to, which declares its data uses.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub system: Option<String>,
    /// The plugin's settings that are not secret, by the names in its manifest.
    #[serde(default)]
    pub settings: BTreeMap<String, String>,
    /// The plugin's secret settings, by the names in its manifest. They are sealed and never shown again.
    #[serde(default)]
    pub secrets: BTreeMap<String, SecretText>,
    /// The URL for its webhooks. Default: this service's own.
    #[serde(default, alias = "webhook-url", skip_serializing_if = "Option::is_none")]
    pub webhook_url: Option<String>,
    /// Where its requests may go, as a change of the defaults. Only an API key for all tenants can widen it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub egress: Option<EgressPatch>,
    /// The limits of one call, as a change of the defaults. Only an API key for all tenants can set them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limits: Option<LimitsPatch>,
}

/// A change of a connection: members that are left out stay unchanged, null removes. Key and tenant never change.
#[derive(Clone, Debug, Default, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ConnectionPatch {
    /// The plugin that it uses.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub plugin: Option<String>,
    /// Whether it is enabled.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub enabled: Option<bool>,
    /// The actions that it carries out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub actions: Option<BTreeSet<Duty>>,
    /// The system that it belongs to.
    #[serde(default, deserialize_with = "present", skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub system: Option<Option<String>>,
    /// Settings to set; null removes one.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schema(schema_with = texts_or_null)]
    pub settings: BTreeMap<String, Option<String>>,
    /// Secrets to set; null removes one.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schema(schema_with = secrets_or_null)]
    pub secrets: BTreeMap<String, Option<SecretText>>,
    /// The URL for its webhooks; null for this service's own.
    #[serde(
        default,
        alias = "webhook-url",
        deserialize_with = "present",
        skip_serializing_if = "Option::is_none"
    )]
    #[schema(value_type = Option<String>)]
    pub webhook_url: Option<Option<String>>,
    /// Changes to where its requests may go; null for the defaults.
    #[serde(default, deserialize_with = "present", skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<EgressPatch>)]
    pub egress: Option<EgressPatch>,
    /// Changes to the limits of one call; null for the defaults.
    #[serde(default, deserialize_with = "present", skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<LimitsPatch>)]
    pub limits: Option<LimitsPatch>,
}

/// An object of strings; null removes one.
fn texts_or_null() -> Object {
    nullable(ObjectBuilder::new())
}

/// An object of non-empty strings; null removes one.
fn secrets_or_null() -> Object {
    nullable(ObjectBuilder::new().min_length(Some(1)))
}

fn nullable(text: ObjectBuilder) -> Object {
    let text = text.schema_type(SchemaType::from_iter([Type::String, Type::Null]));
    let texts = ObjectBuilder::new().additional_properties(Some(RefOr::T(Schema::from(text.build()))));
    texts.description(Some("The values to set; null removes one.")).build()
}

/// `Some` if the member is present, even if it is null.
fn present<'de, T: Deserialize<'de>, D: Deserializer<'de>>(deserializer: D) -> Result<Option<T>, D::Error> {
    T::deserialize(deserializer).map(Some)
}

/// Connections.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Connections {
    /// Sorted by key.
    pub connections: Vec<Connection>,
}

/// A connection. Its secrets are masked. Times are milliseconds since 1970 in UTC.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Connection {
    /// Unique across tenants.
    pub key: String,
    /// The tenant that it belongs to.
    pub tenant: String,
    /// The plugin that it uses.
    pub plugin: String,
    /// The configuration file that owns it; null if the API does.
    pub file: Option<String>,
    /// Whether that file no longer names it: it remains until it is deleted, or until a change moves it to the API.
    pub left_file: bool,
    /// Whether it is enabled.
    pub enabled: bool,
    /// The actions that it carries out.
    pub actions: BTreeSet<Duty>,
    /// The system that it belongs to; null for none.
    pub system: Option<String>,
    /// The plugin's settings that are not secret, as they were set.
    pub settings: BTreeMap<String, String>,
    /// The plugin's secret settings that are set, masked.
    pub secrets: BTreeMap<String, String>,
    /// The names of settings and denied operations that the version of the plugin that serves may not know: another
    /// version did, and will again.
    #[serde(default)]
    pub set_aside: BTreeSet<String>,
    /// The URL for its webhooks; null if none was set and the service has no `public-url`.
    pub webhook_url: Option<String>,
    /// Where its requests may go.
    pub egress: Egress,
    /// The limits of one call.
    pub limits: Limits,
    /// Whether it can do its work.
    pub health: HealthState,
    /// What prevents that; null if nothing does, or if the state says it all.
    pub health_why: Option<String>,
    /// Why it is not served; null if it is.
    pub problem: Option<Unserved>,
    /// The digest of the plugin version that serves it; null if it is not served.
    #[serde(default)]
    pub version: Option<String>,
    /// The pin that decides which version that is; null if its plugin does.
    #[serde(default)]
    pub pin: Option<PluginPin>,
    /// Why it is parked, which means that nothing is done until an operator acts; null if it is not.
    pub parked_why: Option<String>,
    /// Since when it has been parked; null if it is not.
    pub parked_at: Option<i64>,
    /// Why it is paused, which means that its requests wait until it is resumed; null if it is not.
    pub paused_why: Option<String>,
    /// Who paused it; null if it is not paused.
    pub paused_by: Option<String>,
    /// Since when it has been paused; null if it is not.
    pub paused_at: Option<i64>,
    /// Until when its circuit breaker is open, since the vendor does not answer; once that time has passed, one attempt tries
    /// again. Null if the breaker is closed.
    pub breaker_open_until: Option<i64>,
    /// What is used of the vendor's limits of an hour or more.
    pub quotas: Vec<Quota>,
    /// When it was last tested; null if never.
    pub tested_at: Option<i64>,
    /// Whether that test passed; null if it was never tested.
    pub test_passed: Option<bool>,
    /// When it was created.
    pub created_at: i64,
    /// When its owner last changed it.
    pub changed_at: i64,
}

/// Why a connection is not served.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Unserved {
    /// Explanation for a person.
    pub detail: String,
    /// A message for each unsuitable field.
    pub errors: Vec<FieldError>,
}

/// Parameters of a change that may rekey people.
#[derive(Clone, Copy, Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct Rekeying {
    /// Allow a change of what identifies people at a connection. The people are rekeyed: some are split and some
    /// joined.
    #[serde(default)]
    pub agree: bool,
}

/// Parameters of a test.
#[derive(Clone, Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct Testing {
    /// Answer a test that fails with the status code 424 and a problem document.
    #[serde(default, alias = "status-code")]
    pub status_code: bool,
    /// The digest of the plugin version to test with, which must have been approved or have served. If it is absent, the
    /// version that serves the connection.
    pub version: Option<String>,
}

/// Parameters of a deletion.
#[derive(Clone, Copy, Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct Deleting {
    /// Mark its unfinished requests as failed. Some may have been carried out anyway.
    #[serde(default)]
    pub abandon: bool,
}

/// A connection that was deleted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct DeletedConnection {
    /// The connection's key.
    pub key: String,
    /// The number of its requests that were marked as failed.
    pub requests_abandoned: u64,
}

mirror! {
    /// The result of a test, in the words of Fides.
    pub enum TestStatus mirrors tested::TestStatus {
        /// All checks passed.
        Succeeded,
        /// At least one check failed.
        Failed,
        /// There was nothing to check.
        Skipped,
    }
}

mirror! {
    /// The result of one check of a connection.
    pub enum CheckOutcome mirrors HostCheckOutcome {
        /// The check passed.
        Passed,
        /// The check failed: see the detail.
        Failed,
        /// Not set up, or impossible to check without changing something.
        Untried,
    }
}

/// One check of something that a connection needs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Check {
    /// What was checked.
    pub name: String,
    /// The result.
    pub outcome: CheckOutcome,
    /// Explanation for an operator.
    pub detail: String,
}

impl From<HostCheck> for Check {
    fn from(HostCheck { name, outcome, detail }: HostCheck) -> Self {
        Self { name, outcome: outcome.into(), detail }
    }
}

/// The result of a test, in the shape of Fides, with each check.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ConnectionTest {
    /// Explanation for a person.
    pub msg: String,
    /// The result.
    pub test_status: TestStatus,
    /// What does not work, and why; null if everything works.
    pub failure_reason: Option<String>,
    /// The individual checks.
    pub checks: Vec<Check>,
}

impl From<tried::TestReport> for ConnectionTest {
    fn from(tried::TestReport { msg, test_status, failure_reason, checks }: tried::TestReport) -> Self {
        let checks = checks.into_iter().map(Into::into).collect();
        Self { msg, test_status: test_status.into(), failure_reason, checks }
    }
}
