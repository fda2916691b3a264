//! The behaviours of Iterable that the stand-in reproduces, and how well each one is known.

/// How well a behaviour is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mark {
    /// Seen in real traffic.
    Recorded,
    /// Stated by Iterable, or copied by third parties from its answers.
    Documented,
    /// Neither recorded nor documented: the likeliest behaviour, or one of several candidates.
    Assumed,
}

/// A single behaviour of Iterable.
#[derive(Clone, Copy, Debug)]
pub struct Behaviour {
    /// A route (`POST api/users/forget`), a switch value (`forget-unknown=refused`), or a unique name.
    pub id: &'static str,
    /// What Iterable does.
    pub what: &'static str,
    /// How well it is known.
    pub mark: Mark,
    /// The source of this knowledge.
    pub source: &'static str,
}

const fn recorded(id: &'static str, what: &'static str, source: &'static str) -> Behaviour {
    Behaviour { id, what, mark: Mark::Recorded, source }
}

const fn documented(id: &'static str, what: &'static str, source: &'static str) -> Behaviour {
    Behaviour { id, what, mark: Mark::Documented, source }
}

const fn assumed(id: &'static str, what: &'static str, source: &'static str) -> Behaviour {
    Behaviour { id, what, mark: Mark::Assumed, source }
}

