//! Options that select requests, for commands that list them or act on all of them.
//! Tested in `src/tests/server/bulk_acts.rs`.

use clap::Args;
use host_api::types::requests::RequestPage;
use serde_json::{Value, json};

use super::client::ApiCall;

/// Which requests to find: those that match every option.
#[derive(Clone, Debug, Default, PartialEq, Eq, Args)]
pub(super) struct RequestFilterArgs {
    /// Only requests of this connection.
    #[arg(long, value_name = "KEY")]
    connection: Option<String>,
    /// Only requests of this tenant.
    #[arg(long)]
    tenant: Option<String>,
    /// Only requests in this state: waiting, running, done, failed, skipped or expired.
    #[arg(long)]
    state: Option<String>,
    /// Only requests with this action: erasure, consent or reading.
    #[arg(long)]
    action: Option<String>,
    /// Only requests that wait for this: another-version, connection, parked, paused, vendor, limit, settling,
    /// earlier-request or retry.
    #[arg(long, value_name = "WHAT")]
    waits_for: Option<String>,
    /// Only requests that have not ended, of whose month less than a quarter is left.
    #[arg(long)]
    late: bool,
}

impl RequestFilterArgs {
    /// The call with the filter in its query.
    pub(super) fn add_to(self, call: ApiCall) -> ApiCall {
        call.with("connection", self.connection)
            .with("tenant", self.tenant)
            .with("state", self.state)
            .with("action", self.action)
            .with("waits_for", self.waits_for.map(|what| what.replace('-', "_")))
            .with("late", self.late.then_some(true))
    }

    /// The filter in the body of an act.
    pub(super) fn document(self) -> Value {
        let Self { connection, tenant, state, action, waits_for, late } = self;
        let waits_for = waits_for.map(|what| what.replace('-', "_"));
        json!({"connection": connection, "tenant": tenant, "state": state, "action": action, "waits_for": waits_for, "late": late})
    }
}

/// How many requests match.
pub(super) fn count_words(page: &RequestPage) -> String {
    match (page.count, page.count_is_exact) {
        (1, true) => "1 request matches".to_owned(),
        (count, true) => format!("{count} requests match"),
        (count, false) => format!("more than {count} requests match"),
    }
}
