//! The feed of consent events, in Fides' words.

use std::collections::BTreeMap;

use host_model::consent::{Cause, identity::IdentityMap, mapping::kind};
use host_service::consent::feed;
use serde::{Deserialize, Deserializer, Serialize, de::Error as _};
use utoipa::{IntoParams, ToSchema};

use super::{consent::Answer, page::PageLimit};

/// Which part of the feed is read.
#[derive(Clone, Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct EventQuery {
    /// The `cursor` of the page before; 0 begins.
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
    if cursor >= 0 { Ok(cursor) } else { Err(D::Error::custom("expected a number from 0 on")) }
}

/// A part of the feed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ConsentEvents {
    /// Oldest first.
    pub events: Vec<ConsentEvent>,
    /// What to ask after next: the last event's cursor, or what was asked if there is none.
    pub cursor: i64,
}

impl From<feed::Page> for ConsentEvents {
    fn from(feed::Page { events, cursor }: feed::Page) -> Self {
        Self { events: events.into_iter().map(Into::into).collect(), cursor }
    }
}

/// What a person chose at a vendor. Personal data is in it. Times are milliseconds since 1970 in UTC.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ConsentEvent {
    /// Its id, the same wherever it is sent.
    pub id: String,
    /// Its place in the feed.
    pub cursor: i64,
    /// The tenant that it belongs to.
    pub tenant: String,
    /// The key of the connection that heard of it.
    pub connection: String,
    /// Who: `email`, `phone_number`, `external_id` or another kind, each with its value.
    #[schema(value_type = BTreeMap<String, String>)]
    pub identity_map: IdentityMap,
    /// The item that was chosen about at the vendor; absent if the event is about a notice.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub item: Option<EventItem>,
    /// `opt_in` or `opt_out`; absent if the event is about a notice.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub preference: Option<Answer>,
    /// The id of the notice that the chosen items stand for, and `opt_in` or `opt_out`; absent if the event is about an item.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub notice_id_map: Option<BTreeMap<String, Answer>>,
    /// When it was chosen.
    pub event_at: u64,
    /// When the host heard of it.
    pub received_at: i64,
    /// Where it was chosen, in words.
    pub source: String,
    /// To be sent back with what the platform makes of it, so that it is not sent to where it came from.
    #[schema(value_type = String)]
    pub cause: Cause,
}

impl From<feed::FeedEvent> for ConsentEvent {
    fn from(event: feed::FeedEvent) -> Self {
        let feed::FeedEvent { id, cursor, tenant, connection, identity_map, news } = event;
        let feed::News { chosen, event_at, received_at, source, cause } = news;
        let (item, preference, notice_id_map) = match chosen {
            feed::Chosen::Item { item, preference } => (Some(item.into()), Some(preference.into()), None),
            feed::Chosen::Notice { notice_id_map } => {
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
    /// One of the manifest's item kinds in Fides' spelling, such as `Message type`.
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
