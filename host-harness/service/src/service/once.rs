//! The duties that exist once, which the replica starts that leads.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use host_store::Tenure;
use tokio_util::sync::CancellationToken;

use crate::{
    clock_watch::ClockWatch,
    connections::{Connections, approval::Approval, import::ReloadError},
    database_watch,
    duties::DutyTasks,
    erasure_ledger, foreign_keys,
    parts::Parts,
    posts::{callbacks::CallbackPosters, forward::Forwarding, post::Poster},
    requests::history::RequestHistory,
    settings::{ServiceConfig, forward::ForwardConfig},
    tokens::schedule,
    webhooks::upkeep,
};

/// How long until the file is imported again if that failed.
const IMPORT_AGAIN_AFTER: Duration = Duration::from_secs(10);

/// Imports the connections of this replica's file, since it leads now.
async fn import(connections: Connections, stop: CancellationToken) {
    while !stop.is_cancelled() {
        match connections.reload(Approval::Missing).await {
            Ok(_) | Err(ReloadError::NoFile) => return stop.cancelled().await,
            Err(error) => tracing::error!(%error, "connections of the file not imported"),
        }
        tokio::select! {
            () = stop.cancelled() => {}
            () = tokio::time::sleep(IMPORT_AGAIN_AFTER) => {}
        }
    }
}

/// What the duties that exist once are made of.
pub(super) struct DutyParts {
    pub(super) parts: Parts,
    /// The tenure in which the connections of the file were imported at the start; `None` if another replica led then.
    pub(super) imported_in: Option<Tenure>,
    pub(super) poster: Poster,
    pub(super) callbacks: CallbackPosters,
    pub(super) config: ServiceConfig,
    pub(super) forwards: BTreeMap<String, ForwardConfig>,
}

impl DutyParts {
    /// Starts the duties, each under its name in the log.
    pub(super) fn begin(&self, duties: &mut DutyTasks) {
        let Self { parts, imported_in, poster, callbacks, config, forwards } = self;
        let (stop, store, timed) = (duties.stop.clone(), || parts.store.clone(), || Arc::clone(&parts.clock));
        let stopping = || stop.clone();
        let posts = parts.posts(poster.clone());
        let forwarding =
            Forwarding { posts: posts.clone(), feed: parts.feed.clone(), catalogue: parts.catalogue.clone() };
        if *imported_in != Some(duties.tenure.clone()) {
            duties.begin("file import", import(parts.connections.clone(), stopping()));
        }
        duties.begin("plugin pulls", parts.connections.clone().pull_plugins(stopping()));
        duties.begin("API key check", foreign_keys::run(store(), timed(), stopping()));
        duties.begin("database watch", database_watch::run(store(), timed(), stopping()));
        duties.begin("clock watch", ClockWatch::new(store(), timed()).run(stopping()));
        let ledger = config.erasure_ledger.clone();
        duties.begin("erasure ledger", erasure_ledger::run(store(), ledger, timed(), stopping()));
        duties.begin("callbacks", posts.clone().post_callbacks(callbacks.clone(), stopping()));
        duties.begin("bulk acts", parts.bulk_acts.clone().run(stopping()));
        duties.begin("consent upkeep", parts.upkeep(config.keep_events).run(stopping()));
        if let Some(keep) = config.keep_requests {
            let history = RequestHistory { store: store(), clock: timed(), keep };
            duties.begin("request history", history.run(stopping()));
        }
        duties.begin("alarms", posts.post_alarms(config.alarm_url.clone(), stopping()));
        let inbox = parts.inbox.clone();
        duties.begin("webhook upkeep", upkeep::run(inbox, config.keep_deliveries, stopping()));
        let refresh = schedule::run(parts.tokens.clone(), parts.served.clone(), stopping());
        duties.begin("token refresh", refresh);
        duties.begin("releases", parts.connections.clone().judge_releases(stopping()));
        duties.begin("forward", forwarding.run(forwards.clone(), stopping()));
    }
}
