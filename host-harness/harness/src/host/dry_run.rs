//! Dry runs: calls that change nothing.

use std::sync::Arc;

use crate::egress::{DryRun, Egress, Network};

/// Creates the egress for a dry run, which sends reads but no writes.
pub fn dry_run() -> Arc<Egress> {
    Arc::new(Egress::new(Arc::new(DryRun(Network::default()))))
}
