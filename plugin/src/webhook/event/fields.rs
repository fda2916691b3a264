//! The fields that are read from an event's body.

use serde::Deserialize;

use crate::iterable::lenient::{Ids, id, text};

/// The field that identifies the event.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Name {
    pub(super) event_name: String,
}

/// An event whose name is known.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Event {
    #[serde(default, deserialize_with = "text")]
    pub(super) email: Option<String>,
    #[serde(default, deserialize_with = "text")]
    pub(super) user_id: Option<String>,
    pub(super) data_fields: Fields,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct Fields {
    #[serde(deserialize_with = "text")]
    pub(super) email: Option<String>,
    #[serde(deserialize_with = "text")]
    pub(super) user_id: Option<String>,
    #[serde(deserialize_with = "text")]
    pub(super) created_at: Option<String>,
    #[serde(deserialize_with = "text")]
    pub(super) message_id: Option<String>,
    #[serde(deserialize_with = "text")]
    pub(super) unsub_source: Option<String>,
    #[serde(deserialize_with = "text")]
    pub(super) signup_source: Option<String>,
    pub(super) channel_ids: Ids,
    pub(super) message_type_ids: Ids,
    pub(super) email_list_ids: Ids,
    /// What projects that identify people by user-id call the same list.
    pub(super) user_list_ids: Ids,
    /// An older form of the same list.
    pub(super) email_list_id: Ids,
    /// The channel of the message that led to the event.
    #[serde(deserialize_with = "id")]
    pub(super) channel_id: Option<i64>,
}
