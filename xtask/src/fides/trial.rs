//! What the steps with Fides use.

use std::time::Duration;

use anyhow::{Context as _, Result};
use parking_lot::Mutex;
use serde_json::Value;

use super::{api::Api, host::ConnectorHost, platform::FidesServer};
use crate::programs::{
    document::{says, text},
    server::Server,
    stand_in::StandIn,
    wait::until,
};

/// Time in which the stand-in forgets a person and shows it.
const FORGETTING: Duration = Duration::from_mins(11);
/// Time for a request of the service to end once it is due.
const PATIENCE: Duration = Duration::from_secs(30);

/// Everything that runs. Programs end in the order of the fields.
pub(super) struct Trial {
    pub(super) platform: FidesServer,
    pub(super) host: ConnectorHost,
    pub(super) stand_in: StandIn,
    pub(super) _servers: [Server; 2],
    /// The API key for Fides.
    pub(super) key: String,
    /// The privacy request that the next step continues.
    pub(super) open: Mutex<String>,
}

impl Trial {
    pub(super) fn fides(&self) -> &Api {
        &self.platform.api
    }

    /// Moves the dates of the vendor and of the service ahead.
    pub(super) fn pass(&self, time: Duration) -> Result<()> {
        self.stand_in.pass(u32::try_from(time.as_secs())?)?;
        self.host.advance(time)
    }

    /// Moves the dates ahead by the time that the vendor takes to forget a person, once the newest erasure is sent.
    /// Returns the newest request of the service once it has ended.
    pub(super) fn wait_for_proof(&self) -> Result<Value> {
        until("the erasure", PATIENCE, || {
            let is_sent = says(&self.host.newest_erasure()?, "/step", "confirm").is_ok();
            Ok(is_sent.then_some(()))
        })?;
        self.pass(FORGETTING)?;
        self.ended()
    }

    /// Returns the newest request of the service once it has ended.
    pub(super) fn ended(&self) -> Result<Value> {
        let request = self.host.newest_request()?;
        let path = format!("/api/v1/requests/{}", text(&request, "/id")?);
        until("the request", PATIENCE, || {
            let request = self.host.api.get(&path)?;
            let has_ended = request.pointer("/finished_at").is_some_and(Value::is_number);
            Ok(has_ended.then_some(request))
        })
        .with_context(|| path.clone())
    }

    /// Polls, and waits until Fides has looked at the privacy request and found that it has to wait on.
    pub(super) fn poll_in_vain(&self, id: &str) -> Result<()> {
        let before = self.fides().polls(id)?;
        self.platform.poll()?;
        until("the poll", PATIENCE, || Ok((self.fides().polls(id)? > before).then_some(())))
    }
}
