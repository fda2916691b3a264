//! Where a connection's requests may go, and how long they may take.

use std::{collections::BTreeSet, num::NonZeroU64, time::Duration};

use host_harness::connection::{Deadlines as HostDeadlines, EgressPolicy, NoPolicy, WrittenPolicy};
use host_model::time::millis_u64;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{merge_patch::merge_patch, object};

/// Where a connection's requests may go. The operator's guide names the defaults.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Egress {
    /// Hosts beyond those that the plugin's manifest allows, as `host` or `host:port`.
    pub hosts: BTreeSet<String>,
    /// Whether requests to this machine are allowed.
    pub loopback: bool,
    /// Whether requests without TLS are allowed; only together with `loopback`.
    pub plain_http: bool,
    /// Certificate authorities to trust instead of the public ones, in PEM.
    pub authorities: Vec<String>,
    /// Operations that the connection may not send, although the plugin's manifest declares them.
    pub denied_operations: BTreeSet<String>,
    /// The maximum size of a request body, in bytes.
    #[schema(value_type = u64, minimum = 1)]
    pub request_cap: NonZeroU64,
    /// The maximum size of an answer, in bytes, unless its operation declares another one.
    #[schema(value_type = u64, minimum = 1)]
    pub response_cap: NonZeroU64,
    /// The maximum size of an answer that an operation may declare, in bytes.
    #[schema(value_type = u64, minimum = 1)]
    pub declared_response_cap: NonZeroU64,
    /// The number of milliseconds that a request may wait for the host's rate limiter before it is refused.
    pub limiter_patience_ms: u64,
    /// The time limit of each part of a request.
    #[serde(deserialize_with = "object::deserialize")]
    pub deadlines: Deadlines,
}

merge_patch! {
    /// A change of where a connection's requests may go.
    pub struct EgressPatch of Egress, with DeadlinesPatch
}

merge_patch! {
    /// A change of the time limit of each part of a request.
    pub struct DeadlinesPatch of Deadlines
}

impl Default for Egress {
    fn default() -> Self {
        EgressPolicy::default().into()
    }
}

impl From<EgressPolicy> for Egress {
    fn from(policy: EgressPolicy) -> Self {
        let WrittenPolicy {
            hosts,
            loopback,
            plain_http,
            authorities,
            denied_operations,
            request_cap,
            response_cap,
            declared_response_cap,
            limiter_patience_ms,
            deadlines,
        } = WrittenPolicy::<String>::from(policy);
        Self {
            hosts,
            loopback,
            plain_http,
            authorities,
            denied_operations,
            request_cap: above_zero(request_cap),
            response_cap: above_zero(response_cap),
            declared_response_cap: above_zero(declared_response_cap),
            limiter_patience_ms,
            deadlines: deadlines.into(),
        }
    }
}

impl TryFrom<Egress> for EgressPolicy {
    type Error = NoPolicy;

    fn try_from(egress: Egress) -> Result<Self, NoPolicy> {
        let Egress {
            hosts,
            loopback,
            plain_http,
            authorities,
            denied_operations,
            request_cap,
            response_cap,
            declared_response_cap,
            limiter_patience_ms,
            deadlines,
        } = egress;
        Self::try_from(WrittenPolicy {
            hosts,
            loopback,
            plain_http,
            authorities,
            denied_operations,
            request_cap: size(request_cap),
            response_cap: size(response_cap),
            declared_response_cap: size(declared_response_cap),
            limiter_patience_ms,
            deadlines: deadlines.into(),
        })
    }
}

/// The time limit of each part of a request, in milliseconds; more than a day counts as a day.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Deadlines {
    /// Until the connection is established, including TLS.
    #[schema(value_type = u64, minimum = 1)]
    pub connect_ms: NonZeroU64,
    /// Until the answer begins, including the connection.
    #[schema(value_type = u64, minimum = 1)]
    pub first_byte_ms: NonZeroU64,
    /// Between two parts of the body.
    #[schema(value_type = u64, minimum = 1)]
    pub between_bytes_ms: NonZeroU64,
    /// The whole request.
    #[schema(value_type = u64, minimum = 1)]
    pub total_ms: NonZeroU64,
}

impl Default for Deadlines {
    fn default() -> Self {
        HostDeadlines::default().into()
    }
}

impl From<HostDeadlines> for Deadlines {
    fn from(HostDeadlines { connect, first_byte, between_bytes, total }: HostDeadlines) -> Self {
        let ms = |time: Duration| NonZeroU64::new(millis_u64(time)).unwrap_or(NonZeroU64::MIN);
        Self {
            connect_ms: ms(connect),
            first_byte_ms: ms(first_byte),
            between_bytes_ms: ms(between_bytes),
            total_ms: ms(total),
        }
    }
}

impl From<Deadlines> for HostDeadlines {
    fn from(deadlines: Deadlines) -> Self {
        let Deadlines { connect_ms, first_byte_ms, between_bytes_ms, total_ms } = deadlines;
        let time = |ms: NonZeroU64| Duration::from_millis(ms.get());
        Self {
            connect: time(connect_ms),
            first_byte: time(first_byte_ms),
            between_bytes: time(between_bytes_ms),
            total: time(total_ms),
        }
    }
}

/// The host never stores 0 here.
fn above_zero(size: usize) -> NonZeroU64 {
    u64::try_from(size).ok().and_then(NonZeroU64::new).unwrap_or(NonZeroU64::MIN)
}

fn size(bytes: NonZeroU64) -> usize {
    usize::try_from(bytes.get()).unwrap_or(usize::MAX)
}
