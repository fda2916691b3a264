//! Erasures that Fides polls.

use std::time::Duration;

use anyhow::{Result, ensure};
use serde_json::json;

use super::super::trial::Trial;
use crate::programs::{
    document::{says, text},
    setup::refuse_once,
    wait::until,
};

/// The person who is forgotten.
pub(super) const ADA: &str = "ada@example.com";
/// The person whose erasure the vendor first refuses.
const CYD: &str = "cyd@example.com";
/// Time for Fides' worker to do something.
const PATIENCE: Duration = Duration::from_mins(1);

pub(super) fn sent(trial: &Trial) -> Result<String> {
    trial.stand_in.post("people", &json!({ "email": ADA }))?;
    let id = trial.fides().erase(ADA)?;
    until("the erasure", PATIENCE, || Ok((trial.fides().polls(&id)? > 0).then_some(())))?;
    trial.poll_in_vain(&id)?;
    trial.fides().until(&id, "in_processing")?;
    let shown = trial.fides().shows(&id, "in_processing")?;
    *trial.open.lock() = id;
    Ok(format!("{shown}, also after a poll"))
}

pub(super) fn restarted(trial: &Trial) -> Result<String> {
    let id = trial.open.lock().clone();
    let before = trial.fides().polls(&id)?;
    trial.host.stop();
    trial.platform.poll()?;
    until("the task", PATIENCE, || Ok(trial.fides().is_task(&id, "in_processing")?.then_some(())))?;
    until("the poll's connection", PATIENCE, || Ok(trial.host.has_waiting_client()?.then_some(())))?;
    ensure!(trial.fides().polls(&id)? == before, "the poll has ended, although the service was down");
    trial.host.start_again()?;
    until("the poll", PATIENCE, || Ok((trial.fides().polls(&id)? > before).then_some(())))?;
    trial.fides().until(&id, "in_processing")?;
    Ok("Fides: in_processing; the poll waited for the service and was answered".to_owned())
}

pub(super) fn proven(trial: &Trial) -> Result<String> {
    let id = trial.open.lock().clone();
    let request = trial.wait_for_proof()?;
    says(&request, "/state", "done")?;
    trial.platform.poll()?;
    trial.fides().until(&id, "complete")?;
    let truth = trial.stand_in.get(&format!("people/{ADA}"))?;
    ensure!(truth == json!({ "forgotten": true, "person": null }), "the vendor has {truth}");
    trial.fides().shows(&id, "complete")
}

pub(super) fn refused(trial: &Trial) -> Result<String> {
    refuse_once(&trial.stand_in, "POST /api/users/forget")?;
    let id = trial.fides().erase(CYD)?;
    until("the erasure", PATIENCE, || Ok((trial.fides().polls(&id)? > 0).then_some(())))?;
    let request = trial.ended()?;
    says(&request, "/state", "failed")?;
    trial.platform.poll()?;
    trial.fides().until(&id, "error")?;
    let shown = trial.fides().shows(&id, "error")?;
    *trial.open.lock() = id;
    let reason = text(&request, "/reason")?.split(':').next().unwrap_or_default();
    Ok(format!("{shown}; in the service: {reason}"))
}

pub(super) fn retried(trial: &Trial) -> Result<String> {
    let id = trial.open.lock().clone();
    // Fides polls the same request of the service again.
    trial.fides().retry(&id)?;
    trial.fides().until(&id, "error")?;
    let request = trial.host.newest_request()?;
    trial.host.replay(&request)?;
    let before = trial.fides().polls(&id)?;
    trial.fides().retry(&id)?;
    until("the retry", PATIENCE, || Ok((trial.fides().polls(&id)? > before).then_some(())))?;
    let replayed = trial.wait_for_proof()?;
    ensure!(replayed.pointer("/id") == request.pointer("/id"), "another request was created: {replayed}");
    says(&replayed, "/state", "done")?;
    trial.platform.poll()?;
    trial.fides().until(&id, "complete")?;
    Ok("Fides: error again; after a replay at the service, complete".to_owned())
}
