//! The API's routes: which keys may use them, how often, and what they do.

#![expect(
    clippy::unnecessary_wraps,
    reason = "the table needs one signature, also for routes that never refuse"
)]

use crate::call::{Call, Received};
use crate::keys::KeyKind;
use crate::limits::{Limit, Per};
use crate::project::Project;
use crate::refusal::Refusal;

mod access;
mod answer;
mod catalogue;
mod subscriptions;
mod users;
mod webhooks;

use answer::Answer;

/// One route: a method and a path.
#[derive(Debug)]
pub(crate) struct Route {
    pub(crate) method: &'static str,
    /// The path segments. A segment in braces is a parameter.
    pub(crate) path: &'static str,
    pub(crate) limits: &'static [Limit],
    pub(crate) keys: Keys,
    pub(crate) run: fn(&mut Project, &Call<'_>) -> Answer,
}

/// The kinds of key that a route accepts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Keys {
    /// Server-side standard keys.
    Standard,
    /// Also read-only keys.
    ReadOnly,
    /// Also mobile keys.
    Mobile,
    /// Server-side standard keys. Other keys get a 403.
    Merge,
}

impl Keys {
    pub(crate) fn admit(self, kind: KeyKind) -> Result<(), Refusal> {
        match (self, kind) {
            (_, KeyKind::Standard)
            | (Self::ReadOnly, KeyKind::ReadOnly)
            | (Self::Mobile, KeyKind::Mobile) => Ok(()),
            (Self::Merge, _) => Err(Refusal::MergeForbidden),
            (_, KeyKind::ReadOnly) => Err(Refusal::WeakKey { kind: "ServerSide" }),
            (_, KeyKind::Mobile) => Err(Refusal::WeakKey { kind: "Mobile" }),
        }
    }
}

const fn second(count: u32) -> Limit {
    Limit { count, per: Per::Second }
}

const DAY: Limit = Limit { count: 1000, per: Per::Day };
const NONE: &[Limit] = &[];
const FORGET: &[Limit] = &[second(3), DAY];
const THREE: &[Limit] = &[second(3)];
const FIVE: &[Limit] = &[second(5)];
const TEN: &[Limit] = &[second(10)];
const FIFTY: &[Limit] = &[second(50)];
const HUNDRED: &[Limit] = &[second(100)];
const UPDATE: &[Limit] = &[second(500)];
const TRACK: &[Limit] = &[second(2000)];
const EXPORT: &[Limit] = &[Limit { count: 4, per: Per::Minute }];

macro_rules! routes {
    ($($method:ident $path:literal $limits:ident $keys:ident $run:expr;)*) => {
        /// The routes in matching order: fixed segments before parameters.
        pub(crate) const ROUTES: &[Route] = &[$(Route {
            method: stringify!($method), path: $path, limits: $limits, keys: Keys::$keys, run: $run,
        },)*];
    };
}

routes! {
    POST "api/users/forget" FORGET Standard users::forget;
    POST "api/users/unforget" FORGET Standard users::unforget;
    GET "api/users/forgotten" THREE Standard users::forgotten;
    GET "api/users/forgottenUserIds" THREE Standard users::forgotten_user_ids;
    POST "api/users/update" UPDATE Mobile users::update;
    POST "api/users/bulkUpdate" FIVE Standard users::bulk_update;
    POST "api/users/merge" FIFTY Merge users::merge;
    POST "api/users/updateEmail" NONE Mobile users::update_email;
    POST "api/users/updateSubscriptions" NONE Mobile subscriptions::update;
    POST "api/users/bulkUpdateSubscriptions" NONE Standard subscriptions::bulk_update;
    GET "api/users/getByEmail" HUNDRED Standard users::get_by_email;
    GET "api/users/byUserId" HUNDRED Standard users::get_by_user_id;
    GET "api/users/byUserId/{userId}" HUNDRED Standard users::get_by_user_id;
    DELETE "api/users/byUserId/{userId}" HUNDRED Standard users::delete_by_user_id;
    GET "api/users/getFields" THREE ReadOnly users::get_fields;
    GET "api/users/getSentMessages" THREE Standard access::sent_messages;
    GET "api/users/{email}" HUNDRED Standard users::get;
    DELETE "api/users/{email}" HUNDRED Standard users::delete;
    PATCH "api/subscriptions/{group}/{id}/user/{email}" NONE Standard subscriptions::join;
    DELETE "api/subscriptions/{group}/{id}/user/{email}" NONE Standard subscriptions::leave;
    PATCH "api/subscriptions/{group}/{id}/byUserId/{userId}" NONE Standard subscriptions::join_by_user_id;
    DELETE "api/subscriptions/{group}/{id}/byUserId/{userId}" NONE Standard subscriptions::leave_by_user_id;
    PUT "api/subscriptions/{group}/{id}" NONE Standard subscriptions::move_many;
    POST "api/subscriptions/subscribeToDoubleOptIn" NONE Standard subscriptions::double_opt_in;
    GET "api/channels" HUNDRED ReadOnly catalogue::channels;
    GET "api/messageTypes" HUNDRED ReadOnly catalogue::message_types;
    GET "api/lists" HUNDRED ReadOnly catalogue::lists;
    GET "api/lists/getUsers" NONE Standard catalogue::list_users;
    POST "api/lists/subscribe" NONE Standard subscriptions::list_subscribe;
    POST "api/lists/unsubscribe" NONE Standard subscriptions::list_unsubscribe;
    GET "api/webhooks" NONE Standard webhooks::list;
    POST "api/webhooks" NONE Standard webhooks::change;
    POST "api/events/track" TRACK Mobile access::track;
    POST "api/events/trackBulk" TEN Standard access::track_bulk;
    GET "api/events/byUserId/{userId}" HUNDRED Standard access::events_by_user_id;
    GET "api/events/{email}" HUNDRED Standard access::events;
    GET "api/export/userEvents" EXPORT Standard access::export;
}

