//! The right of this replica to act at vendors, which lasts for a while from its last sign of life.

use std::{sync::Arc, time::Duration};

use host_store::Store;
use parking_lot::Mutex;
use tokio::time::{Instant, sleep_until};

/// How long after its last sign of life a replica may send to vendors. The others take over its work later than that, so that
/// a replica that was frozen sends nothing of what they have carried out in its place.
pub(crate) const SENDS_FOR: Duration = Duration::from_secs(10);

/// The right to send. Clones share it.
#[derive(Clone, Debug)]
pub(crate) enum SendingRight {
    /// No other process serves the database.
    Alone,
    /// Since when the last sign of life counts; `None` before the first one.
    Shared(Arc<Mutex<Option<Instant>>>),
}

impl SendingRight {
    /// Returns the right of a process that serves `store`.
    pub(crate) fn of(store: &Store) -> Self {
        if store.is_shared() { Self::Shared(Arc::default()) } else { Self::Alone }
    }

    /// Renews the right from `begun`, when a sign of life that succeeded was begun.
    pub(crate) fn renew(&self, begun: Instant) {
        if let Self::Shared(last) = self {
            *last.lock() = Some(begun);
        }
    }

    /// Returns whether this replica may send now.
    pub(crate) fn may_send(&self) -> bool {
        match self {
            Self::Alone => true,
            Self::Shared(last) => last.lock().is_some_and(|last| last.elapsed() < SENDS_FOR),
        }
    }
}

impl SendingRight {
    /// Completes when this replica may not send any more.
    pub(crate) async fn ended(&self) {
        let Self::Shared(last) = self else { return std::future::pending().await };
        loop {
            let Some(ends) = last.lock().map(|last| last + SENDS_FOR) else { return };
            if ends <= Instant::now() {
                return;
            }
            sleep_until(ends).await;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_right_lasts_for_a_while_from_each_sign_of_life() {
        let sending_right = SendingRight::Shared(Arc::default());
        assert!(!sending_right.may_send(), "it has not joined");
        sending_right.renew(Instant::now());
        assert!(sending_right.may_send());
        sending_right.renew(Instant::now().checked_sub(SENDS_FOR).unwrap());
        assert!(!sending_right.may_send());
        assert!(SendingRight::Alone.may_send());
    }
}
