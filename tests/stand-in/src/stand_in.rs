//! The handle of a running stand-in: it shows the stand-in's state and injects faults.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use tokio::task::JoinSet;

use crate::call::Received;
use crate::clock::Clock;
use crate::faults::{Fault, Planned};
use crate::keys::KeyKind;
use crate::outbox::{Delivery, Outcome};
use crate::project::acts::Act;
use crate::project::{Identifier, Profile, Project, Subscriptions};
use crate::shared::Shared;

/// A running stand-in. It stops when dropped.
#[derive(Debug)]
pub struct StandIn {
    shared: Arc<Shared>,
    address: SocketAddr,
    scheme: &'static str,
    /// Number of deliveries that [`StandIn::next_delivery`] has returned.
    handed_out: Mutex<usize>,
    /// Dropped last, which closes every connection.
    _tasks: JoinSet<()>,
}

/// The maximum time to wait. Only a failing test reaches it.
const MAX_WAIT: Duration = Duration::from_mins(2);

impl StandIn {
    pub(crate) fn new(
        shared: Arc<Shared>,
        scheme: &'static str,
        address: SocketAddr,
        tasks: JoinSet<()>,
    ) -> Self {
        Self { shared, address, scheme, handed_out: Mutex::new(0), _tasks: tasks }
    }

    /// Returns the address it listens on.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Returns its base URL, such as `http://127.0.0.1:4000`.
    pub fn url(&self) -> String {
        format!("{}://{}", self.scheme, self.address)
    }

    /// Returns the server-side standard key.
    pub fn api_key(&self) -> &str {
        self.shared.keys.of(KeyKind::Standard)
    }

    /// Returns the key of this kind.
    pub fn api_key_of(&self, kind: KeyKind) -> &str {
        self.shared.keys.of(kind)
    }

    /// Returns the clock that the whole stand-in follows.
    pub fn clock(&self) -> &Clock {
        self.shared.clock()
    }

    /// Returns every request received, in order, including those answered with a fault.
    pub fn requests(&self) -> Vec<Received> {
        self.shared.requests()
    }

    /// Waits until at least `count` requests have been received, and returns them.
    ///
    /// # Panics
    /// Panics if this takes more than two minutes.
    pub async fn requests_once(&self, count: usize) -> Vec<Received> {
        let requests = || Some(self.shared.requests()).filter(|requests| requests.len() >= count);
        self.once("enough requests", requests).await
    }

    /// Returns every request received, and clears the list.
    pub fn take_requests(&self) -> Vec<Received> {
        self.shared.take_requests()
    }

    /// Runs `work` on the project itself: its catalogue, webhooks, forgotten people and switches.
    pub fn with_project<T>(&self, work: impl FnOnce(&mut Project) -> T) -> T {
        let done = self.shared.with(work);
        self.shared.notify_changed();
        done
    }

    /// Returns a person's true state, which reads may not show yet. `None` if there is no such person. Text with an `@`
    /// is an e-mail address.
    pub fn person(&self, id: impl Into<Identifier>) -> Option<Profile> {
        let id = id.into();
        self.shared.with(|project| project.person(&id).cloned())
    }

    /// Returns a person's true subscription arrays. `None` before the first subscription action.
    pub fn subscriptions(&self, id: impl Into<Identifier>) -> Option<Subscriptions> {
        self.person(id).and_then(|profile| profile.subscriptions)
    }

    /// Returns whether a person's erasure has taken effect.
    pub fn is_forgotten(&self, id: impl Into<Identifier>) -> bool {
        let id = id.into();
        self.shared.with(|project| project.is_forgotten(&id))
    }

    /// Adds a person who counts as having existed for a long time. Text with an `@` is an e-mail address.
    pub fn seed(&self, id: impl Into<Identifier>, subscriptions: Option<Subscriptions>) {
        let (email, user_id) = match id.into() {
            Identifier::Email(email) => (Some(email), None),
            Identifier::UserId(id) => (None, Some(id)),
        };
        self.with_project(|project| project.seed(email.as_deref(), user_id.as_deref(), subscriptions));
    }

    /// Performs an act of a person, which triggers webhooks.
    pub fn act(&self, id: impl Into<Identifier>, act: &Act) {
        let id = id.into();
        self.with_project(|project| project.act(&id, act));
    }

    /// Delivers a body to every enabled webhook: JSON, or the text of a string verbatim.
    pub fn deliver(&self, body: &serde_json::Value) {
        self.with_project(|project| project.deliver(body));
    }

    /// Injects a fault into the next `times` requests to an endpoint such as `POST /api/users/forget`. A `*` matches
    /// anything. Paths are compared as received, percent-encoded.
    pub fn fault(&self, fault: Fault, on: impl Into<String>, times: u32) {
        self.shared.plan(Planned { fault, on: on.into(), times });
    }

    /// Returns the finished deliveries, in the order in which they finished, then the waiting ones.
    pub fn deliveries(&self) -> Vec<Delivery> {
        self.shared.with(|project| project.outbox.all())
    }

    /// Waits for the next finished delivery that has not been returned before.
    ///
    /// # Panics
    /// Panics if this takes more than two minutes.
    pub async fn next_delivery(&self) -> Delivery {
        self.once("a delivery", || self.hand_out()).await
    }

    /// Waits until `look` finds something, and returns it. `what` describes it for the panic message.
    async fn once<T>(&self, what: &str, look: impl Fn() -> Option<T>) -> T {
        let mut changed = self.shared.changes();
        let found = async {
            loop {
                changed.mark_unchanged();
                if let Some(found) = look() {
                    return found;
                }
                // The sender lives in `shared`, so waiting cannot fail.
                let _ = changed.changed().await;
            }
        };
        let found = tokio::time::timeout(MAX_WAIT, found).await;
        #[expect(clippy::panic, reason = "a test fails if what it waits for does not happen")]
        found.unwrap_or_else(|_| panic!("waited {MAX_WAIT:?} for {what}"))
    }

    fn hand_out(&self) -> Option<Delivery> {
        let mut handed_out = self.handed_out.lock();
        let next = self.shared.with(|project| project.outbox.ended(*handed_out).cloned())?;
        debug_assert_ne!(next.outcome, Outcome::Waiting);
        *handed_out += 1;
        Some(next)
    }
}
