//! Limits the log lines that callers can cause without being let in: those about refused calls.
//!
//! Lines are counted by source in windows of a minute. The number of sources is bounded, and so is the number of lines
//! of all of them together, since one client can have any number of addresses.

use std::{
    collections::HashMap,
    net::{IpAddr, Ipv6Addr},
    sync::Arc,
    time::Duration,
};

use host_harness::clock::Clock;
use parking_lot::Mutex;
use tokio_util::sync::CancellationToken;

use crate::tasks::pause;

/// The length of a window.
pub(crate) const WINDOW: Duration = Duration::from_mins(1);

/// Lines of one source in a window: enough to see what it tries.
pub const MAX_LINES_OF_SOURCE: u32 = 20;

/// Lines of all sources in a window: at most 100 MB a day, at 300 bytes each.
pub const MAX_LINES: u32 = 200;

/// Sources that are counted separately in a window. All others count as one.
const MAX_SOURCES: usize = 1_000;

/// Where a call comes from.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum CallSource {
    /// The API key with that name.
    ApiKey(String),
    /// A network address. Of IPv6, all addresses of a network of 64 bits are one, since one client can use them all.
    Address(IpAddr),
    /// The address is not known, or there are too many sources.
    Other,
}

impl CallSource {
    /// The source of calls from `address`.
    pub fn of(address: Option<IpAddr>) -> Self {
        match address.map(|address| address.to_canonical()) {
            Some(IpAddr::V6(address)) => {
                let network = u128::from(address) & !u128::from(u64::MAX);
                Self::Address(Ipv6Addr::from(network).into())
            }
            Some(address) => Self::Address(address),
            None => Self::Other,
        }
    }
}

/// Decides which lines are logged. Clones share the counts.
#[derive(Clone, Debug, Default)]
pub struct RefusedLog(Arc<Mutex<Window>>);

#[derive(Debug, Default)]
struct Window {
    by_source: HashMap<CallSource, u32>,
    written: u32,
    left_out: u64,
}

impl RefusedLog {
    /// Counts a line about a call of `source`. Returns whether it may be written.
    pub fn permits(&self, source: &CallSource) -> bool {
        let mut window = self.0.lock();
        let is_known = window.by_source.contains_key(source);
        let source =
            if is_known || window.by_source.len() < MAX_SOURCES { source } else { &CallSource::Other };
        let of_source = match window.by_source.get_mut(source) {
            Some(lines) => {
                *lines = lines.saturating_add(1);
                *lines
            }
            None => *window.by_source.entry(source.clone()).or_insert(1),
        };
        let is_permitted = of_source <= MAX_LINES_OF_SOURCE && window.written < MAX_LINES;
        if is_permitted {
            window.written += 1;
        } else {
            window.left_out += 1;
        }
        is_permitted
    }

    /// Ends each window after its time, and the last one at the stop, with a line about what it left out.
    pub(crate) async fn run(self, clock: Arc<dyn Clock>, stop: CancellationToken) {
        while !stop.is_cancelled() {
            pause(&*clock, WINDOW, &stop).await;
            self.end_window();
        }
    }

    fn end_window(&self) {
        let Window { by_source, left_out, .. } = std::mem::take(&mut *self.0.lock());
        if left_out > 0 {
            tracing::warn!(
                left_out,
                sources = by_source.len(),
                "more calls were refused than are logged; connector_host_calls_refused_total and \
                 connector_host_deliveries_total count them"
            );
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(last: u32) -> CallSource {
        CallSource::of(Some(IpAddr::from(u32::to_be_bytes(0x0a00_0000 + last))))
    }

    fn permitted(log: &RefusedLog, source: &CallSource, calls: u32) -> u32 {
        (0..calls).map(|_| u32::from(log.permits(source))).sum()
    }

    #[test]
    fn a_source_has_its_share_of_lines_and_takes_none_of_anothers() {
        let log = RefusedLog::default();
        assert_eq!(permitted(&log, &address(1), 1_600), MAX_LINES_OF_SOURCE);
        assert_eq!(permitted(&log, &CallSource::ApiKey("platform".to_owned()), 25), MAX_LINES_OF_SOURCE);
        assert_eq!(permitted(&log, &address(2), 1), 1);
        assert_eq!(log.0.lock().left_out, 1_580 + 5);
        log.end_window();
        assert_eq!(permitted(&log, &address(1), 1), 1);
        assert_eq!(log.0.lock().left_out, 0);
    }

    #[test]
    fn any_number_of_sources_has_a_bounded_number_of_lines_and_of_entries() {
        let log = RefusedLog::default();
        let lines: u32 = (0..5_000).map(|last| permitted(&log, &address(last), 2)).sum();
        assert_eq!(lines, MAX_LINES);
        let window = log.0.lock();
        assert_eq!(window.by_source.len(), MAX_SOURCES + 1);
        assert_eq!(window.left_out, 10_000 - u64::from(MAX_LINES));
    }

    #[test]
    fn addresses_of_one_ipv6_network_are_one_source_and_mapped_ones_those_of_ipv4() {
        let of = |text: &str| CallSource::of(Some(text.parse().unwrap()));
        assert_eq!(of("2001:db8::1"), of("2001:db8::ffff:1"));
        assert_ne!(of("2001:db8::1"), of("2001:db8:0:1::1"));
        assert_eq!(of("::ffff:192.0.2.1"), of("192.0.2.1"));
        assert_ne!(of("192.0.2.1"), of("192.0.2.2"));
        assert_eq!(CallSource::of(None), CallSource::Other);
    }
}
