//! Every request that the connector may make, as operators see it. `unforget` is not among them: the connector cannot
//! undo an erasure.

use crate::manifest::operation::{Effect, Field, Limit, Operation, RequestPart};

const DAY_MS: u64 = 24 * 60 * 60 * 1000;
const JSON: Option<&str> = Some("application/json");

const USER_READS: &str = "user-reads";
const USER_UPDATES: &str = "user-updates";
const FORGET_RATE: &str = "forget-rate";
const FORGET_DAILY: &str = "forget-daily";
const FORGOTTEN_READS: &str = "forgotten-reads";
const CATALOGUE_READS: &str = "catalogue-reads";

/// The limits that Iterable publishes. There are none for subscriptions and webhooks.
pub static LIMITS: &[Limit] = &[
    Limit { name: USER_READS, requests: 100, period_ms: 1000 },
    Limit { name: USER_UPDATES, requests: 500, period_ms: 1000 },
    Limit { name: FORGET_RATE, requests: 3, period_ms: 1000 },
    Limit { name: FORGET_DAILY, requests: 1000, period_ms: DAY_MS },
    Limit { name: FORGOTTEN_READS, requests: 3, period_ms: 1000 },
    Limit { name: CATALOGUE_READS, requests: 100, period_ms: 1000 },
];

/// The operator's key, in the one header that every request carries.
const KEY: Field = Field { place: RequestPart::Header, name: "Api-Key", value: "{api-key}" };

/// The template for all operations: a read without values.
const READ: Operation = Operation {
    name: "",
    purpose: "",
    used_by: &[],
    method: "GET",
    effect: Effect::Read,
    path: "",
    content_type: None,
    fields: &[KEY],
    response_limit: None,
    limits: &[],
    repeatable: true,
};

/// The template for a request with a JSON body. Every POST here changes something.
const POST: Operation = Operation { method: "POST", effect: Effect::Write, content_type: JSON, ..READ };

/// Reads a person by email.
pub static READ_USER_BY_EMAIL: Operation = Operation {
    name: "read-user-by-email",
    purpose: "Read the profile of a person, named by email",
    used_by: &["consent", "erasure"],
    path: "/api/users/{email}",
    limits: &[USER_READS],
    ..READ
};

/// Reads a person by user-id.
pub static READ_USER_BY_USER_ID: Operation = Operation {
    name: "read-user-by-user-id",
    purpose: "Read the profile of a person, named by user-id",
    used_by: &["consent", "erasure"],
    path: "/api/users/byUserId/{user-id}",
    limits: &[USER_READS],
    ..READ
};

/// Erases a person. Repeating it is harmless, although each attempt counts against the daily limit of 1000.
pub static FORGET: Operation = Operation {
    name: "forget",
    purpose: "Erase a person: delete their data and block collecting it again",
    used_by: &["erasure"],
    path: "/api/users/forget",
    limits: &[FORGET_RATE, FORGET_DAILY],
    ..POST
};

/// One answer contains all emails ever forgotten, 67 bytes each. 64 MiB are enough for a million, which takes 2.7 years
/// at 1000 a day. A host that gives a call less memory applies a lower limit.
const FORGOTTEN_LIMIT: Option<u64> = Some(64 << 20);

/// Lists the hashes of forgotten emails.
pub static LIST_FORGOTTEN_EMAILS: Operation = Operation {
    name: "list-forgotten-emails",
    purpose: "Read the hashes of all erased emails, the proof of an erasure",
    used_by: &["connector", "erasure"],
    path: "/api/users/forgotten",
    response_limit: FORGOTTEN_LIMIT,
    limits: &[FORGOTTEN_READS],
    ..READ
};

/// Lists the hashes of forgotten user-ids.
pub static LIST_FORGOTTEN_USER_IDS: Operation = Operation {
    name: "list-forgotten-user-ids",
    purpose: "Read the hashes of all erased user-ids, the proof of an erasure",
    used_by: &["connector", "erasure"],
    path: "/api/users/forgottenUserIds",
    response_limit: FORGOTTEN_LIMIT,
    limits: &[FORGOTTEN_READS],
    ..READ
};

/// Creates a person.
pub static CREATE_USER: Operation = Operation {
    name: "create-user",
    purpose: "Create a person whom Iterable does not know yet, before recording their choices",
    used_by: &["consent"],
    path: "/api/users/update",
    limits: &[USER_UPDATES],
    ..POST
};

