//! Switches for the behaviours that the sources leave open: one enum each, so that a connector can be tested against
//! every answer.

use clap::ValueEnum;

mod values;

pub use values::*;

/// One switch: its name, the names of its values, and a function that sets one.
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
        /// Every switch of the stand-in. The default is the recorded behaviour, else the documented or likeliest one.
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
    /// Code of the answer to an invalid key
    bad_key: BadKey,
    /// Answer to a malformed body
    bad_body: BadBody,
    /// Code of a refusal whose code is not documented
    not_allowed: NotAllowed,
    /// Whether rate limits apply
    rate_limits: RateLimits,
    /// Body of a 429
    limit_body: LimitBody,
    /// `Retry-After` header of a 429
    retry_after: RetryAfter,
    /// Status for a body over 4 MB
    too_large: TooLarge,
    /// Delay until a read shows a write
    read_lag: ReadLag,
    /// Additional delay of look-ups by userId
    user_id_lag: UserIdLag,
    /// Answer for an unknown userId
    unknown_user_id: UnknownUserId,
    /// Answer to deleting an unknown userId
    delete_unknown: DeleteUnknown,
    /// Delay until forgetting takes effect
    forget_delay: ForgetDelay,
    /// Answer to forgetting an unknown person
    forget_unknown: ForgetUnknown,
    /// Answer to forgetting a person who is already forgotten
    forget_again: ForgetAgain,
    /// Status of `ForgottenUserError`
    forgotten_status: ForgottenStatus,
    /// Identifiers that are forgotten
    forget_reach: ForgetReach,
    /// Encoding of the hashes of forgotten identifiers
    hash_encoding: HashEncoding,
    /// Form of a forgotten userId that is hashed
    user_id_hash: UserIdHash,
    /// Answer of the additive Subscriptions API
    subscriptions_api: SubscriptionsApi,
    /// Whether opt-in message types are enabled
    opt_in: OptIn,
    /// Answer to writing a channel, message type or list that does not exist
    unknown_item: UnknownItem,
    /// Answer to writing subscriptions for an unknown userId
    unknown_subscriber: UnknownSubscriber,
    /// Fields of a message type
    message_type_shape: MessageTypeShape,
    /// Channels of a new project
    media: Media,
    /// Answer to setting a webhook endpoint without https through the API
    plain_endpoint: PlainEndpoint,
    /// Answer to updating a webhook that does not exist
    unknown_webhook: UnknownWebhook,
    /// Delay until deliveries carry a new token
    token_delay: TokenDelay,
    /// How a delivery carries a webhook's OAuth2 token
    token_header: TokenHeader,
    /// Number of events that one write triggers
    event_grouping: EventGrouping,
    /// Shape of an event
    event_shape: EventShape,
    /// Fault injected into deliveries
    delivery_fault: DeliveryFault,
    /// Retries after a delivery that is not answered with 2xx
    delivery_retry: DeliveryRetry,
}

/// The switches that affect the outcome of an erasure or a consent change. [`Switches::pairs`] combines them.
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
    /// Returns a label such as `read-lag=none`.
    fn label(&self, value: &str) -> String {
        format!("{}={value}", self.name.replace('_', "-"))
    }
}

impl Switches {
    /// Returns each value of each switch once, with the others at their defaults and a label such as `read-lag=none`.
    pub fn each() -> Vec<(String, Self)> {
        KNOBS.iter().flat_map(|knob| varied(knob, "", &Self::default())).collect()
    }

    /// Returns each pair of values of the switches that matter to erase and apply, with the others at their defaults
    /// and a label such as `read-lag=none forget-unknown=refused`.
    pub fn pairs() -> Vec<(String, Self)> {
        let decisive: Vec<&Knob> = KNOBS.iter().filter(|knob| DECISIVE.contains(&knob.name)).collect();
        let mut pairs = Vec::new();
        for (at, first) in decisive.iter().enumerate() {
            for (label, switches) in varied(first, "", &Self::default()) {
                for second in decisive.iter().skip(at + 1) {
                    pairs.extend(varied(second, &label, &switches));
                }
            }
        }
        pairs
    }
}

/// Returns `base` with each value of `knob`, whose label is appended to `label`.
fn varied(knob: &Knob, label: &str, base: &Switches) -> Vec<(String, Switches)> {
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
