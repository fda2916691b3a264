//! Reports the service's state to a service manager such as systemd, at the address in `NOTIFY_SOCKET`.
//! Tested in `cli/tests/supervised/notified.rs`.

mod notify;

use host_service::service::Handle;

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
    pub(super) fn starting(&self) {
        self.0.send(ManagerMessage::Starting("starting"));
    }

    /// Reports that the service serves callers, and what it lacks to be ready.
    pub(super) async fn serving(&self, handle: &Handle) {
        match handle.readiness().await {
            Ok(_) => self.0.send(ManagerMessage::Ready("serving")),
            Err(lacking) => self.0.send(ManagerMessage::Ready(&format!("serving, but not ready: {lacking}"))),
        }
    }

    /// Reports that the connections are being reloaded.
    pub(super) fn reloading(&self) {
        self.0.send(ManagerMessage::Reloading("reloading the connections"));
    }

    /// Reports that the service finishes its work and ends.
    pub(super) fn stopping(&self) {
        self.0.send(ManagerMessage::Stopping("stopping: finishing work in progress"));
    }

    /// Reports twice in each interval of the watchdog that the service is alive, as long as the database responds.
    /// Never completes.
    pub(super) async fn keep_watchdog(&self, handle: &Handle) {
        let Some(interval) = self.0.watchdog() else { return std::future::pending().await };
        let pause = interval / 2;
        loop {
            if handle.responds_within(pause).await {
                self.0.send(ManagerMessage::Watchdog);
            }
            tokio::time::sleep(pause).await;
        }
    }
}
