//! What the sources leave open, as switches: one enum each, so that a connector can be tried against every answer.

use clap::ValueEnum;

mod values;

pub use values::*;

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
    "hash_encoding",
    "user_id_hash",
    "subscriptions_api",
    "opt_in",
    "unknown_item",
    "unknown_subscriber",
    "not_allowed",
    "message_type_shape",
    "media",
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