/// Replaces whole lists. The host must not repeat it, since the lists may be out of date by then. `apply` re-reads
/// them.
pub static REPLACE_SUBSCRIPTIONS: Operation = Operation {
    name: "replace-subscriptions",
    purpose: "Record a person's choices by replacing the lists that change",
    used_by: &["consent"],
    path: "/api/users/updateSubscriptions",
    repeatable: false,
    ..POST
};

/// Changes one subscription of a person, named by email or by user-id. Each group of items has its own paths, so that
/// the permission list shows which groups the connector can change.
macro_rules! one_subscription {
    ($by_email:ident, $by_user_id:ident, $method:literal, $name:literal, $verb:literal, $noun:literal, $group:literal) => {
        one_subscription!(@ $by_email, $method, $name, $verb, $noun, $group, "user", "email");
        one_subscription!(@ $by_user_id, $method, $name, $verb, $noun, $group, "byUserId", "user-id");
    };
    (@ $id:ident, $method:literal, $name:literal, $verb:literal, $noun:literal, $group:literal, $by:literal, $who:literal) => {
        #[doc = concat!($verb, " ", $noun, ", named by ", $who, ".")]
        pub static $id: Operation = Operation {
            name: concat!($name, "-by-", $who),
            purpose: concat!($verb, " ", $noun, ", named by ", $who),
            used_by: &["consent"],
            method: $method,
            effect: Effect::Write,
            path: concat!("/api/subscriptions/", $group, "/{id}/", $by, "/{", $who, "}"),
            ..READ
        };
    };
}

#[rustfmt::skip]
mod one {
    use super::{Effect, Operation, READ};
    one_subscription!(JOIN_CHANNEL_BY_EMAIL, JOIN_CHANNEL_BY_USER_ID,
        "PATCH", "join-channel", "Opt a person in to", "a channel", "messageChannel");
    one_subscription!(LEAVE_CHANNEL_BY_EMAIL, LEAVE_CHANNEL_BY_USER_ID,
        "DELETE", "leave-channel", "Opt a person out of", "a channel", "messageChannel");
    one_subscription!(JOIN_MESSAGE_TYPE_BY_EMAIL, JOIN_MESSAGE_TYPE_BY_USER_ID,
        "PATCH", "join-message-type", "Opt a person in to", "a message type", "messageType");
    one_subscription!(LEAVE_MESSAGE_TYPE_BY_EMAIL, LEAVE_MESSAGE_TYPE_BY_USER_ID,
        "DELETE", "leave-message-type", "Opt a person out of", "a message type", "messageType");
    one_subscription!(JOIN_LIST_BY_EMAIL, JOIN_LIST_BY_USER_ID,
        "PATCH", "join-list", "Put a person on", "an email list", "emailList");
    one_subscription!(LEAVE_LIST_BY_EMAIL, LEAVE_LIST_BY_USER_ID,
        "DELETE", "leave-list", "Take a person off", "an email list", "emailList");
}
pub use one::*;

/// Lists the channels.
pub static LIST_CHANNELS: Operation = Operation {
    name: "list-channels",
    purpose: "Read the project's channels",
    used_by: &["connector", "consent"],
    path: "/api/channels",
    limits: &[CATALOGUE_READS],
    ..READ
};

/// Lists the message types.
pub static LIST_MESSAGE_TYPES: Operation = Operation {
    name: "list-message-types",
    purpose: "Read the project's message types and their opt-in or opt-out policy",
    used_by: &["connector", "consent"],
    path: "/api/messageTypes",
    limits: &[CATALOGUE_READS],
    ..READ
};

/// Lists the email lists.
pub static LIST_EMAIL_LISTS: Operation = Operation {
    name: "list-email-lists",
    purpose: "Read the names of the project's email lists, not who is on them",
    used_by: &["consent"],
    path: "/api/lists",
    limits: &[CATALOGUE_READS],
    ..READ
};

/// Lists the webhooks.
pub static LIST_WEBHOOKS: Operation = Operation {
    name: "list-webhooks",
    purpose: "Read the project's webhooks, without their tokens, to check the configured one",
    used_by: &["connector"],
    path: "/api/webhooks",
    ..READ
};

/// Installs a webhook token.
pub static INSTALL_WEBHOOK_TOKEN: Operation = Operation {
    name: "install-webhook-token",
    purpose: "Give the webhook its new token",
    used_by: &["webhook-token"],
    path: "/api/webhooks",
    fields: &[
        KEY,
        Field { place: RequestPart::Body, name: "authToken", value: "{webhook-token}" },
        Field { place: RequestPart::Body, name: "authType", value: "OAuth2" },
    ],
    ..POST
};

