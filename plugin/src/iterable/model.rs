//! The bodies that Iterable sends, as far as the connector reads them. Whatever else they hold is skipped.

use std::fmt;

use serde::{
    Deserialize, Deserializer,
    de::{DeserializeOwned, IgnoredAny, MapAccess, SeqAccess, Visitor},
};

/// Reads a body. None where it is not JSON of that shape: the parser's own words could echo a person.
pub(crate) fn parse<T: DeserializeOwned>(body: &[u8]) -> Option<T> {
    serde_json::from_slice(body).ok()
}

/// What most answers are wrapped in.
#[derive(Deserialize)]
pub(crate) struct Envelope {
    #[serde(default, deserialize_with = "text")]
    pub(crate) code: Option<String>,
    #[serde(default, deserialize_with = "text")]
    pub(crate) msg: Option<String>,
}

/// Beside a refusal for going too fast.
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
    /// The profile, or none for the empty user that stands for nobody in some answers.
    pub(crate) fn into_profile(self) -> Option<Profile> {
        let nobody = self.email.is_none() && self.id.is_none() && self.data_fields.is_none();
        (!nobody).then(|| self.data_fields.unwrap_or_default())
    }
}

/// Subscriptions in a profile. Absent until the person's first choice. An array that cannot be read as a whole fails
/// the answer: writing back a part of it would lose the rest.
#[derive(Clone, Default, Deserialize)]
pub(crate) struct Profile {
    #[serde(rename = "unsubscribedChannelIds")]
    pub(crate) unsubscribed_channels: Option<Vec<i64>>,
    #[serde(rename = "unsubscribedMessageTypeIds")]
    pub(crate) unsubscribed_message_types: Option<Vec<i64>>,
    #[serde(rename = "subscribedMessageTypeIds")]
    pub(crate) subscribed_message_types: Option<Vec<i64>>,
    #[serde(rename = "emailListIds")]
    pub(crate) email_lists: Option<Vec<i64>>,
    /// What projects that know people by user-id call the same.
    #[serde(rename = "userListIds")]
    pub(crate) user_lists: Option<Vec<i64>>,
}

#[derive(Deserialize)]
pub(crate) struct Channels {
    pub(crate) channels: Vec<Channel>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Channel {
    pub(crate) id: i64,
    pub(crate) name: String,
    /// `Email`, `SMS`, `Push` and more: an open set.
    #[serde(default, deserialize_with = "text")]
    pub(crate) message_medium: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct MessageTypes {
    pub(crate) message_types: Vec<MessageType>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct MessageType {
    pub(crate) id: i64,
    pub(crate) name: String,
    pub(crate) channel_id: i64,
    /// `OptIn` or `OptOut`; absent in older answers, where only the latter existed.
    #[serde(default, deserialize_with = "text")]
    pub(crate) subscription_policy: Option<String>,
}

#[derive(Deserialize)]
pub(crate) struct Lists {
    pub(crate) lists: Vec<List>,
}

#[derive(Deserialize)]
pub(crate) struct List {
    pub(crate) id: i64,
    pub(crate) name: String,
    /// `Standard`, or one whose members cannot be set.
    #[serde(default, rename = "listType", deserialize_with = "text")]
    pub(crate) kind: Option<String>,
}

#[derive(Deserialize)]
pub(crate) struct Webhooks {
    pub(crate) webhooks: Vec<Webhook>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Webhook {
    pub(crate) id: i64,
    pub(crate) auth_type: String,
    pub(crate) enabled: bool,
    pub(crate) endpoint: String,
}

/// A text or a whole number; whatever else stands there, or an empty text, counts as absent.
pub(crate) fn text<'de, D: Deserializer<'de>>(from: D) -> Result<Option<String>, D::Error> {
    from.deserialize_any(Text)
}

struct Text;

impl<'de> Visitor<'de> for Text {
    type Value = Option<String>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("anything")
    }

    fn visit_str<E>(self, value: &str) -> Result<Self::Value, E> {
        Ok((!value.is_empty()).then(|| value.to_owned()))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Self::Value, E> {
        Ok(Some(value.to_string()))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Self::Value, E> {
        Ok(Some(value.to_string()))
    }

    fn visit_f64<E>(self, _: f64) -> Result<Self::Value, E> {
        Ok(None)
    }

    fn visit_bool<E>(self, _: bool) -> Result<Self::Value, E> {
        Ok(None)
    }

    fn visit_unit<E>(self) -> Result<Self::Value, E> {
        Ok(None)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Self::Value, A::Error> {
        while items.next_element::<IgnoredAny>()?.is_some() {}
        Ok(None)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Self::Value, A::Error> {
        while entries.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        Ok(None)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn profile(body: &str) -> Option<Profile> {
        parse::<UserAnswer>(body.as_bytes()).unwrap().user.and_then(User::into_profile)
    }

    #[test]
    fn nobody_comes_in_several_forms() {
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
    fn anything_told_of_a_person_is_somebody() {
        for body in [
            r#"{"user":{"email":"a@example.com"}}"#,
            r#"{"user":{"userId":7}}"#,
            r#"{"user":{"dataFields":{"name":"N"}}}"#,
        ] {
            assert!(profile(body).is_some(), "{body}");
        }
    }

    #[test]
    fn a_list_that_cannot_be_read_as_a_whole_fails_the_answer() {
        let body = r#"{"user":{"email":"a@example.com","dataFields":{"unsubscribedChannelIds":[1,"2"]}}}"#;
        assert!(parse::<UserAnswer>(body.as_bytes()).is_none());
    }

    #[test]
    fn a_text_is_taken_leniently() {
        for (body, code) in [
            (r#"{"code":"BadParams"}"#, Some("BadParams")),
            (r#"{"code":7}"#, Some("7")),
            (r#"{"code":[[{}]]}"#, None),
            (r#"{"code":{"a":[1]}}"#, None),
            (r#"{"code":null,"msg":1.5}"#, None),
            (r#"{"code":true}"#, None),
        ] {
            assert_eq!(parse::<Envelope>(body.as_bytes()).unwrap().code.as_deref(), code, "{body}");
        }
    }
}
