//! Running tasks, each with a description.

use std::{collections::HashMap, future::Future, time::Duration};

use host_harness::clock::Clock;
use host_store::Tenure;
use tokio::task::{Id, JoinSet};
use tokio_util::sync::CancellationToken;

/// Running tasks, each described by a `T`. Dropping this aborts them.
pub(crate) struct Tasks<T> {
    set: JoinSet<()>,
    about: HashMap<Id, T>,
}

impl<T> Default for Tasks<T> {
    fn default() -> Self {
        Self { set: JoinSet::new(), about: HashMap::new() }
    }
}

impl<T> Tasks<T> {
    /// Returns the number of tasks that have not been joined.
    pub(crate) fn len(&self) -> usize {
        self.set.len()
    }

    /// Returns the descriptions of the tasks.
    pub(crate) fn about(&self) -> impl Iterator<Item = &T> {
        self.about.values()
    }

    /// Starts a task. One of a duty belongs to its tenure too.
    pub(crate) fn begin(&mut self, about: T, task: impl Future<Output = ()> + Send + 'static) {
        let task = self.set.spawn(Tenure::inherited(task));
        self.about.insert(task.id(), about);
    }

    /// Waits for a task to end and returns its description, or `None` if no task is running.
    pub(crate) async fn ended(&mut self) -> Option<T> {
        let ended = self.set.join_next_with_id().await?;
        self.about.remove(&ended.map_or_else(|error| error.id(), |(id, ())| id))
    }

    /// Removes the tasks that have ended.
    pub(crate) fn sweep(&mut self) {
        while let Some(ended) = self.set.try_join_next_with_id() {
            self.about.remove(&ended.map_or_else(|error| error.id(), |(id, ())| id));
        }
    }

    /// Lets the tasks end within `grace`, then aborts the rest. Returns whether all of them ended in time.
    pub(crate) async fn finish(&mut self, grace: Duration) -> bool {
        let all_ended = async { while self.set.join_next().await.is_some() {} };
        let in_time = tokio::time::timeout(grace, all_ended).await.is_ok();
        self.set.shutdown().await;
        in_time
    }
}

/// Waits for `wait`, or until the service stops.
pub(crate) async fn pause(clock: &dyn Clock, wait: Duration, stop: &CancellationToken) {
    let again_at = clock.now() + wait;
    // The caller checks which of the two it was.
    let _stopped = stop.run_until_cancelled(clock.sleep_until(again_at)).await;
}

/// Returns a time that is up to a quarter shorter, so that replicas do not look at the database in the same moments.
pub(crate) fn jittered(interval: Duration) -> Duration {
    interval.mul_f64(1.0 - fastrand::f64() / 4.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_task_that_panics_has_ended_like_any_other_and_is_named() {
        let mut tasks = Tasks::default();
        tasks.begin("lasting", std::future::pending());
        tasks.begin("broken", async { panic!("as the log shows") });
        assert_eq!(tasks.ended().await, Some("broken"));
        assert_eq!(tasks.about().collect::<Vec<_>>(), [&"lasting"]);
        assert!(!tasks.finish(Duration::ZERO).await, "one was cut off");
        assert_eq!(tasks.ended().await, None);
    }
}
