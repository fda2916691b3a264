//! Choices made at the vendor, which the service stores in Fides.

use std::time::Duration;

use anyhow::Result;
use serde_json::json;

use super::super::{host::CONNECTION, trial::Trial};
use crate::programs::{
    setup::{DATA_USE, aim_webhook, unsubscribe},
    wait::until,
};

/// The person who unsubscribes at the vendor.
const EVE: &str = "eve@example.com";
/// The webhook that exists at the stand-in from the start.
const WEBHOOK: i64 = 4711;
/// Time for the event to reach Fides.
const PATIENCE: Duration = Duration::from_mins(1);

pub(super) fn stored(trial: &Trial) -> Result<String> {
    aim_webhook(&trial.host.api, &trial.stand_in, CONNECTION, WEBHOOK)?;
    trial.stand_in.post("people", &json!({ "email": EVE, "unsubscribedChannelIds": [] }))?;
    unsubscribe(&trial.stand_in, EVE)?;
    let opt_in = until("Fides' record of the choice", PATIENCE, || Ok(trial.fides().stored_choice(EVE)))?;
    Ok(format!("Fides: opt_in is {opt_in} for {DATA_USE}"))
}