/// Every behaviour: the routes, then each switch's values, then the rest.
#[rustfmt::skip]
pub const BEHAVIOURS: &[Behaviour] = &[
    recorded("POST api/users/forget", "accepted at once, takes effect later, blocks later collection", "recorded Feb 2021; Swagger"),
    documented("POST api/users/unforget", "lifts the block; old data is not restored", "Swagger"),
    documented("GET api/users/forgotten", "hashes of forgotten e-mails; refused in userID-based projects", "Swagger"),
    documented("GET api/users/forgottenUserIds", "hashes of forgotten userIds; refused in email-based projects", "Swagger"),
    recorded("POST api/users/update", "creates or updates a person; null removes a field", "recorded Jul 2021"),
    documented("POST api/users/bulkUpdate", "200 with each failure listed; triggers no subscription events", "Swagger; fixtures of a third party"),
    documented("POST api/users/merge", "merges two people; if the destination does not exist, the source is renamed; other keys get 403", "Swagger"),
    documented("POST api/users/updateEmail", "changes the address; email-based projects only", "Swagger"),
    documented("POST api/users/updateSubscriptions", "replaces each given array; absent and null ones stay unchanged", "Swagger, in capitals"),
    documented("POST api/users/bulkUpdateSubscriptions", "the same for several people; the answer has six counts and lists", "Swagger"),
    recorded("GET api/users/getByEmail", "the person, or {}", "recorded Jul 2021"),
    documented("GET api/users/byUserId", "the same, with the userId in the query", "Swagger"),
    documented("GET api/users/byUserId/{userId}", "the same, by userId", "Swagger"),
    recorded("DELETE api/users/byUserId/{userId}", "deletes everyone with that userId; the index lags", "recorded 2017"),
    recorded("GET api/users/getFields", "every field with its type", "recorded Jul 2021"),
    recorded("GET api/users/getSentMessages", "always empty: nothing is sent here", "recorded: the empty answer"),
    recorded("GET api/users/{email}", "the person, or {}; %40 in the path", "recorded Jul 2021"),
    recorded("DELETE api/users/{email}", "a success whether or not the person exists", "recorded 2017 and 2021"),
    documented("PATCH api/subscriptions/{group}/{id}/user/{email}", "subscribes one person, by e-mail; an unknown person is created", "Swagger"),
    documented("PATCH api/subscriptions/{group}/{id}/byUserId/{userId}", "subscribes one person, by userId", "Swagger"),
    documented("DELETE api/subscriptions/{group}/{id}/user/{email}", "unsubscribes one person, by e-mail; an unknown person is created", "Swagger"),
    documented("DELETE api/subscriptions/{group}/{id}/byUserId/{userId}", "unsubscribes one person, by userId", "Swagger"),
    documented("PUT api/subscriptions/{group}/{id}", "subscribes or unsubscribes several people, by ?action=; stops at the first refusal", "Swagger; the stop is assumed"),
    documented("POST api/subscriptions/subscribeToDoubleOptIn", "202 as text; nothing is sent", "Swagger"),
    recorded("GET api/channels", "the channels", "recorded 2017"),
    recorded("GET api/messageTypes", "the message types", "recorded 2017, newer fields from Swagger"),
    recorded("GET api/lists", "the lists, newest first", "recorded 2017 and 2021"),
    recorded("GET api/lists/getUsers", "one address per line", "recorded 2017"),
    recorded("POST api/lists/subscribe", "returns counts; an unknown list is a 400 with the code Success", "recorded Jul 2021; the 400 from the client's tests"),
    recorded("POST api/lists/unsubscribe", "returns counts; people who are not on the list count as successes", "recorded Jul 2021"),
    documented("GET api/webhooks", "the webhooks, without token, headers and events", "Swagger"),
    documented("POST api/webhooks", "changes only the given fields; answers with the bare object", "Swagger"),
    documented("POST api/events/track", "records a custom event", "Swagger"),
    recorded("POST api/events/trackBulk", "the same for several events, with counts", "recorded Nov 2022"),
    documented("GET api/events/byUserId/{userId}", "newest first, at most 200", "Swagger"),
    recorded("GET api/events/{email}", "newest first, at most 200", "recorded 2017"),
    documented("GET api/export/userEvents", "one event per line; custom events only on request; the rate limit of the other exports", "Swagger; the limit is assumed"),
    documented("bad-key=bad-api-key", "401 BadApiKey with ip and endpoint", "fixtures of two parties"),
    documented("bad-key=success", "401 with the code Success", "older fixture of a third party"),
    documented("bad-body=short", "a path and a sentence", "newest fixture of a third party"),
    recorded("bad-body=echo2022", "echoes the key", "recorded Nov 2022"),
    recorded("bad-body=echo2017", "echoes body and headers", "recorded 2017"),
    assumed("not-allowed=bad-params", "BadParams", "code not found"),
    assumed("not-allowed=generic-error", "GenericError with 400", "recorded for another endpoint"),
    documented("rate-limits=published", "token buckets and daily caps", "Swagger"),
    assumed("rate-limits=off", "no limits, for tests", "none"),
    documented("limit-body=detailed", "with limit, remaining and reset", "Swagger, newer copy"),
    documented("limit-body=plain", "a sentence, no params", "the client's mock"),
    recorded("limit-body=old", "limit, endpoint and project in the text", "recorded Oct 2017"),
    documented("limit-body=text", "plain text", "a large sender's mock"),
    documented("retry-after=seconds", "in seconds", "Swagger, newer copy"),
    assumed("retry-after=date", "as an HTTP date", "allowed by HTTP"),
    recorded("retry-after=absent", "no header", "recorded Oct 2017"),
    documented("too-large=status400", "BatchTooLarge with 400", "table of response codes"),
    assumed("too-large=status413", "BatchTooLarge with 413", "usual for HTTP"),
    recorded("read-lag=three-seconds", "three seconds", "recorded Jul 2021"),
    assumed("read-lag=none", "at once", "none"),
    recorded("read-lag=twelve-seconds", "twelve seconds", "recorded Jul 2021"),
    documented("read-lag=one-minute", "a minute", "Swagger asks for 60 s"),
    assumed("user-id-lag=none", "no longer than other reads", "none"),
    documented("user-id-lag=twenty-seconds", "the userId index lags further behind", "the client's integration tests"),
    recorded("unknown-user-id=text400", "400 as plain text", "recorded 2017"),
    documented("unknown-user-id=empty200", "200 {}", "a large sender's client"),
    documented("unknown-user-id=code400", "400 with a code", "a large sender's client; status assumed"),
    assumed("unknown-user-id=code404", "404 with that code", "status assumed"),
    documented("unknown-user-id=code500", "500 with that code", "a large sender's mock"),
    documented("delete-unknown=does-not-exist", "User does not exist", "newer fixture of a third party"),
    recorded("delete-unknown=old", "No users with userId", "recorded 2017"),
    documented("forget-delay=ten-minutes", "ten minutes", "support article: up to ten minutes"),
    documented("forget-delay=one-minute", "a minute", "support article: up to ten minutes"),
    assumed("forget-delay=none", "at once", "none"),
    recorded("forget-unknown=accepted", "a success", "recorded Feb 2021"),
    documented("forget-unknown=refused", "400 User does not exist", "a large sender's client"),
    assumed("forget-again=accepted", "a success", "recorded only before it took effect"),
    documented("forget-again=refused", "ForgottenUserError", "a large sender's client"),
    documented("forgotten-status=status409", "409", "Swagger"),
    documented("forgotten-status=status400", "400", "table of response codes"),
    assumed("forget-reach=given", "only the given identifier is blocked", "not stated"),
    assumed("forget-reach=whole", "every identifier of the person is blocked", "not stated"),
    assumed("hash-encoding=hex", "lower-case hex", "not stated"),
    assumed("hash-encoding=base64", "base64", "not stated"),
    documented("user-id-hash=lower-case", "hash of the lower-cased userId", "Swagger"),
    assumed("user-id-hash=as-is", "hash of the unmodified userId", "userIds are case-sensitive elsewhere"),
    documented("subscriptions-api=off", "404 NotFound for the project", "another vendor's end-to-end test"),
    documented("subscriptions-api=success", "200 Success", "Swagger"),
    documented("subscriptions-api=accepted", "the code Accepted", "the client's integration test"),
    documented("subscriptions-api=empty202", "202 without a body", "Swagger; emptiness assumed"),
    documented("opt-in=off", "setting opt-in types is an error", "Swagger"),
    documented("opt-in=on", "opt-in types may be set", "Swagger"),
    assumed("unknown-item=stored", "stored as given", "not found"),
    assumed("unknown-item=refused", "refused", "not found"),
    assumed("unknown-subscriber=refused", "User does not exist", "not found for this endpoint"),
    assumed("unknown-subscriber=created", "the person is created", "documented for e-mails only"),
    documented("message-type-shape=full", "all documented fields", "Swagger"),
    recorded("message-type-shape=without-policy", "id, name, channelId", "recorded 2017"),
    recorded("media=recorded", "e-mail and push", "recorded 2017"),
    assumed("media=many", "also SMS, InApp, WhatsApp", "the product has them; names assumed"),
    documented("plain-endpoint=refused", "https only", "support article; the answer is assumed"),
    assumed("plain-endpoint=loopback", "http is accepted too, on this machine, for tests", "none"),
    assumed("unknown-webhook=bad-params", "400", "not found"),
    assumed("unknown-webhook=not-found", "404", "not found"),
    documented("token-delay=one-minute", "deliveries keep the old token for a minute", "support article: caching; length unknown"),
    assumed("token-delay=none", "at once", "length unknown"),
    documented("token-header=oauth2", "OAuth2 <token>", "support article"),
    assumed("token-header=bearer", "Bearer <token>", "named so in a customer's guide"),
    documented("token-header=bare", "<token>", "support article, for Basic"),
    documented("token-header=basic", "Basic <token>", "support article"),
    documented("token-header=absent", "no header", "support article, for NoAuth"),
    assumed("event-grouping=per-kind", "one event for everything joined, one for everything left", "not found"),
    assumed("event-grouping=per-item", "one event per item", "not found"),
    documented("event-shape=full", "all documented fields", "support article"),
    documented("event-shape=user-id-only", "null email, userId at the top", "fixture of a third party; schema"),
    documented("event-shape=only-in-data-fields", "no identifier at the top", "fixture of a third party"),
    recorded("event-shape=without-message-type-ids", "no messageTypeIds", "real rows of 2020"),
    recorded("event-shape=extra-fields", "profile fields next to the documented ones", "a real row of 2020"),
    assumed("event-shape=upper-case-email", "the address in upper case", "addresses are compared case-insensitively"),
    assumed("event-shape=numbers-as-text", "ids as text, the message's channel as a word", "none; a receiver must tolerate it"),
    assumed("event-shape=iso-time", "createdAt in ISO 8601, with milliseconds", "none; a receiver must tolerate it"),
    assumed("event-shape=null-time", "createdAt null", "none; a receiver must tolerate it"),
    assumed("event-shape=other-case", "the event's name in lower case", "none; a receiver must tolerate it"),
    assumed("delivery-fault=none", "each arrives once, in order", "not found"),
    assumed("delivery-fault=duplicate", "each arrives twice", "not found"),
    assumed("delivery-fault=reorder", "every other one arrives a minute late", "not found"),
    assumed("delivery-fault=late", "each is five minutes late", "not found"),
    documented("delivery-fault=drop", "none arrives", "support article: not guaranteed"),
    assumed("delivery-retry=none", "no retry", "not found"),
    assumed("delivery-retry=thrice", "three retries", "documented only that there are retries"),
    recorded("success", r#"{"msg":"","code":"Success","params":null}"#, "recorded 2017 to 2021"),
    recorded("no-route", "404 as HTML, Action not found", "recorded 2017"),
    documented("key-header", "Api-Key or Api_Key, in any case", "Swagger; support articles"),
    documented("weak-key", "401 with apiKeyIdentifier and apiKeyType", "fixture of a third party"),
    documented("other-data-centre", "a key of the other data centre is unknown", "support article; the body is assumed"),
    recorded("invalid-email", "400 InvalidEmailAddressError", "recorded 2017 to 2021"),
    recorded("type-mismatch", "400 RequestFieldsTypesMismatched with the types", "recorded Jul 2021"),
    assumed("wrong-identifier", "400 BadParams if the project identifies people by another identifier", "code not found"),
    assumed("check-order", "checks the body first, then presence, then syntax, then the person", "not found"),
    assumed("extra-fields", "unknown fields of a body are ignored", "not found"),
    recorded("arrays-appear", "none of the four arrays before the first subscription action, all after it", "recorded Jul 2021"),
    documented("list-field", "emailListIds in email-based projects, userListIds elsewhere", "support article"),
    documented("lost-update", "no version check: if two clients read and write at the same time, one update is lost", "Swagger"),
    documented("alignment", "joining a type of an unsubscribed channel is refused unless validateChannelAlignment is false", "Swagger; the code is a switch"),
    recorded("repeated-forget", "a repeat before it takes effect is a success", "recorded Feb 2021"),
    assumed("no-events-of-forgotten", "a forgotten person triggers no events", "not found"),
    documented("echo-events", "API writes trigger events with UpdateSubscriptionsAPI or API as their source", "support article; schema"),
    documented("event-names", "emailSubscribe and emailUnSubscribe for every medium", "support article"),
    documented("event-time", "yyyy-MM-dd HH:mm:ss +00:00", "fixtures; schema"),
    documented("merge-tags", "filled into the endpoint; undefined ones become empty", "support article"),
    documented("shared-identifiers", "userIds may repeat in email-based projects, addresses in userID-based ones, neither in hybrid ones", "Swagger; support article; that an address may repeat is assumed"),
    assumed("shared-read", "a read by a shared identifier shows the first person", "not found"),
    documented("user-id-limits", "at most 52 ASCII characters, no trailing space", "support article; the message is assumed"),
];

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::routes::ROUTES;
    use crate::switches::Switches;

    #[test]
    fn every_route_and_every_value_of_a_switch_has_its_mark() {
        let marked: BTreeSet<&str> = BEHAVIOURS.iter().map(|behaviour| behaviour.id).collect();
        assert_eq!(marked.len(), BEHAVIOURS.len(), "duplicate id");
        let routes = ROUTES.iter().map(|route| format!("{} {}", route.method, route.path));
        let wanted: BTreeSet<String> =
            routes.chain(Switches::each().into_iter().map(|(label, _)| label)).collect();
        let unmarked: Vec<&String> = wanted.iter().filter(|id| !marked.contains(id.as_str())).collect();
        assert_eq!(unmarked, Vec::<&String>::new());
        let gone = |id: &&&str| (id.contains('=') || id.contains("api/")) && !wanted.contains(**id);
        assert_eq!(marked.iter().filter(gone).collect::<Vec<_>>(), Vec::<&&str>::new());
    }
}
