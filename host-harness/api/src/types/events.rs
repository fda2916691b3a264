//! The feed of consent events, in Fides' words.

use std::collections::BTreeMap;

use host_model::consent::{Cause, identity::IdentityMap, mapping::kind};
use host_service::consent::feed;
use serde::{Deserialize, Deserializer, Serialize, de::Error as _};
use utoipa::{IntoParams, ToSchema};

use super::{consent::Answer, page::PageLimit};

/// The part of the feed to read.
#[derive(Clone, Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct EventQuery {
    /// The `cursor` of the previous page; 0 starts at the beginning.
    #[serde(default, deserialize_with = "from_zero")]
    #[param(minimum = 0)]
    pub after: i64,
    /// Maximum number of results.
    #[serde(default)]
    #[param(inline)]
    pub limit: PageLimit<100, 1_000>,
}

fn from_zero<'de, D: Deserializer<'de>>(deserializer: D) -> Result<i64, D::Error> {
    let cursor = i64::deserialize(deserializer)?;
    if cursor >= 0 { Ok(cursor) } else { Err(D::Error::custom("expected a number of at least 0")) }
}

/// A part of the feed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ConsentEvents {
    /// Oldest first.
    pub events: Vec<ConsentEvent>,
    /// The `after` of the next page: the last event's cursor, or the requested one if there are no events.
    pub cursor: i64,
}

impl From<feed::FeedPage> for ConsentEvents {
    fn from(feed::FeedPage { events, cursor }: feed::FeedPage) -> Self {
        Self { events: events.into_iter().map(Into::into).collect(), cursor }
    }
}

/// A choice that a person made at a vendor. Contains personal data. Times are milliseconds since 1970 in UTC.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ConsentEvent {
    /// The event's id, which is the same wherever it is sent.
    pub id: String,
    /// Its position in the feed.
    pub cursor: i64,
    /// The tenant that it belongs to.
    pub tenant: String,
    /// The key of the connection that reported it.
    pub connection: String,
    /// The person: `email`, `phone_number`, `external_id` or another kind, each with its value.
    #[schema(value_type = BTreeMap<String, String>)]
    pub identity_map: IdentityMap,
    /// The item at the vendor; absent if the event is about a notice.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub item: Option<EventItem>,
    /// `opt_in` or `opt_out`; absent if the event is about a notice.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub preference: Option<Answer>,
    /// The id of the notice that the items are mapped to, with `opt_in` or `opt_out`; absent if the event is about an
    /// item.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub notice_id_map: Option<BTreeMap<String, Answer>>,
    /// When the choice was made.
    pub event_at: u64,
    /// When the host received it.
    pub received_at: i64,
    /// Where the choice was made, such as the name of a form.
    pub source: String,
    /// To be sent with the preferences that the platform derives from the event, so that they are not sent back to its
    /// origin.
    #[schema(value_type = String)]
    pub cause: Cause,
}

impl From<feed::FeedEvent> for ConsentEvent {
    fn from(event: feed::FeedEvent) -> Self {
        let feed::FeedEvent { id, cursor, tenant, connection, identity_map, news } = event;
        let feed::EventContent { chosen, event_at, received_at, source, cause } = news;
        let (item, preference, notice_id_map) = match chosen {
            feed::FeedChoice::Item { item, preference } => (Some(item.into()), Some(preference.into()), None),
            feed::FeedChoice::Notice { notice_id_map } => {
                let answers = notice_id_map.into_iter().map(|(id, answer)| (id, answer.into()));
                (None, None, Some(answers.collect()))
            }
        };
        Self {
            id,
            cursor,
            tenant,
            connection,
            identity_map,
            item,
            preference,
            notice_id_map,
            event_at,
            received_at,
            source,
            cause,
        }
    }
}

/// The item that an event is about.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct EventItem {
    /// One of the manifest's item kinds, in Fides' spelling, such as `Message type`.
    #[serde(rename = "type", with = "kind")]
    pub kind: String,
    /// The vendor's id.
    pub external_id: String,
    /// The vendor's name for it; empty if it is not mapped.
    pub name: String,
}

impl From<feed::FeedItem> for EventItem {
    fn from(feed::FeedItem { kind, external_id, name }: feed::FeedItem) -> Self {
        Self { kind, external_id, name }
    }
}
