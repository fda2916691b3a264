//! Work that a caller began and that must not end with the caller's connection.
//! Tested in `api/src/tests/disconnects.rs`.

use std::{future::Future, time::Duration};

use tokio_util::{sync::CancellationToken, task::TaskTracker};

/// The work was cut off, because the service is stopping. What it had stored remains.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the service stopped before this ended: look at what was changed, then try again")]
pub struct WorkCutOff;

/// How the work of callers ended at a stop.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum CallerWorkEnd {
    /// All of it ended in time.
    InTime,
    /// Some was cut off.
    CutOff,
}

/// Work of callers that changes something. It runs to its end even if its caller disconnects. Clones share everything.
#[derive(Clone, Debug, Default)]
pub struct CallerWork {
    running: TaskTracker,
    cut_off: CancellationToken,
}

impl CallerWork {
    /// Runs `work` to its end as a task of the service, even if the returned future is dropped.
    pub async fn run<T: Send + 'static>(
        &self,
        work: impl Future<Output = T> + Send + 'static,
    ) -> Result<T, WorkCutOff> {
        let cut_off = self.cut_off.clone();
        let task = self.running.spawn(async move { cut_off.run_until_cancelled_owned(work).await });
        task.await.ok().flatten().ok_or(WorkCutOff)
    }

    /// Waits for all work to end, and cuts it off after `grace`. Nothing may begin any more.
    pub(crate) async fn finish(&self, grace: Duration) -> CallerWorkEnd {
        self.running.close();
        let in_time = tokio::time::timeout(grace, self.running.wait()).await;
        if in_time.is_ok() {
            return CallerWorkEnd::InTime;
        }
        self.cut_off.cancel();
        self.running.wait().await;
        CallerWorkEnd::CutOff
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn work_goes_on_without_its_caller_and_is_cut_off_after_the_grace() {
        let work = CallerWork::default();
        let (done, ends) = tokio::sync::oneshot::channel();
        let (go, gone) = tokio::sync::oneshot::channel::<()>();
        let caller = work.run(async move {
            let _gone = gone.await;
            let _listened = done.send("done");
        });
        assert!(futures::poll!(Box::pin(caller)).is_pending(), "and dropped");
        go.send(()).unwrap();
        assert_eq!(ends.await, Ok("done"));
        let endless = work.run(std::future::pending::<()>());
        let (ended, finished) = tokio::join!(endless, work.finish(Duration::ZERO));
        assert_eq!((ended, finished), (Err(WorkCutOff), CallerWorkEnd::CutOff));
        assert_eq!(work.finish(Duration::ZERO).await, CallerWorkEnd::InTime);
    }
}
