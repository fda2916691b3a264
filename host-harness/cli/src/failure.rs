//! Why a command failed: who refused, why, and what to do next.

mod problem_response;

use std::fmt::Display;

use serde_json::{Value, json};

use super::{exit::Exit, words};
pub(super) use problem_response::ProblemResponse;

use host_model::{
    contract::{ConnectorError, ErrorKind},
    failure::{CallFailure, FailureKind},
};
use host_registry::RegistryError;

/// Why a command failed.
#[derive(Debug)]
pub(super) enum Failure {
    /// Wrong usage or configuration, with the whole message.
    Misused(String),
    /// The connector returned an error.
    Refused {
        /// The connection's key.
        connection: String,
        /// The error.
        error: ConnectorError,
        /// The kinds of identifier that it can act on.
        identifier_kinds: Vec<String>,
    },
    /// A registry refused, or was not reached.
    Registry(RegistryError),
    /// A service answered with a problem.
    Service(Box<ProblemResponse>),
    /// A service may have carried out the call, but did not confirm it.
    Unanswered(String),
    /// The sandbox ended the call.
    Stopped {
        /// The connection's key.
        connection: String,
        /// How it ended.
        failure: CallFailure,
    },
}

impl From<RegistryError> for Failure {
    fn from(error: RegistryError) -> Self {
        Self::Registry(error)
    }
}

impl Failure {
    pub(super) fn misused(cause: impl Display) -> Self {
        Self::Misused(cause.to_string())
    }

    /// Wrong usage or configuration of a connection.
    pub(super) fn of_connection(connection: &str, cause: impl Display) -> Self {
        Self::Misused(format!("connection {connection}: {cause}"))
    }

    pub(super) fn exit(&self) -> Exit {
        match self {
            Self::Misused(_)
            | Self::Registry(RegistryError::NoCredentials(_) | RegistryError::NotAHost { .. }) => {
                Exit::Misused
            }
            Self::Refused { .. } | Self::Registry(_) | Self::Unanswered(_) => Exit::Refused,
            Self::Service(said) => said.exit(),
            Self::Stopped { .. } => Exit::Stopped,
        }
    }

    /// For people: the connection, the cause, and what to do.
    pub(super) fn people(&self) -> String {
        match self {
            Self::Misused(cause) | Self::Unanswered(cause) => format!("error: {cause}"),
            Self::Registry(error) => format!("error: {error}"),
            Self::Service(said) => said.people(),
            Self::Refused { connection, error, .. } => {
                format!("error: connection {connection}: {error}\nnext: {}", self.next().unwrap_or_default())
            }
            Self::Stopped { connection, failure } => {
                format!(
                    "error: connection {connection}: {failure}\nnext: {}",
                    self.next().unwrap_or_default()
                )
            }
        }
    }

    /// For machines.
    pub(super) fn json(&self) -> Value {
        match self {
            Self::Misused(cause) => json!({"error": {"by": "usage", "message": cause}}),
            Self::Registry(error) => json!({"error": {"by": "registry", "message": error.to_string()}}),
            Self::Service(said) => {
                json!({"error": {"by": "service", "message": said.detail(), "problem": said.document}})
            }
            Self::Unanswered(cause) => {
                json!({"error": {"by": "service", "message": cause, "may_have_acted": true}})
            }
            Self::Refused { connection, error, .. } => json!({
                "connection": connection,
                "error": {
                    "by": "connector",
                    "kind": error.kind,
                    "code": error.code,
                    "message": error.message,
                    "retry_after_ms": error.retry_after_ms,
                    "may_have_acted": error.may_have_acted,
                    "next": self.next(),
                },
            }),
            Self::Stopped { connection, failure } => json!({
                "connection": connection,
                "error": {
                    "by": "sandbox",
                    "kind": failure.kind,
                    "message": failure.detail,
                    "may_have_acted": failure.may_have_acted,
                    "next": self.next(),
                },
            }),
        }
    }

    /// Replaces the API's parameters and resources in the message with the options and commands of the command line.
    pub(super) fn with_option(self) -> Self {
        let Self::Service(said) = self else { return self };
        let options = [
            ("agree=true", "--agree"),
            ("max_bytes=", "--max-bytes "),
            ("its history lists", "`connector-host plugin history` lists"),
            ("approve it first", "approve it first with `connector-host plugin approve`"),
        ];
        let said =
            options.into_iter().fold(*said, |said, (parameter, option)| said.with_option(parameter, option));
        Self::Service(Box::new(said))
    }

    fn next(&self) -> Option<String> {
        match self {
            Self::Misused(_) | Self::Registry(_) | Self::Service(_) | Self::Unanswered(_) => None,
            Self::Refused { connection, error, identifier_kinds } => {
                let mut next = after_refusal(connection, error, identifier_kinds);
                if error.may_have_acted {
                    next.push_str(
                        "; the vendor may have acted anyway: check an erasure with `confirm`, a consent with `choices`",
                    );
                }
                Some(next)
            }
            Self::Stopped { connection, failure } => Some(after_stop(connection, failure.kind)),
        }
    }
}

