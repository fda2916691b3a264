//! The state of the handlers in separate parts: a handler extracts the two or three that it uses.

use std::{sync::Arc, time::Duration};

use axum::extract::FromRef;
use host_harness::clock::Clock;
use host_model::approvers::Approvers;
use host_service::{
    alarms::Alarms,
    api_keys::ApiKeys,
    audit_trail::AuditTrail,
    bulk_acts::BulkActs,
    caller_work::CallerWork,
    connections::Connections,
    consent::{catalogue::Catalogue, feed::Feed, mappings::Mappings},
    parts::Parts,
    people::People,
    plugin_operations::PluginOperations,
    refused_log::RefusedLog,
    requests::Requests,
    served::Served,
    sync_state::SyncState,
    telemetry::Telemetry,
    tokens::Tokens,
    webhooks::{inbox::Inbox, receive::Webhooks},
};
use host_store::Store;

/// The state of the router.
#[derive(Clone, FromRef)]
pub(crate) struct Api {
    store: Store,
    clock: Arc<dyn Clock>,
    served: Served,
    connections: Connections,
    operations: PluginOperations,
    requests: Requests,
    bulk_acts: BulkActs,
    catalogue: Catalogue,
    mappings: Mappings,
    feed: Feed,
    tokens: Tokens,
    webhooks: Webhooks,
    inbox: Inbox,
    alarms: Alarms,
    keys: ApiKeys,
    audit: AuditTrail,
    people: People,
    approvers: Approvers,
    telemetry: Telemetry,
    refused: RefusedLog,
    sync: SyncState,
    caller_work: CallerWork,
}

impl Api {
    /// Runs what callers began to its end.
    pub(crate) fn caller_work(&self) -> CallerWork {
        self.caller_work.clone()
    }

    /// How long the body of a request may take to arrive.
    pub(crate) fn body_timeout(&self) -> Duration {
        self.webhooks.body_timeout()
    }
}

impl From<Parts> for Api {
    fn from(parts: Parts) -> Self {
        let Parts {
            store,
            clock,
            served,
            connections,
            operations,
            requests,
            bulk_acts,
            catalogue,
            mappings,
            feed,
            tokens,
            webhooks,
            inbox,
            alarms,
            api_keys,
            audit,
            people,
            approvers,
            telemetry,
            refused,
            sync,
            caller_work,
            ..
        } = parts;
        Self {
            store,
            clock,
            served,
            connections,
            operations,
            requests,
            bulk_acts,
            catalogue,
            mappings,
            feed,
            tokens,
            webhooks,
            inbox,
            alarms,
            keys: api_keys,
            audit,
            people,
            approvers,
            telemetry,
            refused,
            sync,
            caller_work,
        }
    }
}
