//! The variant of the template for which the service calls Fides back.

use std::time::Duration;

use anyhow::{Result, ensure};
use serde_json::{Value, json};

use super::super::{
    api::{CALLED_BACK, POLLING},
    host::CONNECTION,
    trial::Trial,
};
use crate::programs::{
    document::{says, text},
    setup::refuse_once,
    wait::until,
};

/// The person whose erasure is called back.
const GUS: &str = "gus@example.com";
/// The person whose erasure the vendor first refuses.
const IAN: &str = "ian@example.com";
/// Fides' status of a task that awaits a callback.
const AWAITS: &str = "awaiting_processing";
/// Time for Fides' worker to send the request.
const PATIENCE: Duration = Duration::from_mins(1);

pub(super) fn called_back(trial: &Trial) -> Result<String> {
    let fides = trial.fides();
    fides.disable(&POLLING)?;
    fides.register(CALLED_BACK.variant)?;
    let callback = format!("{}/api/v1/request-task/callback", fides.client.address);
    let secrets = json!({ "domain": trial.host.domain(), "connection": CONNECTION, "api_key": trial.key,
        "callback_url": callback });
    fides.instantiate(&CALLED_BACK, &secrets)?;
    trial.stand_in.post("people", &json!({ "email": GUS }))?;
    let id = fides.erase(GUS)?;
    until("the erasure", PATIENCE, || Ok(fides.is_task(&id, AWAITS)?.then_some(())))?;
    completed(trial, &id, GUS)?;
    Ok(format!("Fides: {AWAITS}, then complete without a poll"))
}

pub(super) fn called_back_after_a_replay(trial: &Trial) -> Result<String> {
    let fides = trial.fides();
    refuse_once(&trial.stand_in, "POST /api/users/forget")?;
    let id = fides.erase(IAN)?;
    until("the erasure", PATIENCE, || Ok(fides.is_task(&id, AWAITS)?.then_some(())))?;
    let failed = trial.ended()?;
    says(&failed, "/state", "failed")?;
    let path = format!("/api/v1/requests/{}", text(&failed, "/id")?);
    until("the callback", PATIENCE, || {
        let request = trial.host.api.get(&path)?;
        Ok(request.pointer("/callback/given_up").is_some_and(Value::is_string).then_some(()))
    })?;
    trial.host.replay(&failed)?;
    completed(trial, &id, IAN)?;
    Ok(format!("Fides: {AWAITS}, since nothing is called back; after a replay at the service, complete"))
}

/// Waits until the erasure is proven and Fides has been called back.
fn completed(trial: &Trial, id: &str, email: &str) -> Result<()> {
    let request = trial.wait_for_proof()?;
    says(&request, "/state", "done")?;
    trial.fides().until(id, "complete")?;
    let truth = trial.stand_in.get(&format!("people/{email}"))?;
    ensure!(truth == json!({ "forgotten": true, "person": null }), "the vendor has {truth}");
    Ok(())
}
