//! The alarms about releases in steps.

/// The alarm about a release that waits for an operator.
pub(super) const PAUSED: &str = "plugin-release-paused";

/// The alarm about a release that no operator rolled back.
pub(super) const ROLLED_BACK: &str = "plugin-release-rolled-back";
