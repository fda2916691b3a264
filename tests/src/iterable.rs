//! The Iterable stand-in and a connection to it: a tenant's project for one test.

use std::{sync::Arc, time::Duration};

use host_harness::{
    clock::ManualClock,
    connection::ConnectionSpec,
    contract::{
        ConnectorError, Subject,
        consent::{Choice, Preference, Report},
        erasure::{PendingErasure, Receipt},
    },
    egress::{Egress, Network, Reach},
    plugin::Plugin,
    sandbox::{Calls, Runtime},
};
use iterable_stand_in::{ProjectType, StandIn, Switches};

use crate::{
    bench::{secret, spec},
    components::component,
    engine::engine,
};

/// Longer than Iterable takes to show a write, and than the period of any published limit per second.
pub const SETTLED: Duration = Duration::from_secs(81);
/// Longer than Iterable takes to forget a person.
pub const FORGOTTEN: Duration = Duration::from_secs(701);

/// A project at the stand-in, and a connection to it.
pub struct Project {
    /// The vendor.
    pub stand_in: StandIn,
    /// The connection's calls.
    pub calls: Calls,
    clock: Arc<ManualClock>,
}

impl Project {
    /// Starts a project of this type, with the plugin `iterable`.
    pub async fn new(kind: ProjectType, switches: Switches) -> Self {
        Self::with(kind, switches, |_| {}).await
    }

    /// Like [`Project::new`], with the connection changed before it is resolved.
    pub async fn with(
        kind: ProjectType,
        switches: Switches,
        change: impl FnOnce(&mut ConnectionSpec),
    ) -> Self {
        Self::on(&component("iterable").await, kind, switches, change).await
    }

    /// Like [`Project::with`], on another build of the plugin.
    ///
    /// # Panics
    /// Panics if the stand-in does not start.
    pub async fn on(
        plugin: &Arc<Plugin>,
        kind: ProjectType,
        switches: Switches,
        change: impl FnOnce(&mut ConnectionSpec),
    ) -> Self {
        let stand_in = StandIn::builder().project(kind).switches(switches).start().await;
        Self::at(stand_in.unwrap_or_else(|error| panic!("{error}")), plugin, kind, change)
    }

    /// Like [`Project::on`], at a stand-in that is already running.
    ///
    /// # Panics
    /// Panics if the connection does not suit the plugin.
    pub fn at(
        stand_in: StandIn,
        plugin: &Arc<Plugin>,
        kind: ProjectType,
        change: impl FnOnce(&mut ConnectionSpec),
    ) -> Self {
        stand_in.clock().freeze();
        let mut spec = spec("iterable", &[("project-type", name(kind))]);
        point_at(&stand_in, &mut spec);
        change(&mut spec);
        let connection = spec.resolve(plugin.manifest()).unwrap_or_else(|errors| panic!("{errors:?}"));
        let clock = Arc::new(ManualClock::default());
        let egress = Egress::with_clock(Arc::new(Network::default()), Arc::clone(&clock) as _);
        let runtime = Runtime::new(engine(), 16, Arc::clone(&clock) as _, Arc::new(egress));
        let calls = Calls::new(runtime, Arc::clone(plugin), Arc::new(connection));
        Self { stand_in, calls, clock }
    }

    /// Advances the clocks of the host and of Iterable.
    pub fn pass(&self, time: Duration) {
        self.clock.advance(time);
        self.stand_in.clock().advance(time);
    }

    /// Returns the host's clock.
    pub fn clock(&self) -> &ManualClock {
        &self.clock
    }

    /// Erases a person, then advances the clocks past the published limits per second.
    ///
    /// # Panics
    /// Panics if the sandbox ends the call.
    pub async fn erase(&self, subject: &Subject) -> Result<Receipt, ConnectorError> {
        let receipt = self.calls.erase(subject).await;
        self.pass(Duration::from_secs(2));
        receipt.unwrap_or_else(|failure| panic!("{failure}"))
    }

    /// Checks whether the erasure of `receipt` has taken effect.
    ///
    /// # Panics
    /// Panics if the call fails or returns no receipt.
    pub async fn confirm(&self, subject: &Subject, receipt: &Receipt) -> Receipt {
        let pending = PendingErasure { subject: subject.clone(), reference: receipt.reference.clone() };
        let receipts = self.calls.confirm(&[pending]).await;
        self.pass(Duration::from_secs(2));
        let mut receipts =
            receipts.unwrap_or_else(|failure| panic!("{failure}")).unwrap_or_else(|error| panic!("{error}"));
        receipts.pop().unwrap_or_else(|| panic!("no receipt"))
    }

    /// Applies choices such as `opt-out channel:6539`, then advances the clocks until Iterable shows them.
    ///
    /// # Panics
    /// Panics if the sandbox ends the call.
    pub async fn apply(&self, subject: &Subject, choices: &[&str]) -> Result<Report, ConnectorError> {
        let report = self.calls.apply(subject, &preferences(choices)).await;
        self.pass(SETTLED);
        report.unwrap_or_else(|failure| panic!("{failure}"))
    }

    /// Returns whether Iterable has forgotten Ada under every identifier that a project of this type uses.
    pub fn is_forgotten(&self, kind: ProjectType) -> bool {
        let by_email = kind == ProjectType::UserId || self.stand_in.is_forgotten("ada@example.com");
        by_email && (kind == ProjectType::Email || self.stand_in.is_forgotten("u-17"))
    }

    /// Returns method and path of every request since the last call.
    pub fn requested(&self) -> Vec<String> {
        self.stand_in
            .take_requests()
            .into_iter()
            .map(|request| format!("{} {}", request.method, request.path))
            .collect()
    }
}

/// Points `spec` at `stand_in`, with its key.
pub fn point_at(stand_in: &StandIn, spec: &mut ConnectionSpec) {
    let host = stand_in.address().to_string();
    spec.settings.insert("domain".to_owned(), host.clone());
    spec.policy.hosts.insert(host);
    spec.policy.reach = Reach::Loopback;
    spec.secrets.insert("api-key".to_owned(), secret(stand_in.api_key()));
}

fn name(kind: ProjectType) -> &'static str {
    match kind {
        ProjectType::Email => "email",
        ProjectType::UserId => "user-id",
        ProjectType::Hybrid => "hybrid",
    }
}

/// Returns Ada, with the identifiers that a project of this type uses.
pub fn ada(kind: ProjectType) -> Subject {
    match kind {
        ProjectType::Email => Subject::email("ada@example.com"),
        ProjectType::UserId => Subject::default().and("user-id", "u-17"),
        ProjectType::Hybrid => Subject::email("ada@example.com").and("user-id", "u-17"),
    }
}

/// Parses preferences such as `opt-out channel:6539`, chosen one after another.
///
/// # Panics
/// Panics if one of them has another form.
pub fn preferences(choices: &[&str]) -> Vec<Preference> {
    let preference = |(at, choice): (u64, &&str)| {
        let Some((choice, item)) = choice.split_once(' ') else {
            panic!("expected a choice and an item, found {choice:?}")
        };
        let choice = match choice {
            "opt-in" => Choice::OptIn,
            "opt-out" => Choice::OptOut,
            other => panic!("expected opt-in or opt-out, found {other:?}"),
        };
        Preference {
            item: item.parse().unwrap_or_else(|error| panic!("{error}")),
            choice,
            chosen_at_ms: 1_790_000_000_000 + at * 1_000,
            source: "PrivacyCenter".to_owned(),
        }
    };
    (0..).zip(choices).map(preference).collect()
}
