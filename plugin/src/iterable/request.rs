//! Builds requests. The host adds address, key and encoding.

use serde::Serialize;

use crate::{
    http::Request,
    manifest::operation::Operation,
    operations::{self, FORGET},
    subject::{EMAIL, Person, USER_ID},
};

pub(crate) fn read_user(person: &Person) -> Request {
    match person {
        Person::Email(email) => {
            Request { values: vec![(EMAIL, email.clone())], ..plain(&operations::READ_USER_BY_EMAIL) }
        }
        Person::UserId(id) => {
            Request { values: vec![(USER_ID, id.clone())], ..plain(&operations::READ_USER_BY_USER_ID) }
        }
    }
}

pub(crate) fn forget(person: &Person) -> Request {
    with_body(&FORGET, &[named(person)])
}

/// The list that contains the person once forgotten.
pub(crate) fn list_forgotten(person: &Person) -> Request {
    match person {
        Person::Email(_) => plain(&operations::LIST_FORGOTTEN_EMAILS),
        Person::UserId(_) => plain(&operations::LIST_FORGOTTEN_USER_IDS),
    }
}

pub(crate) fn create_user(person: &Person) -> Request {
    with_body(&operations::CREATE_USER, &[named(person)])
}

/// Replaces only the given lists, by their names in the API. The validation of channel alignment is off: Iterable would
/// otherwise refuse an opt-in to a message type of an opted-out channel, although both are the person's choices.
pub(crate) fn replace_subscriptions(person: &Person, lists: &[(&'static str, &[i64])]) -> Request {
    let mut body = vec![named(person), ("validateChannelAlignment", Value::Flag(false))];
    body.extend(lists.iter().map(|(name, ids)| (*name, Value::Ids(ids))));
    with_body(&operations::REPLACE_SUBSCRIPTIONS, &body)
}

/// Changes one subscription. The path of `operation` must have blanks for `{id}` and for this person's identifier kind.
pub(crate) fn change_subscription(operation: &'static Operation, person: &Person, id: i64) -> Request {
    let values = vec![("id", id.to_string()), (person.kind(), person.value().to_owned())];
    Request { values, ..plain(operation) }
}

/// The connector sends the webhook's number alone and the host adds the token, so all other fields keep their values.
pub(crate) fn install_webhook_token(webhook: i64) -> Request {
    with_body(&operations::INSTALL_WEBHOOK_TOKEN, &[("id", Value::Number(webhook))])
}

/// A request without values or a body.
pub(crate) fn plain(operation: &'static Operation) -> Request {
    Request { operation, values: Vec::new(), body: None }
}

/// The value of a body's field. `serde_json::Value` would add code for floats and maps to the component.
#[derive(Serialize)]
#[serde(untagged)]
enum Value<'a> {
    Text(&'a str),
    Number(i64),
    Flag(bool),
    Ids(&'a [i64]),
}

struct Body<'a>(&'a [(&'static str, Value<'a>)]);

impl Serialize for Body<'_> {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter().map(|(name, value)| (name, value)))
    }
}

fn with_body(operation: &'static Operation, body: &[(&'static str, Value)]) -> Request {
    // Serializing texts, numbers and flags under text keys cannot fail.
    let body = serde_json::to_vec(&Body(body)).unwrap_or_default();
    Request { body: Some(body), ..plain(operation) }
}

fn named(person: &Person) -> (&'static str, Value<'_>) {
    match person {
        Person::Email(email) => ("email", Value::Text(email)),
        Person::UserId(id) => ("userId", Value::Text(id)),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn body(request: &Request) -> serde_json::Value {
        serde_json::from_slice(request.body.as_deref().unwrap()).unwrap()
    }

    #[test]
    fn a_person_is_named_by_one_identifier() {
        let email = Person::Email("a+b@example.com".to_owned());
        let user = Person::UserId("u/1".to_owned());
        assert_eq!(body(&forget(&email)), json!({"email": "a+b@example.com"}));
        assert_eq!(body(&create_user(&user)), json!({"userId": "u/1"}));
        assert_eq!(read_user(&email).values, [("email", "a+b@example.com".to_owned())]);
        assert_eq!(read_user(&user).values, [("user-id", "u/1".to_owned())]);
    }

    #[test]
    fn replacing_names_only_the_lists_that_change() {
        let request =
            replace_subscriptions(&Person::UserId("u".to_owned()), &[("unsubscribedChannelIds", &[1, 2])]);
        let wanted =
            json!({"userId": "u", "unsubscribedChannelIds": [1, 2], "validateChannelAlignment": false});
        assert_eq!(body(&request), wanted);
    }

    #[test]
    fn a_token_is_installed_without_seeing_it() {
        assert_eq!(body(&install_webhook_token(7)), json!({"id": 7}));
    }
}
