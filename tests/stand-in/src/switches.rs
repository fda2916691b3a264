//! What the sources leave open, as switches: one enum each, so that a connector can be tried against every answer.

use clap::ValueEnum;

/// An enum whose values a command line can name; the first is the default.
macro_rules! switch {
    ($(#[$doc:meta])* $name:ident { $(#[$first_doc:meta])* $first:ident $(, $(#[$value_doc:meta])* $value:ident)* $(,)? }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
        pub enum $name {
            $(#[$first_doc])* #[default] $first,
            $($(#[$value_doc])* $value,)*
        }
    };
}

switch! {
    /// Whether a key's refusal carries its own code.
    BadKey {
        /// `BadApiKey`.
        BadApiKey,
        /// `Success`, though the status is 401.
        Success,
    }
}
switch! {
    /// How a malformed body is refused.
    BadBody {
        /// A path and a sentence, nothing of the request.
        Short,
        /// Echoes body and headers, the key among them; messages are arrays.
        Echo2022,
        /// Echoes body and headers; messages are strings.
        Echo2017,
    }
}
switch! {
    /// The code where something is not allowed and the code is unknown.
    NotAllowed {
        /// `BadParams`.
        BadParams,
        /// `GenericError`.
        GenericError,
    }
}
switch! {
    /// Whether the limits count.
    RateLimits {
        /// Iterable's published ones.
        Published,
        /// None.
        Off,
    }
}
switch! {
    /// The body of a 429.
    LimitBody {
        /// With `rateLimitLimit`, `rateLimitRemaining` and `rateLimitReset`.
        Detailed,
        /// `Exceeded rate limit.` and no params.
        Plain,
        /// Names the limit, the endpoint and the project.
        Old,
        /// `Too Many Requests` as plain text.
        Text,
    }
}
switch! {
    /// The header that says when to come back after a 429.
    RetryAfter {
        /// In seconds.
        Seconds,
        /// As an HTTP date.
        Date,
        /// Left out.
        Absent,
    }
}
switch! {
    /// The status for a body over 4 MB.
    TooLarge {
        /// 400.
        Status400,
        /// 413.
        Status413,
    }
}
switch! {
    /// How long until a read shows a write.
    ReadLag {
        /// Three seconds.
        ThreeSeconds,
        /// At once.
        None,
        /// Twelve seconds.
        TwelveSeconds,
        /// A minute.
        OneMinute,
    }
}
switch! {
    /// How much longer what is looked up by userId lags.
    UserIdLag {
        /// No longer.
        None,
        /// Twenty seconds.
        TwentySeconds,
    }
}
switch! {
    /// The answer for an unknown userId.
    UnknownUserId {
        /// 400 with a sentence as plain text.
        Text400,
        /// 200 `{}`.
        Empty200,
        /// 400 with the code `error.users.noUserWithIdExists`.
        Code400,
        /// 404 with that code.
        Code404,
        /// 500 with that code.
        Code500,
    }
}
switch! {
    /// How deleting an unknown userId is refused.
    DeleteUnknown {
        /// `User does not exist. Email:  UserId: 42`.
        DoesNotExist,
        /// `No users with userId 42 exist`.
        Old,
    }
}
switch! {
    /// How long forgetting takes to come into effect.
    ForgetDelay {
        /// Ten minutes.
        TenMinutes,
        /// A minute.
        OneMinute,
        /// At once.
        None,
    }
}
switch! {
    /// Forgetting a person whom nobody knows.
    ForgetUnknown {
        /// A success; collection is blocked.
        Accepted,
        /// 400 `User does not exist`; nothing is blocked.
        Refused,
    }
}
switch! {
    /// Forgetting a person who is forgotten already.
    ForgetAgain {
        /// A success.
        Accepted,
        /// `ForgottenUserError`.
        Refused,
    }
}
switch! {
    /// The status of `ForgottenUserError`.
    ForgottenStatus {
        /// 409.
        Status409,
        /// 400.
        Status400,
    }
}
switch! {
    /// Which identifiers are forgotten.
    ForgetReach {
        /// The given one.
        Given,
        /// Every identifier of the person.
        Whole,
    }
}
switch! {
    /// How the hashes of forgotten identifiers are written.
    HashEncoding {
        /// Lower-case hex.
        Hex,
        /// Base64.
        Base64,
    }
}
switch! {
    /// What is hashed of a forgotten userId.
    UserIdHash {
        /// Its lower-case form.
        LowerCase,
        /// The userId as it is.
        AsIs,
    }
}
switch! {
    /// The additive Subscriptions API.
    SubscriptionsApi {
        /// 404 `NotFound`.
        Off,
        /// 200 `Success`.
        Success,
        /// 200 with the code `Accepted`.
        Accepted,
        /// 202 without a body.
        Empty202,
    }
}
switch! {
    /// Opt-in message types.
    OptIn {
        /// Not enabled: setting them is an error.
        Off,
        /// Enabled; the catalogue has one.
        On,
    }
}
switch! {
    /// Writing a channel, message type or list that does not exist.
    UnknownItem {
        /// Stored as it is.
        Stored,
        /// Refused.
        Refused,
    }
}
switch! {
    /// Writing subscriptions for an unknown userId.
    UnknownSubscriber {
        /// Refused: `User does not exist`.
        Refused,
        /// The person is created.
        Created,
    }
}
switch! {
    /// What a message type shows.
    MessageTypeShape {
        /// Every documented field.
        Full,
        /// id, name and channelId alone.
        WithoutPolicy,
    }
}
switch! {
    /// The channels of a fresh project.
    Media {
        /// Email and push.
        Recorded,
        /// Also SMS, in-app and `WhatsApp`.
        Many,
    }
}
switch! {
    /// An endpoint for webhooks that is not https, set through the API.
    PlainEndpoint {
        /// Refused.
        Refused,
        /// Taken where it is loopback.
        Loopback,
    }
}
switch! {
    /// Updating a webhook that does not exist.
    UnknownWebhook {
        /// 400 `BadParams`.
        BadParams,
        /// 404 `NotFound`.
        NotFound,
    }
}
switch! {
    /// How long until deliveries carry a new token.
    TokenDelay {
        /// A minute.
        OneMinute,
        /// At once.
        None,
    }
}
switch! {
    /// How a delivery carries a webhook's OAuth2 token.
    TokenHeader {
        /// `Authorization: OAuth2 <token>`.
        Oauth2,
        /// `Authorization: Bearer <token>`.
        Bearer,
        /// `Authorization: <token>`.
        Bare,
        /// `Authorization: Basic <token>`.
        Basic,
        /// No header.
        Absent,
    }
}
switch! {
    /// How many events one write makes.
    EventGrouping {
        /// One for all that was joined, one for all that was left.
        PerKind,
        /// One for each item.
        PerItem,
    }
}
switch! {
    /// The shape of an event.
    EventShape {
        /// Every documented field.
        Full,
        /// The userId alone at the top, a null email; only for people who have a userId.
        UserIdOnly,
        /// Identifiers only in `dataFields`.
        OnlyInDataFields,
        /// No `messageTypeIds`.
        WithoutMessageTypeIds,
        /// Profile fields of every type beside the others.
        ExtraFields,
        /// The address in upper case.
        UpperCaseEmail,
    }
}
switch! {
    /// What befalls deliveries on their way.
    DeliveryFault {
        /// Nothing: each once, in order.
        None,
        /// Each arrives twice.
        Duplicate,
        /// Every first one arrives a minute after the second.
        Reorder,
        /// Each is five minutes late.
        Late,
        /// None arrives.
        Drop,
    }
}
switch! {
    /// What follows a delivery that was not answered with 2xx.
    DeliveryRetry {
        /// Nothing.
        None,
        /// Three more tries, ten seconds apart.
        Thrice,
    }
}

/// One switch: its name, its values' names, and the way to set one.
struct Knob {
    name: &'static str,
    values: fn() -> Vec<String>,
    set: fn(&mut Switches, usize),
}

fn names<T: ValueEnum>() -> Vec<String> {
    T::value_variants()
        .iter()
        .filter_map(ValueEnum::to_possible_value)
        .map(|value| value.get_name().to_owned())
        .collect()
}

macro_rules! switches {
    ($($(#[$doc:meta])* $field:ident: $kind:ident,)*) => {
        /// Every switch of the stand-in. The default is what is recorded, else documented, else likeliest.
        #[derive(Clone, Debug, Default, PartialEq, Eq, clap::Args)]
        pub struct Switches {
            $($(#[$doc])* #[arg(long, value_enum, default_value_t, help_heading = "Switches")] pub $field: $kind,)*
        }

        const KNOBS: &[Knob] = &[$(Knob {
            name: stringify!($field),
            values: names::<$kind>,
            set: |switches, index| {
                if let Some(value) = $kind::value_variants().get(index) {
                    switches.$field = *value;
                }
            },
        },)*];
    };
}

switches! {
    /// Whether a key's refusal carries its own code
    bad_key: BadKey,
    /// How a malformed body is refused
    bad_body: BadBody,
    /// The code where something is not allowed and the code is unknown
    not_allowed: NotAllowed,
    /// Whether the limits count
    rate_limits: RateLimits,
    /// The body of a 429
    limit_body: LimitBody,
    /// The header that says when to come back after a 429
    retry_after: RetryAfter,
    /// The status for a body over 4 MB
    too_large: TooLarge,
    /// How long until a read shows a write
    read_lag: ReadLag,
    /// How much longer what is looked up by userId lags
    user_id_lag: UserIdLag,
    /// The answer for an unknown userId
    unknown_user_id: UnknownUserId,
    /// How deleting an unknown userId is refused
    delete_unknown: DeleteUnknown,
    /// How long forgetting takes to come into effect
    forget_delay: ForgetDelay,
    /// Forgetting a person whom nobody knows
    forget_unknown: ForgetUnknown,
    /// Forgetting a person who is forgotten already
    forget_again: ForgetAgain,
    /// The status of `ForgottenUserError`
    forgotten_status: ForgottenStatus,
    /// Which identifiers are forgotten
    forget_reach: ForgetReach,
    /// How the hashes of forgotten identifiers are written
    hash_encoding: HashEncoding,
    /// What is hashed of a forgotten userId
    user_id_hash: UserIdHash,
    /// The additive Subscriptions API
    subscriptions_api: SubscriptionsApi,
    /// Opt-in message types
    opt_in: OptIn,
    /// Writing a channel, message type or list that does not exist
    unknown_item: UnknownItem,
    /// Writing subscriptions for an unknown userId
    unknown_subscriber: UnknownSubscriber,
    /// What a message type shows
    message_type_shape: MessageTypeShape,
    /// The channels of a fresh project
    media: Media,
    /// An endpoint for webhooks that is not https, set through the API
    plain_endpoint: PlainEndpoint,
    /// Updating a webhook that does not exist
    unknown_webhook: UnknownWebhook,
    /// How long until deliveries carry a new token
    token_delay: TokenDelay,
    /// How a delivery carries a webhook's OAuth2 token
    token_header: TokenHeader,
    /// How many events one write makes
    event_grouping: EventGrouping,
    /// The shape of an event
    event_shape: EventShape,
    /// What befalls deliveries on their way
    delivery_fault: DeliveryFault,
    /// What follows a delivery that was not answered with 2xx
    delivery_retry: DeliveryRetry,
}

/// The switches that change how an erasure or a consent ends; [`Switches::pairs`] combines these.
const DECISIVE: &[&str] = &[
    "read_lag",
    "user_id_lag",
    "unknown_user_id",
    "forget_delay",
    "forget_unknown",
    "forget_again",
    "forgotten_status",
    "forget_reach",
    "user_id_hash",
    "subscriptions_api",
    "opt_in",
    "unknown_item",
    "unknown_subscriber",
    "not_allowed",
];

impl Knob {
    /// `read-lag=none`.
    fn label(&self, value: &str) -> String {
        format!("{}={value}", self.name.replace('_', "-"))
    }
}

impl Switches {
    /// Each value of each switch once, the others at their defaults, labelled `read-lag=none`.
    pub fn each() -> Vec<(String, Self)> {
        KNOBS.iter().flat_map(|knob| varied(knob, ("", &Self::default()))).collect()
    }

    /// Each pair of values of the switches that matter to erase and apply, the others at their defaults, labelled
    /// `read-lag=none forget-unknown=refused`.
    pub fn pairs() -> Vec<(String, Self)> {
        let decisive: Vec<&Knob> = KNOBS.iter().filter(|knob| DECISIVE.contains(&knob.name)).collect();
        let mut pairs = Vec::new();
        for (at, first) in decisive.iter().enumerate() {
            for (label, switches) in varied(first, ("", &Self::default())) {
                for second in decisive.iter().skip(at + 1) {
                    pairs.extend(varied(second, (&label, &switches)));
                }
            }
        }
        pairs
    }
}

/// `base` with each value of `knob`, labelled behind `base`'s own label.
fn varied(knob: &Knob, (label, base): (&str, &Switches)) -> Vec<(String, Switches)> {
    (knob.values)()
        .iter()
        .enumerate()
        .map(|(index, value)| {
            let mut switches = base.clone();
            (knob.set)(&mut switches, index);
            (format!("{label} {}", knob.label(value)).trim().to_owned(), switches)
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn each_value_of_each_switch_comes_once() {
        let each = Switches::each();
        let labels: BTreeSet<&str> = each.iter().map(|(label, _)| label.as_str()).collect();
        assert_eq!(labels.len(), each.len());
        assert!(labels.contains("forget-unknown=refused"), "{labels:?}");
        let (_, found) = each.iter().find(|(label, _)| label == "forget-unknown=refused").unwrap();
        assert_eq!(found, &Switches { forget_unknown: ForgetUnknown::Refused, ..Switches::default() });
    }

    #[test]
    fn pairs_set_both_of_their_switches() {
        let pairs = Switches::pairs();
        let label = "forget-unknown=refused subscriptions-api=empty202";
        let (_, found) = pairs.iter().find(|(found, _)| found == label).unwrap();
        let wanted = Switches {
            forget_unknown: ForgetUnknown::Refused,
            subscriptions_api: SubscriptionsApi::Empty202,
            ..Switches::default()
        };
        assert_eq!(found, &wanted);
        assert!(DECISIVE.iter().all(|name| KNOBS.iter().any(|knob| knob.name == *name)));
    }
}
