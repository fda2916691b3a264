//! The duties that exist once, which the replica carries out that leads.

use std::{future::Future, time::Duration};

use host_store::Tenure;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use crate::tasks::Tasks;

/// The duties of one tenure. None of them writes after its end.
pub(crate) struct DutyTasks {
    pub(crate) tenure: Tenure,
    tasks: Tasks<&'static str>,
    /// Cancelled when the tenure or the service ends.
    pub(crate) stop: CancellationToken,
}

impl DutyTasks {
    /// Starts a duty, under its name in the log.
    pub(crate) fn begin(&mut self, name: &'static str, duty: impl Future<Output = ()> + Send + 'static) {
        self.tasks.begin(name, self.tenure.clone().scope(duty));
    }
}

/// Carries out duties in each tenure of this replica until `stop` is cancelled; `begin` starts them. Those in progress end
/// within `grace`. Returns early if one of them ends unexpectedly.
pub(crate) async fn run(
    mut tenures: watch::Receiver<Option<Tenure>>,
    begin: impl Fn(&mut DutyTasks) + Send,
    stop: CancellationToken,
    grace: Duration,
) {
    loop {
        let led = stop.run_until_cancelled(tenures.wait_for(Option::is_some)).await;
        let Some(Ok(Some(tenure))) = led.map(|led| led.map(|led| led.clone())) else {
            return stop.cancelled().await;
        };
        tracing::info!(term = tenure.term(), "this replica leads");
        let mut duties =
            DutyTasks { tenure: tenure.clone(), tasks: Tasks::default(), stop: stop.child_token() };
        begin(&mut duties);
        let ended = tokio::select! {
            // At a stop, duties end by themselves.
            biased;
            () = stop.cancelled() => None,
            // An error means that the signs of life have ended.
            _ = tenures.wait_for(|current| *current != Some(tenure.clone())) => None,
            ended = duties.tasks.ended() => ended,
        };
        duties.stop.cancel();
        duties.tasks.finish(grace).await;
        if let Some(duty) = ended {
            tracing::error!(duty, "duty ended unexpectedly");
            return;
        }
        if stop.is_cancelled() || tenures.has_changed().is_err() {
            return stop.cancelled().await;
        }
        tracing::warn!(term = tenure.term(), "this replica no longer leads");
    }
}

#[cfg(test)]
mod tests;
