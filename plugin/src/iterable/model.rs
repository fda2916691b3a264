//! The bodies that Iterable sends. Fields that the connector does not use are skipped.

use serde::{Deserialize, de::DeserializeOwned};

use super::lenient::{Ids, Rows, flag, id, text};

/// Parses a body. `None` if it is not JSON of that shape: the parser's own message could contain personal data.
pub(crate) fn parse<T: DeserializeOwned>(body: &[u8]) -> Option<T> {
    serde_json::from_slice(without_mark(body)).ok()
}

/// Strips the byte-order mark that some programs put before a body and that JSON does not allow.
pub(crate) fn without_mark(body: &[u8]) -> &[u8] {
    body.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(body)
}

/// The envelope of most answers.
#[derive(Deserialize)]
pub(crate) struct Envelope {
    #[serde(default, deserialize_with = "text")]
    pub(crate) code: Option<String>,
    #[serde(default, deserialize_with = "text")]
    pub(crate) msg: Option<String>,
}

/// The part of a rate-limit refusal that says how long to wait.
#[derive(Deserialize)]
pub(crate) struct Throttled {
    pub(crate) params: ThrottledParams,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ThrottledParams {
    /// In seconds.
    pub(crate) rate_limit_reset: f64,
}

#[derive(Deserialize)]
pub(crate) struct UserAnswer {
    pub(crate) user: Option<User>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct User {
    #[serde(default, deserialize_with = "text")]
    email: Option<String>,
    #[serde(default, rename = "userId", deserialize_with = "text")]
    id: Option<String>,
    data_fields: Option<Profile>,
}

impl User {
    /// Returns the profile. `None` for the empty user by which some answers say that there is no such person.
    pub(crate) fn into_profile(self) -> Option<Profile> {
        let nobody = self.email.is_none() && self.id.is_none() && self.data_fields.is_none();
        (!nobody).then(|| self.data_fields.unwrap_or_default())
    }
}

/// The subscription lists of a profile. All are absent until the person's first choice.
#[derive(Clone, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Profile {
    #[serde(rename = "unsubscribedChannelIds")]
    pub(crate) unsubscribed_channels: Option<Ids>,
    #[serde(rename = "unsubscribedMessageTypeIds")]
    pub(crate) unsubscribed_message_types: Option<Ids>,
    #[serde(rename = "subscribedMessageTypeIds")]
    pub(crate) subscribed_message_types: Option<Ids>,
    #[serde(rename = "emailListIds")]
    pub(crate) email_lists: Option<Ids>,
    /// What projects that identify people by user-id call the same list.
    #[serde(rename = "userListIds")]
    pub(crate) user_lists: Option<Ids>,
}

/// The answer of an operation that lists something.
#[derive(Deserialize)]
pub(crate) struct Listing {
    #[serde(rename = "channels", alias = "messageTypes", alias = "lists", alias = "webhooks")]
    pub(crate) rows: Rows<Row>,
}

/// A channel, message type, list or webhook. Each has some of these fields, and any field may be absent or malformed.
/// Sharing one type keeps the component small.
#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct Row {
    #[serde(deserialize_with = "id")]
    pub(crate) id: Option<i64>,
    #[serde(deserialize_with = "text")]
    pub(crate) name: Option<String>,
    /// Of a channel: `Email`, `SMS`, `Push` and more, an open set.
    #[serde(deserialize_with = "text")]
    pub(crate) message_medium: Option<String>,
    /// Of a message type.
    #[serde(deserialize_with = "id")]
    pub(crate) channel_id: Option<i64>,
    /// Of a message type: `OptIn` or `OptOut`. Absent in older answers, where every policy is the latter.
    #[serde(deserialize_with = "text")]
    pub(crate) subscription_policy: Option<String>,
    /// Of a list: `Standard`, or one whose members cannot be set.
    #[serde(deserialize_with = "text")]
    pub(crate) list_type: Option<String>,
    /// Of a webhook.
    #[serde(deserialize_with = "text")]
    pub(crate) auth_type: Option<String>,
    /// Of a webhook.
    #[serde(deserialize_with = "flag")]
    pub(crate) enabled: Option<bool>,
    /// Of a webhook.
    #[serde(deserialize_with = "text")]
    pub(crate) endpoint: Option<String>,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn profile(body: &str) -> Option<Profile> {
        parse::<UserAnswer>(body.as_bytes()).unwrap().user.and_then(User::into_profile)
    }

    #[test]
    fn an_absent_profile_is_recognized_in_several_forms() {
        for body in [
            "{}",
            r#"{"user":null}"#,
            r#"{"user":{}}"#,
            r#"{"user":{"email":""}}"#,
            r#"{"user":{"email":null}}"#,
        ] {
            assert!(profile(body).is_none(), "{body}");
        }
    }

    #[test]
    fn a_profile_with_any_data_is_a_person() {
        for body in [
            r#"{"user":{"email":"a@example.com"}}"#,
            r#"{"user":{"userId":7}}"#,
            r#"{"user":{"dataFields":{"name":"N"}}}"#,
        ] {
            assert!(profile(body).is_some(), "{body}");
        }
    }

    #[test]
    fn a_byte_order_mark_is_skipped() {
        assert!(parse::<UserAnswer>(b"\xEF\xBB\xBF{}").is_some());
        assert!(parse::<UserAnswer>(b"\xEF\xBB\xBF\xEF\xBB\xBF{}").is_none());
    }

    #[test]
    fn a_row_keeps_what_of_it_can_be_read() {
        let body = r#"{"webhooks":[7,{"id":"42","authType":null,"enabled":"true","endpoint":{}}]}"#;
        let webhooks = parse::<Listing>(body.as_bytes()).unwrap().rows;
        let [webhook] = &webhooks.read[..] else { panic!("one row can be read") };
        assert_eq!((webhook.id, webhook.enabled, webhooks.unreadable), (Some(42), Some(true), 1));
        assert_eq!((&webhook.auth_type, &webhook.endpoint), (&None, &None));
    }
}
