//! The parts of the service that serve callers, and the background work that is made of them.

use std::{sync::Arc, time::Duration};

use host_harness::{clock::Clock, host::Host};
use host_model::approvers::Approvers;
use host_store::{PostgresAddress, Store};
use tokio_util::sync::CancellationToken;

use crate::{
    alarms::Alarms,
    announcer::Announcer,
    api_keys::ApiKeys,
    audit_trail::AuditTrail,
    bell::Bell,
    bulk_acts::BulkActs,
    caller_work::CallerWork,
    connections::{Connections, sources::Sources},
    consent::{
        apply::Apply, catalogue::Catalogue, feed::Feed, mappings::Mappings, read::Readings, upkeep::Upkeep,
    },
    erasure::Erasure,
    limits::StoredLedger,
    people::People,
    plugin_operations::PluginOperations,
    posts::{Posts, post::Poster},
    refused_log::RefusedLog,
    replica::Notifications,
    requests::{Requests, attempt::Attempts, ends::Ends, handler::Handlers, worker::Worker},
    served::Served,
    settings::{ConfigFile, ServiceConfig},
    sync_state::SyncState,
    telemetry::Telemetry,
    tokens::Tokens,
    webhooks::{
        inbox::{Inbox, InboxTurn},
        receive::{DeliveryIntake, Webhooks},
    },
};

/// The parts that serve callers. Clones share everything.
#[derive(Clone)]
pub struct Parts {
    /// The database.
    pub store: Store,
    /// The clock.
    pub clock: Arc<dyn Clock>,
    /// The host, and the reasons that it does not serve a connection.
    pub served: Served,
    /// Manages connections and plugin versions.
    pub connections: Connections,
    /// What callers do with versions of plugins.
    pub operations: PluginOperations,
    /// Accepts requests.
    pub requests: Requests,
    /// Acts on many requests at once.
    pub bulk_acts: BulkActs,
    /// Notices and systems.
    pub catalogue: Catalogue,
    /// The mappings from items to notices.
    pub mappings: Mappings,
    /// Consent events.
    pub feed: Feed,
    /// Webhook tokens.
    pub tokens: Tokens,
    /// Receives deliveries.
    pub webhooks: Webhooks,
    /// Reads deliveries.
    pub inbox: Inbox,
    /// Alarms.
    pub alarms: Alarms,
    /// API keys.
    pub api_keys: ApiKeys,
    /// The audit chains.
    pub audit: AuditTrail,
    /// Looks people up.
    pub people: People,
    /// Who may approve what somebody requested.
    pub approvers: Approvers,
    /// Metrics.
    pub telemetry: Telemetry,
    /// Limits log lines about refused calls.
    pub refused: RefusedLog,
    /// How far this replica serves the changes of the others.
    pub sync: SyncState,
    pub(crate) announcer: Announcer,
    /// What callers began, which runs to its end.
    pub caller_work: CallerWork,
}

impl Parts {
    /// Creates the parts around `host` and `store`, with the plugin sources of `settings`.
    pub(crate) fn new(
        host: Host,
        store: Store,
        clock: Arc<dyn Clock>,
        ledger: Arc<StoredLedger>,
        sync: SyncState,
        settings: &ConfigFile,
        service: &ServiceConfig,
    ) -> Self {
        let announcer = Announcer::default();
        let bell = || Bell::announced_by(announcer.clone());
        let (bell, arrived, telemetry) = (bell(), bell(), Telemetry::default());
        let refused = RefusedLog::default();
        let served = Served::new(host, service.public_url.as_deref(), sync.clone());
        let (stored, timed) = (|| store.clone(), || Arc::clone(&clock));
        let stopping = CancellationToken::new();
        let operations = PluginOperations::new(stored(), timed(), stopping.clone());
        let tokens = Tokens::lasting(stored(), timed(), service.token_lifetime, service.token_window);
        let handlers = Handlers {
            erasure: Arc::new(Erasure),
            consent: Arc::new(Apply { store: stored(), clock: timed() }),
            reading: Arc::new(Readings { clock: timed() }),
        };
        let requests = Requests {
            served: served.clone(),
            store: stored(),
            clock: timed(),
            ledger,
            bell: bell.clone(),
            handlers,
            ends: Ends::default(),
            stopping,
        };
        Self {
            bulk_acts: BulkActs::new(requests.clone(), service.approvers),
            requests,
            connections: Connections::new(
                served.clone(),
                stored(),
                timed(),
                bell.clone(),
                telemetry.clone(),
                operations.clone(),
                Sources::of(settings, service),
            ),
            operations,
            catalogue: Catalogue::new(stored(), timed()),
            mappings: Mappings::new(served.clone(), stored(), timed()),
            feed: Feed::new(stored(), timed()),
            webhooks: Webhooks {
                served: served.clone(),
                store: stored(),
                clock: timed(),
                tokens: tokens.clone(),
                intake: DeliveryIntake::start(stored()),
                telemetry: telemetry.clone(),
                refused: refused.clone(),
                arrived: arrived.clone(),
                rates: Arc::default(),
                body_timeout: service.edge.body_timeout,
            },
            inbox: Inbox {
                served: served.clone(),
                store: stored(),
                clock: timed(),
                telemetry: telemetry.clone(),
                arrived,
                bell,
                turn: InboxTurn::default(),
            },
            alarms: Alarms::new(stored(), timed()),
            api_keys: ApiKeys::new(stored(), timed()),
            audit: AuditTrail::new(stored(), timed()),
            people: People::new(stored(), timed()),
            approvers: service.approvers,
            tokens,
            served,
            telemetry,
            refused,
            sync,
            announcer,
            store,
            clock,
            caller_work: CallerWork::new(service.edge.max_connections),
        }
    }

    /// Creates the worker that carries out requests, up to `workers` at once.
    pub(crate) fn worker(&self, workers: u32) -> Worker {
        let attempts = Attempts {
            store: self.store.clone(),
            clock: Arc::clone(&self.clock),
            handlers: self.requests.handlers.clone(),
            versions: self.connections.versions().clone(),
            has_contradicted: Arc::default(),
            telemetry: self.telemetry.clone(),
            bell: self.requests.bell.clone(),
            ends: self.requests.ends.clone(),
        };
        Worker::new(self.served.clone(), attempts, workers)
    }

    /// Creates the upkeep of consent data. Events are kept for `keep_events`.
    pub(crate) fn upkeep(&self, keep_events: Duration) -> Upkeep {
        Upkeep { store: self.store.clone(), clock: Arc::clone(&self.clock), keep_events }
    }

    /// Returns what is rung when there may be requests or deliveries.
    pub(crate) fn bells(&self) -> [Bell; 2] {
        [self.requests.bell.clone(), self.inbox.arrived.clone()]
    }

    /// Creates the notifications between replicas, which are received at `address`.
    pub(crate) fn notifications(&self, address: Option<PostgresAddress>) -> Notifications {
        Notifications {
            store: self.store.clone(),
            address,
            announcer: self.announcer.clone(),
            bells: self.bells(),
            sync: self.sync.clone(),
            telemetry: self.telemetry.clone(),
        }
    }

    /// Creates the posts, which are sent with `poster`.
    pub(crate) fn posts(&self, poster: Poster) -> Posts {
        let (store, clock) = (self.store.clone(), Arc::clone(&self.clock));
        Posts { poster, store, clock, telemetry: self.telemetry.clone() }
    }
}
