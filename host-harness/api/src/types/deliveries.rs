//! Deliveries: how each was read, and what a connection would make of one.

use host_model::contract::webhook::{self, Verdict};
use host_store::deliveries as stored;
use serde::{Deserialize, Serialize};
use utoipa::{
    IntoParams, ToSchema,
    openapi::{Array, ArrayBuilder, ObjectBuilder, schema::Type},
};

use super::{
    consent::{Item, ItemPreference},
    mirror::mirror,
    page::PageLimit,
};

mirror! {
    /// How a delivery stands.
    pub enum DeliveryState mirrors stored::DeliveryState {
        /// To be read.
        Waiting,
        /// Read, and its events taken in.
        Read,
        /// Read, and no event in it.
        #[serde(alias = "of-no-concern")]
        OfNoConcern,
        /// The vendor's, but not what its connector knows; kept, to be read again.
        Unreadable,
        /// It could not be read too often or for too long; kept, to be read again.
        Stuck,
        /// What is stored of it was changed, cut or sealed with another key. Read again by a replay.
        Damaged,
        /// Unproven when it was received, and then found not to be the vendor's.
        Refused,
    }
}

/// Which deliveries are listed.
#[derive(Clone, Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct DeliveryQuery {
    /// Only those in this state.
    pub state: Option<DeliveryState>,
    /// Only those older than the one of this `seq`: the last one of the page before.
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

/// A delivery. Nothing personal is in it. Times are milliseconds since 1970 in UTC.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Delivery {
    /// Its place in the order received, for paging.
    pub seq: i64,
    /// Its id.
    pub id: String,
    /// The tenant that it belongs to.
    pub tenant: String,
    /// The key of its connection.
    pub connection: String,
    /// How it stands.
    pub state: DeliveryState,
    /// Whether its token, its signature or a reading proves that it is the vendor's.
    pub proven: bool,
    /// Whether its body is still kept, so that it can be read again.
    pub kept: bool,
    /// When it was received.
    pub received_at: i64,
    /// When it is read next; null unless it waits.
    pub next_at: Option<i64>,
    /// The number of readings begun.
    pub readings: i64,
    /// The digest of the plugin that read it last; null if none has yet.
    pub plugin_digest: Option<String>,
    /// Why it is not read; null if there is nothing to say.
    pub reason: Option<String>,
    /// The number of events in it.
    pub events: i64,
    /// When it was read or given up; null while it waits.
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

/// How many deliveries are read again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Replayed {
    /// Their number.
    pub deliveries: usize,
}

/// A delivery as a vendor sends it, to be tried out. A token and people are in it, so it does not print.
#[derive(Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct TrialDelivery {
    /// `POST` if it is left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub method: Option<String>,
    /// The whole address that the vendor called; the connection's own if it is left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
    /// Each header's name and value, in the order received.
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

/// An array of pairs of strings. Generators of clients do not know the tuples of JSON Schema.
fn pairs() -> Array {
    let string = ObjectBuilder::new().schema_type(Type::String);
    let pair = ArrayBuilder::new().items(string).min_items(Some(2)).max_items(Some(2));
    ArrayBuilder::new()
        .items(pair)
        .description(Some("Each header's name and value, in the order received."))
        .build()
}

/// Whether a delivery is the vendor's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Authenticity {
    /// It is.
    Authentic,
    /// It has no credential, or one that is not accepted.
    Unauthenticated,
    /// It is, but not what this vendor is known to send.
    Unreadable,
}

/// What a connection makes of a delivery. People are in its events.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct DeliveryVerdict {
    /// The connection's key.
    pub connection: String,
    /// Whether it is the vendor's.
    pub verdict: Authenticity,
    /// Why not; null if it is.
    pub why: Option<String>,
    /// What was read in it.
    pub events: Vec<DeliveryEvent>,
}

impl DeliveryVerdict {
    /// What `connection` makes of it.
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
    /// The same for the same event delivered again; holds no personal data.
    pub key: String,
    /// Who: each identifier that the event carries.
    pub subject: Vec<Identifier>,
    /// What was chosen.
    pub preferences: Vec<ItemPreference>,
    /// Items about which something changed that is no choice; the person is read at the vendor.
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

/// What a person is known by. Personal data, so it does not print.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Identifier {
    /// Such as `email`.
    pub kind: String,
    /// Its value.
    pub value: String,
}

impl std::fmt::Debug for Identifier {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Identifier({})", self.kind)
    }
}
