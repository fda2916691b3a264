//! Webhook deliveries: how each was read, and how a connection would read one.

use host_model::contract::webhook::{self, Verdict};
use host_store::deliveries as stored;
use serde::{Deserialize, Serialize};
use utoipa::{
    IntoParams, ToSchema,
    openapi::{Array, ArrayBuilder, ObjectBuilder, schema::Type},
};

use super::{consent::ItemPreference, item::Item, mirror::mirror, page::PageLimit};

mirror! {
    /// The state of a delivery.
    pub enum DeliveryState mirrors stored::DeliveryState {
        /// It has not been read yet.
        Waiting,
        /// It was read, and its events were stored.
        Read,
        /// It was read, and contains no events.
        #[serde(alias = "of-no-concern")]
        OfNoConcern,
        /// It comes from the vendor, but the connector does not understand it. It is kept and can be replayed.
        Unreadable,
        /// Reading it failed too often or for too long. It is kept and can be replayed.
        Stuck,
        /// The stored copy was changed, cut or sealed with another key. It can be replayed.
        Damaged,
        /// It was received unverified, and later found not to come from the vendor.
        Refused,
    }
}

/// Filters of the list of deliveries.
#[derive(Clone, Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct DeliveryQuery {
    /// Only deliveries in this state.
    pub state: Option<DeliveryState>,
    /// Only deliveries that could not be read and can be re-read: `unreadable`, `stuck` and `damaged` ones whose body is
    /// kept.
    #[serde(default)]
    pub unread: bool,
    /// Only deliveries older than the one with this `seq`: the last one of the previous page.
    pub before: Option<i64>,
    /// Maximum number of results.
    #[serde(default)]
    #[param(inline)]
    pub limit: PageLimit<50, 500>,
}

/// A page of deliveries.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Deliveries {
    /// Newest first.
    pub deliveries: Vec<Delivery>,
}

/// A delivery. Contains no personal data. Times are milliseconds since 1970 in UTC.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Delivery {
    /// Its number in the order of receipt, for paging.
    pub seq: i64,
    /// The delivery's id.
    pub id: String,
    /// The tenant that it belongs to.
    pub tenant: String,
    /// The key of its connection.
    pub connection: String,
    /// Its state.
    pub state: DeliveryState,
    /// Whether its token, its signature or a reading proves that it comes from the vendor.
    pub proven: bool,
    /// Whether its body is still kept, so that it can be replayed.
    pub kept: bool,
    /// When it was received.
    pub received_at: i64,
    /// When it will next be read; null unless it is waiting.
    pub next_at: Option<i64>,
    /// The number of readings started.
    pub readings: i64,
    /// The digest of the plugin that last read it; null if none has yet.
    pub plugin_digest: Option<String>,
    /// Why it was not read; null if there is no reason to report.
    pub reason: Option<String>,
    /// The number of events in it.
    pub events: i64,
    /// When it was read or given up; null while it is waiting.
    pub ended_at: Option<i64>,
}

impl From<stored::DeliveryView> for Delivery {
    fn from(view: stored::DeliveryView) -> Self {
        Self {
            seq: view.seq,
            id: view.id,
            tenant: view.tenant,
            connection: view.connection,
            state: view.state.into(),
            proven: view.proven,
            kept: view.kept,
            received_at: view.received_at,
            next_at: view.next_at,
            readings: view.readings,
            plugin_digest: view.plugin_digest,
            reason: view.reason,
            events: view.events,
            ended_at: view.ended_at,
        }
    }
}

/// Which deliveries of a connection to re-read.
#[derive(Clone, Copy, Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct ReplayQuery {
    /// Only deliveries received at this time or later, in milliseconds since 1970 in UTC.
    pub since: Option<i64>,
    /// Return how many would be re-read, and change nothing.
    #[serde(default)]
    pub dry_run: bool,
}

