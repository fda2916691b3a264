//! The limits of one call of a connector.

use std::num::{NonZeroU32, NonZeroU64};

use host_harness::connection::CallLimits;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::merge_patch::merge_patch;

/// Declares the limits in one place: each with its type here, in the host and in the schema.
macro_rules! limits {
    ($($(#[doc = $doc:literal])+ $name:ident: $number:ident as $host:ident, $schema:ident $(, $max:tt)?;)+) => {
        /// The limits of one call. The operator's guide lists the defaults.
        #[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
        #[serde(deny_unknown_fields)]
        pub struct Limits {
            $(
                $(#[doc = $doc])+
                #[schema(value_type = $schema, minimum = 1 $(, maximum = $max)?)]
                pub $name: $number,
            )+
        }

        impl From<CallLimits> for Limits {
            fn from(limits: CallLimits) -> Self {
                // The host never stores 0 here.
                Self { $($name: limits.$name.try_into().ok().and_then($number::new).unwrap_or($number::MIN),)+ }
            }
        }

        impl From<Limits> for CallLimits {
            fn from(limits: Limits) -> Self {
                Self { $($name: limits.$name.get().try_into().unwrap_or($host::MAX),)+ }
            }
        }
    };
}

limits! {
    /// Bytes of all linear memories together.
    memory_bytes: NonZeroU64 as usize, u64;
    /// Linear memories.
    memories: NonZeroU32 as u32, u32, 4_294_967_295_u32;
    /// Core instances.
    core_instances: NonZeroU32 as u32, u32, 4_294_967_295_u32;
    /// Tables.
    tables: NonZeroU32 as u32, u32, 4_294_967_295_u32;
    /// Elements of all tables together.
    table_elements: NonZeroU64 as usize, u64;
    /// Milliseconds of CPU time.
    cpu_ms: NonZeroU64 as u64, u64;
    /// Milliseconds from start to end, including requests; more than a day counts as a day.
    wall_ms: NonZeroU64 as u64, u64;
    /// HTTP requests.
    requests: NonZeroU32 as u32, u32, 4_294_967_295_u32;
    /// Log lines.
    log_lines: NonZeroU32 as u32, u32, 4_294_967_295_u32;
    /// Bytes of one log line; longer lines are cut.
    log_line_bytes: NonZeroU64 as usize, u64;
    /// Bytes of log text, all lines together.
    log_bytes: NonZeroU64 as usize, u64;
    /// Bytes that the connector may pass in one host call.
    hostcall_bytes: NonZeroU64 as usize, u64;
    /// Bytes that it may pass in all host calls of one call together.
    handed_bytes: NonZeroU64 as usize, u64;
    /// Host calls, including refused ones.
    host_calls: NonZeroU32 as u32, u32, 4_294_967_295_u32;
    /// Resource handles.
    handles: NonZeroU64 as usize, u64;
}

merge_patch! {
    /// A change of the limits of one call.
    pub struct LimitsPatch of Limits
}

impl Default for Limits {
    fn default() -> Self {
        CallLimits::default().into()
    }
}