/// The permission list: every operation.
pub static ALL: &[&Operation] = &[
    &READ_USER_BY_EMAIL,
    &READ_USER_BY_USER_ID,
    &FORGET,
    &LIST_FORGOTTEN_EMAILS,
    &LIST_FORGOTTEN_USER_IDS,
    &LIST_CHANNELS,
    &LIST_MESSAGE_TYPES,
    &LIST_EMAIL_LISTS,
    &CREATE_USER,
    &REPLACE_SUBSCRIPTIONS,
    &JOIN_CHANNEL_BY_EMAIL,
    &JOIN_CHANNEL_BY_USER_ID,
    &LEAVE_CHANNEL_BY_EMAIL,
    &LEAVE_CHANNEL_BY_USER_ID,
    &JOIN_MESSAGE_TYPE_BY_EMAIL,
    &JOIN_MESSAGE_TYPE_BY_USER_ID,
    &LEAVE_MESSAGE_TYPE_BY_EMAIL,
    &LEAVE_MESSAGE_TYPE_BY_USER_ID,
    &JOIN_LIST_BY_EMAIL,
    &JOIN_LIST_BY_USER_ID,
    &LEAVE_LIST_BY_EMAIL,
    &LEAVE_LIST_BY_USER_ID,
    &LIST_WEBHOOKS,
    &INSTALL_WEBHOOK_TOKEN,
];

#[cfg(test)]
mod tests {
    use super::*;

    fn find(name: &str) -> &'static Operation {
        ALL.iter().find(|operation| operation.name == name).unwrap()
    }

    #[test]
    fn forgetting_keeps_to_three_a_second_and_a_thousand_a_day() {
        let limits: Vec<_> = LIMITS.iter().filter(|limit| FORGET.limits.contains(&limit.name)).collect();
        let numbers: Vec<_> = limits.iter().map(|limit| (limit.requests, limit.period_ms)).collect();
        assert_eq!(numbers, [(3, 1000), (1000, 86_400_000)]);
    }

    #[test]
    fn every_limit_named_is_declared_and_every_declared_one_used() {
        for operation in ALL {
            for name in operation.limits {
                assert!(LIMITS.iter().any(|limit| limit.name == *name), "{name}");
            }
        }
        for limit in LIMITS {
            assert!(ALL.iter().any(|operation| operation.limits.contains(&limit.name)), "{}", limit.name);
        }
    }

    #[test]
    fn only_erasure_erases_and_a_webhook_reader_sends_nothing() {
        assert_eq!(find("forget").used_by, ["erasure"]);
        assert_eq!(find("install-webhook-token").used_by, ["webhook-token"]);
        for operation in ALL {
            assert!(!operation.used_by.contains(&"webhook-verify"), "{}", operation.name);
            assert!(!operation.used_by.is_empty(), "{}", operation.name);
            assert!(!operation.used_by.contains(&"connector") || !operation.writes(), "{}", operation.name);
        }
    }

    #[test]
    fn nothing_can_undo_an_erasure() {
        assert!(ALL.iter().all(|operation| !operation.path.to_lowercase().contains("unforget")));
    }

    #[test]
    fn the_key_is_written_by_the_host_and_stands_in_one_header() {
        for operation in ALL {
            let keys: Vec<_> =
                operation.fields.iter().filter(|field| field.value.contains("{api-key}")).collect();
            assert_eq!(keys, [&KEY], "{}", operation.name);
        }
    }

    #[test]
    fn names_are_unique_and_purposes_readable() {
        for (at, operation) in ALL.iter().enumerate() {
            assert!(ALL.iter().skip(at + 1).all(|other| other.name != operation.name), "{}", operation.name);
            assert!(operation.purpose.len() > 15, "{}", operation.name);
        }
    }

    #[test]
    fn one_subscription_has_the_documented_path() {
        assert_eq!(
            find("leave-channel-by-email").path,
            "/api/subscriptions/messageChannel/{id}/user/{email}"
        );
        assert_eq!(find("join-list-by-user-id").path, "/api/subscriptions/emailList/{id}/byUserId/{user-id}");
        assert_eq!(
            find("join-message-type-by-email").purpose,
            "Opt a person in to a message type, named by email"
        );
    }
}
