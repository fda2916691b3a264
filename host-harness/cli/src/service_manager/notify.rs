//! The messages of the protocol of `sd_notify`.

use std::time::Duration;

/// What a service manager is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ManagerMessage<'a> {
    /// The service is starting, with a text for people.
    Starting(&'a str),
    /// The service serves, with a text for people. Also ends a reload.
    Ready(&'a str),
    /// The service reloads its configuration.
    Reloading(&'a str),
    /// The service ends.
    Stopping(&'a str),
    /// The service is alive.
    Watchdog,
}

/// Sends messages to the service manager.
#[derive(Debug)]
pub(super) struct Notifier {
    #[cfg(unix)]
    address: Option<std::ffi::OsString>,
}

#[cfg(unix)]
impl Notifier {
    /// To the address in `NOTIFY_SOCKET`; to none if it is not set.
    pub(super) fn of_the_process() -> Self {
        Self { address: std::env::var_os("NOTIFY_SOCKET").filter(|address| !address.is_empty()) }
    }

    /// Sends `message`. A failure is logged, since the service can work without its manager.
    pub(super) async fn send(&self, message: ManagerMessage<'_>) {
        let Some(address) = &self.address else { return };
        let sent = async { deliver(address, &text(message)?).await };
        if let Err(error) = sent.await {
            tracing::warn!(%error, "the service manager at NOTIFY_SOCKET cannot be notified");
        }
    }

    /// Returns the interval in which the manager expects a [`ManagerMessage::Watchdog`].
    pub(super) fn watchdog(&self) -> Option<Duration> {
        self.address.as_ref()?;
        sd_notify::watchdog_enabled().filter(|interval| !interval.is_zero())
    }
}

#[cfg(unix)]
fn text(message: ManagerMessage<'_>) -> std::io::Result<String> {
    use sd_notify::NotifyState;
    let states = match message {
        ManagerMessage::Starting(status) => vec![NotifyState::Status(status)],
        ManagerMessage::Ready(status) => vec![NotifyState::Ready, NotifyState::Status(status)],
        ManagerMessage::Reloading(status) => {
            vec![NotifyState::Reloading, NotifyState::monotonic_usec_now()?, NotifyState::Status(status)]
        }
        ManagerMessage::Stopping(status) => vec![NotifyState::Stopping, NotifyState::Status(status)],
        ManagerMessage::Watchdog => vec![NotifyState::Watchdog],
    };
    // A line break would begin another message.
    Ok(states.iter().map(|state| state.to_string().replace('\n', " ") + "\n").collect())
}

/// Sends `text` to `address`. The library does not know abstract addresses, which begin with `@`.
#[cfg(unix)]
async fn deliver(address: &std::ffi::OsStr, text: &str) -> std::io::Result<()> {
    use std::os::unix::{
        ffi::OsStrExt as _,
        net::{SocketAddr, UnixDatagram},
    };
    /// A manager that reads nothing must not block the service.
    const MAX_WAIT: Duration = Duration::from_secs(1);

    let address = match address.as_bytes() {
        #[cfg(target_os = "linux")]
        [b'@', name @ ..] => <SocketAddr as std::os::linux::net::SocketAddrExt>::from_abstract_name(name)?,
        _ => SocketAddr::from_pathname(address)?,
    };
    let socket = UnixDatagram::unbound()?;
    socket.connect_addr(&address)?;
    socket.set_nonblocking(true)?;
    let socket = tokio::net::UnixDatagram::from_std(socket)?;
    tokio::time::timeout(MAX_WAIT, socket.send(text.as_bytes())).await?.map(drop)
}

#[cfg(not(unix))]
#[expect(clippy::unused_self, reason = "only Unix has service managers with this protocol")]
impl Notifier {
    /// To none.
    pub(super) fn of_the_process() -> Self {
        Self {}
    }

    /// Does nothing.
    #[expect(clippy::unused_async, reason = "only Unix has service managers with this protocol")]
    pub(super) async fn send(&self, _: ManagerMessage<'_>) {}

    /// Returns nothing.
    pub(super) fn watchdog(&self) -> Option<Duration> {
        None
    }
}