/// Returns the route of a request and the values of its path parameters.
pub(crate) fn find(received: &Received) -> Option<(&'static Route, Vec<String>)> {
    let segments = received.segments();
    ROUTES
        .iter()
        .filter(|route| route.method == received.method)
        .find_map(|route| blanks(route.path, &segments).map(|blanks| (route, blanks)))
}

fn blanks(path: &str, segments: &[String]) -> Option<Vec<String>> {
    let parts: Vec<&str> = path.split('/').collect();
    if parts.len() != segments.len() {
        return None;
    }
    let mut blanks = Vec::new();
    for (part, segment) in parts.iter().zip(segments) {
        match part.starts_with('{') {
            true if segment.is_empty() => return None,
            true => blanks.push(segment.clone()),
            false if part != segment => return None,
            false => {}
        }
    }
    Some(blanks)
}

/// The maximum size of a body, in bytes.
const MAX_BODY: usize = 4_000_000;

/// Carries out a request made with a key of `kind`. Limits per key are counted under `key`.
pub(crate) fn run(project: &mut Project, received: &Received, kind: Option<KeyKind>, key: &str) -> Answer {
    let (route, blanks) = find(received).ok_or(Refusal::NoRoute)?;
    route.keys.admit(kind.ok_or(Refusal::BadKey)?)?;
    if project.switches.rate_limits == crate::switches::RateLimits::Published {
        let own = if route.keys == Keys::Merge { key } else { "" };
        let endpoint = format!("{} {} {own}", route.method, route.path);
        let now = project.now;
        if let Err(exceeded) = project.limiter.take(&endpoint, route.limits, now) {
            return Ok(exceeded.reply(&project.switches, &received.path, project.id, now));
        }
    }
    if received.bytes.len() > MAX_BODY {
        return Err(Refusal::TooLarge);
    }
    (route.run)(project, &Call { received, blanks })
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use http::{HeaderMap, Method, Uri};
    use jiff::Timestamp;
    use proptest::prelude::*;
    use serde_json::{Value, json};

    use super::*;
    use crate::project::ProjectType;
    use crate::switches::{SubscriptionsApi, Switches};

    fn any_value() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            any::<f64>().prop_map(Value::from),
            "[a@. é]{0,6}|[a-z]{1,4}@[a-z]{1,4}\\.example\\.com".prop_map(Value::from),
        ];
        leaf.prop_recursive(3, 24, 4, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
                prop::collection::btree_map(any_name(), inner, 0..4).prop_map(|map| json!(map)),
            ]
        })
    }

    fn any_name() -> impl Strategy<Value = String> {
        let names = "email userId dataFields users listId subscribers emailListIds id authType unsubscribedChannelIds \
                     unsubscribedMessageTypeIds updateSubscriptionsRequests headers key value newEmail currentEmail \
                     sourceEmail destinationEmail events eventName signupDate";
        prop::sample::select(names.split(' ').map(str::to_owned).collect::<Vec<_>>())
    }

    proptest! {
        #![proptest_config(test_support::cases(256))]

        #[test]
        fn whatever_is_sent_is_answered(
            body in prop::collection::btree_map(any_name(), any_value(), 0..6),
            blank in "[a-z0-9%@.]{0,8}",
            kind in prop::sample::select(vec![ProjectType::Email, ProjectType::UserId, ProjectType::Hybrid]),
        ) {
            let switches = Switches { subscriptions_api: SubscriptionsApi::Success, ..Switches::default() };
            let mut project = Project::new(1, kind, switches, Timestamp::UNIX_EPOCH);
            for route in ROUTES {
                let path = route.path.split('/').map(|part| if part.starts_with('{') { blank.as_str() } else { part });
                let uri = format!("/{}?email={blank}&action=subscribe", path.collect::<Vec<_>>().join("/"));
                let (method, uri): (Method, Uri) = (route.method.parse().unwrap(), uri.parse().unwrap());
                let bytes = Bytes::from(serde_json::to_vec(&body).unwrap());
                let received = Received::new(Timestamp::UNIX_EPOCH, &method, &uri, &HeaderMap::new(), bytes);
                let answer = run(&mut project, &received, Some(KeyKind::Standard), "key");
                let keyed = matches!(answer, Err(Refusal::BadKey | Refusal::WeakKey { .. }));
                prop_assert!(!keyed, "{answer:?}");
            }
        }
    }
}
