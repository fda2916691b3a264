//! Calls that change nothing.

use std::sync::Arc;

use crate::egress::{DryRun, Egress, Network};

/// A way out that reads for real and writes nothing: what a dry run goes through.
pub fn dry_run() -> Arc<Egress> {
    Arc::new(Egress::new(Arc::new(DryRun(Network::default()))))
}
