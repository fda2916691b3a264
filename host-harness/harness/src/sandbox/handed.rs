//! Limits on the data that a guest may pass to the host in all host calls of one call, including refused ones.

use crate::connection::CallLimits;

/// The guest has exceeded a limit, which ends its call.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum TransferLimitExceeded {
    /// Too many host calls.
    #[error("more than {0} host calls (limits.host-calls)")]
    Calls(u32),
    /// Too many bytes.
    #[error("more than {0} bytes in all its host calls (limits.handed-bytes)")]
    Bytes(usize),
}

/// The remaining allowance.
pub(crate) struct TransferBudget {
    calls: u32,
    calls_left: u32,
    bytes: usize,
    bytes_left: usize,
}

impl TransferBudget {
    pub(super) fn new(limits: &CallLimits) -> Self {
        Self {
            calls: limits.host_calls,
            calls_left: limits.host_calls,
            bytes: limits.handed_bytes,
            bytes_left: limits.handed_bytes,
        }
    }

    /// Counts a host call with arguments of `bytes`.
    pub(crate) fn count(&mut self, bytes: usize) -> Result<(), TransferLimitExceeded> {
        self.calls_left = self.calls_left.checked_sub(1).ok_or(TransferLimitExceeded::Calls(self.calls))?;
        self.bytes_left =
            self.bytes_left.checked_sub(bytes).ok_or(TransferLimitExceeded::Bytes(self.bytes))?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_call_and_the_byte_past_the_limit_are_refused_by_name() {
        let limits = CallLimits { host_calls: 2, handed_bytes: 10, ..CallLimits::default() };
        let mut handed = TransferBudget::new(&limits);
        assert_eq!((handed.count(10), handed.count(0)), (Ok(()), Ok(())));
        assert_eq!(handed.count(0), Err(TransferLimitExceeded::Calls(2)));
        assert_eq!(TransferBudget::new(&limits).count(11), Err(TransferLimitExceeded::Bytes(10)));
    }
}
