//! Consent from Fides to the vendor.

use std::time::Duration;

use anyhow::{Result, ensure};
use serde_json::json;

use super::{
    super::{
        api::{Choice, POLLING},
        host::NOTICE,
        trial::Trial,
    },
    erasure::ADA,
};
use crate::programs::{
    document::says,
    setup::{CHANNEL, refuse_once},
    wait::until,
};

/// The person who leaves and comes back.
const BOB: &str = "bob@example.com";
/// The person whose choice the vendor first refuses.
const DAN: &str = "dan@example.com";
/// The person who opts in during the erasure.
const HAL: &str = "hal@example.com";
/// Time for Fides' worker to do something.
const PATIENCE: Duration = Duration::from_mins(1);
/// Time in which the vendor shows what was written.
const LAG: Duration = Duration::from_secs(61);

pub(super) fn opted_out(trial: &Trial) -> Result<String> {
    trial.stand_in.post("people", &json!({ "email": BOB, "unsubscribedChannelIds": [] }))?;
    let message = chosen(trial, Choice::OptOut)?;
    ensure!(is_out(trial, BOB)?, "the vendor still has the person in the channel");
    Ok(message)
}

pub(super) fn opted_in(trial: &Trial) -> Result<String> {
    // A second choice within that time would be answered 202, before it is carried out.
    trial.pass(LAG)?;
    let message = chosen(trial, Choice::OptIn)?;
    ensure!(!is_out(trial, BOB)?, "the vendor still has the person out of the channel");
    Ok(message)
}

pub(super) fn about_an_unknown_notice(trial: &Trial) -> Result<String> {
    trial.fides().set_target(&POLLING, "unknown")?;
    let id = trial.fides().consent(BOB, Choice::OptOut)?;
    trial.fides().until(&id, "error")?;
    trial.fides().set_target(&POLLING, NOTICE)?;
    trial.fides().shows(&id, "error")
}

pub(super) fn of_a_forgotten_person(trial: &Trial) -> Result<String> {
    let id = trial.fides().consent(ADA, Choice::OptIn)?;
    trial.fides().until(&id, "error")?;
    let truth = trial.stand_in.get(&format!("people/{ADA}"))?;
    ensure!(truth == json!({ "forgotten": true, "person": null }), "the vendor has {truth}");
    trial.fides().shows(&id, "error")
}

pub(super) fn refused(trial: &Trial) -> Result<String> {
    trial.stand_in.post("people", &json!({ "email": DAN, "unsubscribedChannelIds": [] }))?;
    refuse_once(&trial.stand_in, "DELETE /api/subscriptions/messageChannel/*")?;
    let id = trial.fides().consent(DAN, Choice::OptOut)?;
    trial.fides().until(&id, "error")?;
    let shown = trial.fides().shows(&id, "error")?;
    ensure!(!is_out(trial, DAN)?, "the vendor has carried out what it refused");
    trial.fides().retry(&id)?;
    trial.fides().until(&id, "complete")?;
    ensure!(is_out(trial, DAN)?, "the vendor still has the person in the channel");
    Ok(format!("{shown}; after a retry in Fides, complete"))
}

pub(super) fn held_back(trial: &Trial) -> Result<String> {
    trial.stand_in.post("people", &json!({ "email": HAL }))?;
    let erasure = trial.fides().erase(HAL)?;
    until("the erasure", PATIENCE, || Ok((trial.fides().polls(&erasure)? > 0).then_some(())))?;
    let id = trial.fides().consent(HAL, Choice::OptIn)?;
    trial.fides().until(&id, "complete")?;
    let waiting = trial.host.newest_request()?;
    says(&waiting, "/state", "waiting")?;
    let refused = trial.wait_for_proof()?;
    ensure!(refused.to_string().contains("refused"), "the opt-in was not refused: {refused}");
    trial.platform.poll()?;
    trial.fides().until(&erasure, "complete")?;
    Ok("Fides: complete at once; the service refuses the choice after the erasure".to_owned())
}

fn chosen(trial: &Trial, choice: Choice) -> Result<String> {
    let id = trial.fides().consent(BOB, choice)?;
    trial.fides().until(&id, "complete")?;
    let request = trial.host.newest_request()?;
    says(&request, "/state", "done")?;
    trial.fides().shows(&id, "complete")
}

fn is_out(trial: &Trial, email: &str) -> Result<bool> {
    Ok(trial.stand_in.get(&format!("people/{email}"))?.to_string().contains(CHANNEL))
}