fn after_refusal(connection: &str, error: &ConnectorError, identifier_kinds: &[String]) -> String {
    match error.kind {
        ErrorKind::InvalidSettings => {
            format!(
                "correct [connections.{connection}] in the configuration, then run `connector-host check {connection}`"
            )
        }
        ErrorKind::MissingIdentity => {
            format!(
                "identify the person by a kind that this connector accepts: {}",
                identifier_kinds.join(", ")
            )
        }
        ErrorKind::Unauthorized => {
            format!(
                "give the connection a credential that the vendor accepts, then run `connector-host check {connection}`"
            )
        }
        ErrorKind::RateLimited => format!("run it again {}", in_a_while(error.retry_after_ms)),
        ErrorKind::Unavailable => {
            format!(
                "the vendor or the connection to it is failing: run it again {}",
                in_a_while(error.retry_after_ms)
            )
        }
        ErrorKind::Rejected => {
            "running it again will not help: change the request as the message says".to_owned()
        }
        ErrorKind::Unsupported => {
            "run `connector-host inspect` on the plugin's file to see what the connector offers".to_owned()
        }
        ErrorKind::Other => {
            "run it again with --trace; if it fails again, report what you see to the connector's author"
                .to_owned()
        }
    }
}

fn in_a_while(wait_ms: Option<u64>) -> String {
    wait_ms.map_or_else(|| "in a few minutes".to_owned(), |ms| format!("in {}", words::duration(ms)))
}

fn after_stop(connection: &str, kind: FailureKind) -> String {
    match kind {
        FailureKind::CpuSpent | FailureKind::DeadlinePassed | FailureKind::OutOfMemory => format!(
            "run it again; if it fails again and you trust the plugin, raise that limit in [connections.{connection}.limits]"
        ),
        FailureKind::Trapped
        | FailureKind::StackExhausted
        | FailureKind::TooMuchData
        | FailureKind::BadAnswer => {
            "this is a fault of the plugin: report it to its author, or return to the previous version"
                .to_owned()
        }
        FailureKind::NoRoom => "run it again once the host is up".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(kind: ErrorKind, retry_after_ms: Option<u64>, may_have_acted: bool) -> Failure {
        Failure::Refused {
            connection: "newsletter".into(),
            error: ConnectorError {
                kind,
                code: "Code".into(),
                message: "what happened".into(),
                retry_after_ms,
                may_have_acted,
            },
            identifier_kinds: vec!["email".into(), "user-id".into()],
        }
    }

    #[test]
    fn every_refusal_names_the_connection_the_cause_and_what_to_do() {
        for (kind, next) in [
            (
                ErrorKind::InvalidSettings,
                "correct [connections.newsletter] in the configuration, then run `connector-host check newsletter`",
            ),
            (
                ErrorKind::MissingIdentity,
                "identify the person by a kind that this connector accepts: email, user-id",
            ),
            (
                ErrorKind::Unauthorized,
                "give the connection a credential that the vendor accepts, then run `connector-host check newsletter`",
            ),
            (ErrorKind::RateLimited, "run it again in a few minutes"),
            (
                ErrorKind::Unavailable,
                "the vendor or the connection to it is failing: run it again in a few minutes",
            ),
            (ErrorKind::Rejected, "running it again will not help: change the request as the message says"),
            (
                ErrorKind::Unsupported,
                "run `connector-host inspect` on the plugin's file to see what the connector offers",
            ),
            (
                ErrorKind::Other,
                "run it again with --trace; if it fails again, report what you see to the connector's author",
            ),
        ] {
            let failure = refused(kind, None, false);
            assert_eq!(
                failure.people(),
                format!("error: connection newsletter: what happened (Code)\nnext: {next}")
            );
            assert_eq!(failure.exit(), Exit::Refused);
        }
    }

    #[test]
    fn a_wait_that_the_vendor_asked_for_is_shown_and_so_is_what_may_have_happened() {
        assert_eq!(
            refused(ErrorKind::RateLimited, Some(60_000), true).people(),
            "error: connection newsletter: what happened (Code)\nnext: run it again in 1 minute; the vendor may \
             have acted anyway: check an erasure with `confirm`, a consent with `choices`"
        );
    }

    #[test]
    fn an_ended_call_is_another_failure_than_a_refusal() {
        let failure = |kind| Failure::Stopped {
            connection: "newsletter".into(),
            failure: CallFailure {
                kind,
                detail: "it ended".into(),
                may_have_acted: true,
                contradicted: None,
            },
        };
        assert_eq!(
            failure(FailureKind::CpuSpent).people(),
            "error: connection newsletter: the sandbox ended the call: it ended; the vendor may have acted, so confirm before \
             repeating\nnext: run it again; if it fails again and you trust the plugin, raise that limit in \
             [connections.newsletter.limits]"
        );
        assert_eq!(failure(FailureKind::Trapped).exit(), Exit::Stopped);
        assert_eq!(
            failure(FailureKind::Trapped).json(),
            json!({
                "connection": "newsletter",
                "error": {
                    "by": "sandbox",
                    "kind": "trapped",
                    "message": "it ended",
                    "may_have_acted": true,
                    "next": "this is a fault of the plugin: report it to its author, or return to the previous version",
                },
            })
        );
    }

    #[test]
    fn json_output_contains_the_same() {
        assert_eq!(
            refused(ErrorKind::RateLimited, Some(1_000), false).json(),
            json!({
                "connection": "newsletter",
                "error": {
                    "by": "connector",
                    "kind": "rate-limited",
                    "code": "Code",
                    "message": "what happened",
                    "retry_after_ms": 1000,
                    "may_have_acted": false,
                    "next": "run it again in 1 second",
                },
            })
        );
        let misused = Failure::of_connection("newsletter", "no");
        assert_eq!(misused.json(), json!({"error": {"by": "usage", "message": "connection newsletter: no"}}));
        assert_eq!(
            (misused.people().as_str(), misused.exit()),
            ("error: connection newsletter: no", Exit::Misused)
        );
    }
}
