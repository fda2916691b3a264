//! Announces the ends of requests to callers that wait for one.

use std::sync::Arc;

use tokio::sync::broadcast::{Receiver, Sender, error::RecvError};

/// More than end while a waiting caller is scheduled. One that misses ends looks at its request again.
const CAPACITY: usize = 1_024;

/// Announces the ends of requests. Clones share the listeners.
#[derive(Clone)]
pub(crate) struct Ends(Sender<Arc<str>>);

impl Default for Ends {
    fn default() -> Self {
        Self(Sender::new(CAPACITY))
    }
}

impl Ends {
    /// Announces that the request with this id may have ended.
    pub(super) fn announce(&self, id: &str) {
        // No one listens most of the time.
        let _listeners = self.0.send(id.into());
    }

    /// Listens from now on.
    pub(super) fn listen(&self) -> EndListener {
        EndListener(self.0.subscribe())
    }
}

/// Hears of ends.
pub(super) struct EndListener(Receiver<Arc<str>>);

impl EndListener {
    /// Waits until the request with this id may have ended.
    pub(super) async fn heard_of(&mut self, id: &str) {
        loop {
            match self.0.recv().await {
                Ok(ended) if *ended == *id => return,
                Ok(_) => {}
                Err(RecvError::Lagged(_)) => return,
                Err(RecvError::Closed) => std::future::pending().await,
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_listener_hears_of_its_request_alone_and_looks_again_if_it_missed_some() {
        let ends = Ends::default();
        ends.announce("before");
        let mut listener = ends.listen();
        ends.announce("other");
        assert!(futures::poll!(Box::pin(listener.heard_of("mine"))).is_pending());
        ends.announce("mine");
        listener.heard_of("mine").await;
        for n in 0..=CAPACITY {
            ends.announce(&n.to_string());
        }
        listener.heard_of("mine").await;
    }
}
