//! What is sent to Iterable. Pure: the host adds address, key and encoding.

use serde_json::{Map, Value, json};

use crate::{
    http::Request,
    manifest::Operation,
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
    with_body(&FORGET, named(person))
}

/// The list that would hold the person once forgotten.
pub(crate) fn list_forgotten(person: &Person) -> Request {
    match person {
        Person::Email(_) => plain(&operations::LIST_FORGOTTEN_EMAILS),
        Person::UserId(_) => plain(&operations::LIST_FORGOTTEN_USER_IDS),
    }
}

pub(crate) fn create_user(person: &Person) -> Request {
    with_body(&operations::CREATE_USER, named(person))
}

/// Replaces the lists given and no other, by their names in the API. Iterable would refuse a message type in an opted-out
/// channel unless told not to look: both choices are the person's.
pub(crate) fn replace_subscriptions(person: &Person, lists: &[(&str, &[i64])]) -> Request {
    let mut body = named(person);
    body.insert("validateChannelAlignment".to_owned(), json!(false));
    for (name, ids) in lists {
        body.insert((*name).to_owned(), json!(ids));
    }
    with_body(&operations::REPLACE_SUBSCRIPTIONS, body)
}

/// Changes one subscription. `operation` is one of those with an `{id}` and this person's kind in its path.
pub(crate) fn change_subscription(operation: &'static Operation, person: &Person, id: i64) -> Request {
    let values = vec![("id", id.to_string()), (person.kind(), person.value().to_owned())];
    Request { values, ..plain(operation) }
}

/// Everything but the webhook's number is written by the host, so that every other field stays as it is.
pub(crate) fn install_webhook_token(webhook: i64) -> Request {
    let mut body = Map::new();
    body.insert("id".to_owned(), json!(webhook));
    with_body(&operations::INSTALL_WEBHOOK_TOKEN, body)
}

/// An operation with no blank and no body.
pub(crate) fn plain(operation: &'static Operation) -> Request {
    Request { operation, values: Vec::new(), body: None }
}

fn with_body(operation: &'static Operation, body: Map<String, Value>) -> Request {
    Request { body: Some(Value::Object(body).to_string().into_bytes()), ..plain(operation) }
}

fn named(person: &Person) -> Map<String, Value> {
    let field = match person {
        Person::Email(_) => "email",
        Person::UserId(_) => "userId",
    };
    Map::from_iter([(field.to_owned(), json!(person.value()))])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn body(request: &Request) -> Value {
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
