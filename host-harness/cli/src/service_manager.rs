//! Reports the service's state to a service manager such as systemd, at the address in `NOTIFY_SOCKET`.
//! Tested in `cli/tests/supervised/notified.rs`.

mod notify;

use std::convert::Infallible;

use host_service::service::Handle;
use tokio::time::{Instant, interval_at};

use notify::{ManagerMessage, Notifier};

/// The service manager that started this process, if there is one.
#[derive(Debug)]
pub(super) struct ServiceManager(Notifier);

impl ServiceManager {
    /// The one that the environment names.
    pub(super) fn of_the_process() -> Self {
        Self(Notifier::of_the_process())
    }

    /// Reports that the start has begun.
    pub(super) async fn starting(&self) {
        self.0.send(ManagerMessage::Starting("starting")).await;
    }

    /// Reports that the service serves callers, and what it lacks to be ready.
    pub(super) async fn serving(&self, handle: &Handle) {
        let status = match handle.readiness().await {
            Ok(_) => "serving".to_owned(),
            Err(lacking) => format!("serving, but not ready: {lacking}"),
        };
        self.0.send(ManagerMessage::Ready(&status)).await;
    }

    /// Reports that the connections are being reloaded.
    pub(super) async fn reloading(&self) {
        self.0.send(ManagerMessage::Reloading("reloading the connections")).await;
    }

    /// Reports that the service finishes its work and ends.
    pub(super) async fn stopping(&self) {
        self.0.send(ManagerMessage::Stopping("stopping: finishing work in progress")).await;
    }

    /// Reports twice in each interval of the watchdog that the service is alive, if the database responds within a
    /// quarter of the interval. So at most three quarters pass between two reports.
    pub(super) async fn keep_watchdog(&self, handle: &Handle) -> Infallible {
        let Some(interval) = self.0.watchdog() else { return std::future::pending().await };
        let mut looks = interval_at(Instant::now() + interval / 2, interval / 2);
        loop {
            looks.tick().await;
            if handle.responds_within(interval / 4).await {
                self.0.send(ManagerMessage::Watchdog).await;
            }
        }
    }
}
