//! The running stand-in: looked into, and made to misbehave.

use std::net::SocketAddr;
use std::sync::Arc;

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

/// A local Iterable, gone when it is dropped.
#[derive(Debug)]
pub struct StandIn {
    shared: Arc<Shared>,
    address: SocketAddr,
    scheme: &'static str,
    /// How many deliveries [`StandIn::next_delivery`] has handed out.
    handed_out: Mutex<usize>,
    /// Dropped last of all, and with it every connection.
    _tasks: JoinSet<()>,
}

impl StandIn {
    pub(crate) fn new(
        shared: Arc<Shared>,
        (scheme, address): (&'static str, SocketAddr),
        tasks: JoinSet<()>,
    ) -> Self {
        Self { shared, address, scheme, handed_out: Mutex::new(0), _tasks: tasks }
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Its base address, such as `http://127.0.0.1:4000`.
    pub fn url(&self) -> String {
        format!("{}://{}", self.scheme, self.address)
    }

    /// The server-side standard key.
    pub fn api_key(&self) -> &str {
        self.shared.keys.of(KeyKind::Standard)
    }

    /// A key of that kind.
    pub fn api_key_of(&self, kind: KeyKind) -> &str {
        self.shared.keys.of(kind)
    }

    /// The clock that everything here goes by.
    pub fn clock(&self) -> &Clock {
        self.shared.clock()
    }

    /// Every request received, in order; those that a fault befell too.
    pub fn requests(&self) -> Vec<Received> {
        self.shared.requests()
    }

    /// The same, once there are at least `count`.
    pub async fn requests_once(&self, count: usize) -> Vec<Received> {
        let mut changed = self.shared.changes();
        loop {
            changed.mark_unchanged();
            let requests = self.shared.requests();
            if requests.len() >= count {
                return requests;
            }
            // The sender lives in `shared`, so waiting cannot fail.
            let _ = changed.changed().await;
        }
    }

    /// The same, leaving none.
    pub fn take_requests(&self) -> Vec<Received> {
        self.shared.take_requests()
    }

    /// Works on the project itself: catalogue, webhooks, forgotten people, switches.
    pub fn with_project<T>(&self, work: impl FnOnce(&mut Project) -> T) -> T {
        let done = self.shared.with(work);
        self.shared.tell();
        done
    }

    /// A person's true state, whatever reads show yet; none where nobody is there. Text with an `@` is an e-mail.
    pub fn person(&self, id: impl Into<Identifier>) -> Option<Profile> {
        let id = id.into();
        self.shared.with(|project| project.person(&id).cloned())
    }

    /// A person's true arrays; none before the first subscription action.
    pub fn subscriptions(&self, id: impl Into<Identifier>) -> Option<Subscriptions> {
        self.person(id).and_then(|profile| profile.subscriptions)
    }

    /// Whether a person's erasure is in effect.
    pub fn is_forgotten(&self, id: impl Into<Identifier>) -> bool {
        let id = id.into();
        self.shared.with(|project| project.is_forgotten(&id))
    }

    /// Puts a person in who was there for long. Text with an `@` is an e-mail.
    pub fn seed(&self, id: impl Into<Identifier>, subscriptions: Option<Subscriptions>) {
        let (email, user_id) = match id.into() {
            Identifier::Email(email) => (Some(email), None),
            Identifier::UserId(id) => (None, Some(id)),
        };
        self.with_project(|project| project.seed(email.as_deref(), user_id.as_deref(), subscriptions));
    }

    /// Lets a person do something, which webhooks tell of.
    pub fn act(&self, id: impl Into<Identifier>, act: &Act) {
        let id = id.into();
        self.with_project(|project| project.act(&id, act));
    }

    /// Delivers a body to every enabled webhook: JSON, or the text of a string as it is.
    pub fn deliver(&self, body: &serde_json::Value) {
        self.with_project(|project| project.deliver(body));
    }

    /// Makes the next `times` requests to an endpoint such as `POST /api/users/forget` go wrong; a `*` stands for
    /// anything. Paths are compared as they come, encoded.
    pub fn fault(&self, fault: Fault, on: impl Into<String>, times: u32) {
        self.shared.plan(Planned { fault, on: on.into(), times });
    }

    /// Deliveries that ended, in that order, then those that wait.
    pub fn deliveries(&self) -> Vec<Delivery> {
        self.shared.with(|project| project.outbox.all())
    }

    /// The next delivery that ended and was not handed out yet; waits for it.
    pub async fn next_delivery(&self) -> Delivery {
        let mut changed = self.shared.changes();
        loop {
            changed.mark_unchanged();
            if let Some(delivery) = self.hand_out() {
                return delivery;
            }
            // The sender lives in `shared`, so waiting cannot fail.
            let _ = changed.changed().await;
        }
    }

    fn hand_out(&self) -> Option<Delivery> {
        let mut handed_out = self.handed_out.lock();
        let next = self.shared.with(|project| project.outbox.ended(*handed_out).cloned())?;
        debug_assert_ne!(next.outcome, Outcome::Waiting);
        *handed_out += 1;
        Some(next)
    }
}
