//! Work that a caller began and that must not end with the caller's connection.
//! Tested in `api/src/tests/disconnects.rs`.

use std::{future::Future, sync::Arc, time::Duration};

use tokio::{sync::Semaphore, task::JoinHandle};
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

tokio::task_local! {
    /// Cancelled once the caller of the current work has left.
    static CALLER: CancellationToken;
}

/// Completes once the caller of the current work has left. Outside of such work, it never does.
pub(crate) async fn caller_left() {
    match CALLER.try_with(CancellationToken::clone) {
        Ok(caller) => caller.cancelled().await,
        Err(_) => std::future::pending().await,
    }
}

/// Work of callers that changes something. It runs to its end even if its caller disconnects. Clones share everything.
#[derive(Clone, Debug)]
pub struct CallerWork {
    /// A place for each work. Without a limit, a caller that disconnects and calls again begins any amount of it.
    places: Arc<Semaphore>,
    running: TaskTracker,
    cut_off: CancellationToken,
}

impl CallerWork {
    /// Creates work of which at most `places` run at once.
    pub(crate) fn new(places: usize) -> Self {
        let places = Arc::new(Semaphore::new(places.min(Semaphore::MAX_PERMITS)));
        Self { places, running: TaskTracker::new(), cut_off: CancellationToken::new() }
    }

    /// Runs `work` as a task of the service. Waits for a place first; from then on it runs to its end, even if the
    /// returned future is dropped.
    pub async fn run<T: Send + 'static>(
        &self,
        work: impl Future<Output = T> + Send + 'static,
    ) -> Result<T, WorkCutOff> {
        let cut_off = self.cut_off.clone();
        let entering = cut_off.run_until_cancelled(Arc::clone(&self.places).acquire_owned());
        let place = entering.await.and_then(Result::ok).ok_or(WorkCutOff)?;
        let caller = CancellationToken::new();
        let work = CALLER.scope(caller.clone(), work);
        let task = self.begin(async move {
            let _place = place;
            work.await
        });
        let _left = caller.drop_guard();
        task.await.ok().flatten().ok_or(WorkCutOff)
    }

    /// Starts `work` as a task of the service without waiting for a place: how much of it runs at once must be limited
    /// otherwise. The task returns `None` if the work was cut off.
    pub fn begin<T: Send + 'static>(
        &self,
        work: impl Future<Output = T> + Send + 'static,
    ) -> JoinHandle<Option<T>> {
        self.running.spawn(self.cut_off.clone().run_until_cancelled_owned(work))
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
        let work = CallerWork::new(2);
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

    #[tokio::test]
    async fn work_whose_caller_left_keeps_its_place_until_it_ends_and_a_waiting_caller_can_leave() {
        let work = CallerWork::new(1);
        let (go, gone) = tokio::sync::oneshot::channel::<()>();
        let left = work.run(gone);
        assert!(futures::poll!(Box::pin(left)).is_pending(), "and dropped");
        let begun = Arc::new(());
        let witness = Arc::clone(&begun);
        let waits = work.run(async move { drop(witness) });
        assert!(futures::poll!(Box::pin(waits)).is_pending(), "and dropped");
        assert_eq!(
            (work.running.len(), Arc::strong_count(&begun)),
            (1, 1),
            "it has not begun and never will"
        );
        let mut next = Box::pin(work.run(async { "done" }));
        assert!(futures::poll!(&mut next).is_pending());
        go.send(()).unwrap();
        assert_eq!(next.await, Ok("done"));
    }

    #[tokio::test]
    async fn work_that_waits_for_its_caller_alone_ends_when_the_caller_leaves() {
        let work = CallerWork::new(1);
        let mut waits = Box::pin(work.run(caller_left()));
        assert!(futures::poll!(&mut waits).is_pending());
        drop(waits);
        assert_eq!(work.run(async { "next" }).await, Ok("next"));
    }

    #[tokio::test]
    async fn work_that_waits_for_a_place_is_cut_off_at_a_stop() {
        let work = CallerWork::new(1);
        let (runs, waits) = (work.run(std::future::pending::<()>()), work.run(std::future::pending::<()>()));
        let ended = tokio::join!(biased; runs, waits, work.finish(Duration::ZERO));
        assert_eq!(ended, (Err(WorkCutOff), Err(WorkCutOff), CallerWorkEnd::CutOff));
    }
}
