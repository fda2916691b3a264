//! Listening sockets that a service manager opened and passed on, as systemd does with `LISTEN_FDS`.
//! Also tested in `cli/tests/supervised/sockets.rs`.

use std::net::TcpListener;

/// The name of the API's socket in `LISTEN_FDNAMES`.
const API: &str = "api";
/// The name of the webhooks' socket in `LISTEN_FDNAMES`.
const WEBHOOK: &str = "webhook";

/// Sockets that take the place of the configured addresses.
#[derive(Debug, Default)]
pub struct PassedSockets {
    /// In place of `listen`.
    pub(crate) api: Option<TcpListener>,
    /// In place of `webhook-listen`.
    pub(crate) webhooks: Option<TcpListener>,
}

/// Why sockets of the service manager cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum PassedSocketsError {
    /// `LISTEN_FDS` is not a number.
    #[error("LISTEN_FDS={0}: expected the number of sockets that the service manager passes on")]
    NotANumber(String),
    /// There are more sockets than addresses to serve.
    #[error(
        "LISTEN_FDS={0}: expected at most 2 sockets, one named `api` and one named `webhook` (`FileDescriptorName=` \
         of a systemd socket unit)"
    )]
    TooMany(usize),
    /// There are more or fewer names than sockets.
    #[error(
        "LISTEN_FDNAMES={names}: expected {sockets} names, separated by colons, since LISTEN_FDS={sockets}"
    )]
    Names {
        /// As found.
        names: String,
        /// The number of sockets.
        sockets: usize,
    },
    /// A socket has another name than those that are known.
    #[error(
        "the service manager passed a socket named `{0}`: expected `api` or `webhook` (`FileDescriptorName=` of a \
         systemd socket unit), or a single socket without a name of its own"
    )]
    UnknownName(String),
    /// Two sockets have the same name.
    #[error("the service manager passed two sockets named `{0}`: expected at most one of each name")]
    SameName(&'static str),
    /// The descriptor is something else than a listening TCP socket.
    #[error(
        "the service manager passed descriptor {descriptor} as the socket `{name}`, but {found}: expected a listening \
         TCP socket (`ListenStream=` with a port, and `Accept=no`)"
    )]
    NotListening {
        /// The number of the descriptor.
        descriptor: usize,
        /// The name of the socket.
        name: &'static str,
        /// What it is.
        found: String,
    },
}

impl PassedSockets {
    /// Takes the sockets that were passed to this process, and removes them from the environment. Must be called before
    /// the process has other threads, and only once.
    pub fn of_the_process() -> Result<Self, PassedSocketsError> {
        let is_for_this_process = variable("LISTEN_PID") == Some(std::process::id().to_string());
        let Some(count) = variable("LISTEN_FDS").filter(|_| is_for_this_process) else {
            return Ok(Self::default());
        };
        let count: usize = count.parse().map_err(|_| PassedSocketsError::NotANumber(count))?;
        let names = assigned(count, variable("LISTEN_FDNAMES").as_deref())?;
        let mut passed = listenfd::ListenFd::from_env();
        let mut sockets = Self::default();
        for (index, name) in names.into_iter().enumerate() {
            let socket = listening(&mut passed, index).map_err(|found| PassedSocketsError::NotListening {
                // The first one after the standard streams.
                descriptor: index + 3,
                name,
                found,
            })?;
            if name == WEBHOOK {
                sockets.webhooks = Some(socket);
            } else {
                sockets.api = Some(socket);
            }
        }
        Ok(sockets)
    }
}

fn variable(name: &str) -> Option<String> {
    std::env::var_os(name).map(|value| value.to_string_lossy().into_owned())
}

/// Returns the names of `count` sockets, each of which occurs once.
fn assigned(count: usize, names: Option<&str>) -> Result<Vec<&'static str>, PassedSocketsError> {
    if count > 2 {
        return Err(PassedSocketsError::TooMany(count));
    }
    let found: Vec<&str> = match names {
        Some(names) if count > 0 => names.split(':').collect(),
        _ => vec!["unknown"; count],
    };
    if found.len() != count {
        let names = names.unwrap_or_default().to_owned();
        return Err(PassedSocketsError::Names { names, sockets: count });
    }
    let mut assigned = Vec::new();
    for name in found {
        let known = match name {
            API => API,
            WEBHOOK => WEBHOOK,
            // The defaults of the protocol and of systemd, which is the name of the socket unit.
            _ if count == 1 && (["", "unknown"].contains(&name) || name.ends_with(".socket")) => API,
            _ => return Err(PassedSocketsError::UnknownName(name.to_owned())),
        };
        if assigned.contains(&known) {
            return Err(PassedSocketsError::SameName(known));
        }
        assigned.push(known);
    }
    Ok(assigned)
}

/// Takes the socket at `index`, closed to child processes. Returns what it is if it is no listening TCP socket.
fn listening(passed: &mut listenfd::ListenFd, index: usize) -> Result<TcpListener, String> {
    let socket = passed.take_tcp_listener(index).map_err(|error| error.to_string())?;
    let socket = socket.ok_or_else(|| "it has been taken".to_owned())?;
    #[cfg(target_os = "linux")]
    match rustix::net::sockopt::socket_acceptconn(&socket) {
        Ok(true) => {}
        Ok(false) => return Err("it does not listen".to_owned()),
        Err(error) => return Err(error.to_string()),
    }
    socket.set_nonblocking(true).map_err(|error| error.to_string())?;
    Ok(socket)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sockets_are_told_apart_by_their_names_and_one_alone_needs_none() {
        for (count, names, expected) in [
            (0, None, vec![]),
            (0, Some(""), vec![]),
            (1, None, vec![API]),
            (1, Some(""), vec![API]),
            (1, Some("unknown"), vec![API]),
            (1, Some("connector-host.socket"), vec![API]),
            (1, Some("webhook"), vec![WEBHOOK]),
            (2, Some("webhook:api"), vec![WEBHOOK, API]),
        ] {
            assert_eq!(assigned(count, names).unwrap(), expected, "{count} {names:?}");
        }
    }

    #[test]
    fn sockets_without_a_place_are_refused_with_what_was_found_and_what_is_expected() {
        let refused = |count, names| assigned(count, names).unwrap_err().to_string();
        assert_eq!(
            refused(3, Some("api:webhook:metrics")),
            "LISTEN_FDS=3: expected at most 2 sockets, one named `api` and one named `webhook` \
             (`FileDescriptorName=` of a systemd socket unit)"
        );
        assert_eq!(
            refused(2, Some("api")),
            "LISTEN_FDNAMES=api: expected 2 names, separated by colons, since LISTEN_FDS=2"
        );
        let unknown = "the service manager passed a socket named `unknown`: expected `api` or `webhook` \
                       (`FileDescriptorName=` of a systemd socket unit), or a single socket without a name of its own";
        assert_eq!(refused(2, None), unknown);
        assert_eq!(refused(1, Some("web")), unknown.replace("unknown", "web"));
        assert_eq!(refused(2, Some("a.socket:a.socket")), unknown.replace("unknown", "a.socket"));
        assert_eq!(
            refused(2, Some("api:api")),
            "the service manager passed two sockets named `api`: expected at most one of each name"
        );
    }
}
