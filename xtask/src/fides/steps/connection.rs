//! Fides' test of its connection.

use anyhow::{Result, ensure};

use super::super::{api::POLLING, trial::Trial};

pub(super) fn fails(trial: &Trial) -> Result<String> {
    let (status, reason) = trial.fides().test(&POLLING)?;
    ensure!(status == "failed" && reason.contains("424"), "Fides shows {status}: {reason}");
    Ok(format!("Fides: {status} ({reason})"))
}

pub(super) fn succeeds(trial: &Trial) -> Result<String> {
    trial.host.set_vendor_key(&trial.stand_in.key)?;
    let (status, reason) = trial.fides().test(&POLLING)?;
    ensure!(status == "succeeded", "Fides shows {status}: {reason}");
    Ok(format!("Fides: {status}"))
}