impl ReplayQuery {
    /// Returns the deliveries of `connection` that it selects.
    pub fn selection(&self, connection: String) -> stored::DeliverySelection {
        match self.since {
            Some(since) => stored::DeliverySelection::OfConnectionSince(connection, since),
            None => stored::DeliverySelection::OfConnection(connection),
        }
    }
}

/// The number of deliveries that will be re-read, or would be with `dry_run=true`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Replayed {
    /// The number of deliveries.
    pub deliveries: usize,
}

/// A delivery as a vendor sends it, to be verified. It contains a token and personal data, so it does not print.
#[derive(Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct TrialDelivery {
    /// The method. Default: `POST`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub method: Option<String>,
    /// The full URL that the vendor called. Default: the connection's own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
    /// The name and value of each header, in the order received.
    #[serde(default)]
    #[schema(schema_with = pairs)]
    pub headers: Vec<(String, String)>,
    /// Its body, in base64.
    #[schema(format = Byte)]
    pub body: String,
}

impl std::fmt::Debug for TrialDelivery {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("TrialDelivery")
    }
}

/// An array of pairs of strings. Client generators do not support the tuples of JSON Schema.
fn pairs() -> Array {
    let string = ObjectBuilder::new().schema_type(Type::String);
    let pair = ArrayBuilder::new().items(string).min_items(Some(2)).max_items(Some(2));
    ArrayBuilder::new()
        .items(pair)
        .description(Some("The name and value of each header, in the order received."))
        .build()
}

/// Whether a delivery comes from the vendor.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Authenticity {
    /// It comes from the vendor.
    Authentic,
    /// It has no credential, or one that is not accepted.
    Unauthenticated,
    /// It comes from the vendor, but has an unknown form.
    Unreadable,
}

/// How a connection reads a delivery. Its events contain personal data.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct DeliveryVerdict {
    /// The connection's key.
    pub connection: String,
    /// Whether it comes from the vendor.
    pub verdict: Authenticity,
    /// Why it was not accepted; null if it is authentic.
    pub why: Option<String>,
    /// The events in it.
    pub events: Vec<DeliveryEvent>,
}

impl DeliveryVerdict {
    /// The verdict of `connection`.
    pub fn of(connection: String, verdict: Verdict) -> Self {
        let (verdict, why, events) = match verdict {
            Verdict::Authentic(events) => (Authenticity::Authentic, None, events),
            Verdict::Unauthenticated(why) => (Authenticity::Unauthenticated, Some(why), Vec::new()),
            Verdict::Unreadable(why) => (Authenticity::Unreadable, Some(why), Vec::new()),
        };
        Self { connection, verdict, why, events: events.into_iter().map(Into::into).collect() }
    }
}

/// An event in a delivery: choices that a person made at the vendor.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct DeliveryEvent {
    /// Identifies the event: the same if it is delivered again. Contains no personal data.
    pub key: String,
    /// The person: each identifier in the event.
    pub subject: Vec<Identifier>,
    /// The choices.
    pub preferences: Vec<ItemPreference>,
    /// Items that changed without a choice; the person is re-read at the vendor.
    #[serde(default)]
    pub changed: Vec<Item>,
}

impl From<webhook::ConsentEvent> for DeliveryEvent {
    fn from(event: webhook::ConsentEvent) -> Self {
        let identifiers = event.subject.identifiers().iter();
        let subject = identifiers
            .map(|known| Identifier { kind: known.kind.clone(), value: known.value.clone() })
            .collect();
        let preferences = event.preferences.into_iter().map(Into::into).collect();
        Self {
            key: event.key,
            subject,
            preferences,
            changed: event.changed.into_iter().map(Into::into).collect(),
        }
    }
}

/// An identifier of a person. Personal data, so it does not print.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Identifier {
    /// The kind, such as `email`.
    pub kind: String,
    /// Its value.
    pub value: String,
}

impl std::fmt::Debug for Identifier {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Identifier({})", self.kind)
    }
}
