//! The problems of a configuration with their messages. No message contains a value that may be a secret.
//! Tested in `src/config/tests.rs`.

use std::path::PathBuf;

use crate::connection::{MIN_SECRET_CHARS, PlainHttp, TargetError};
use host_model::{
    names::is_name,
    nearest::{nearest, suggestion},
    text::UnfitText,
};
use host_trust::{KeyError, NoTrustedKey};

/// Why a configuration is invalid.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The file cannot be read.
    #[error("cannot read the configuration {}: {cause}", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// The system's error.
        cause: std::io::Error,
    },
    /// The file has problems.
    #[error("the configuration cannot be used:{}", lines(path, problems))]
    Wrong {
        /// The file.
        path: PathBuf,
        /// All problems, sorted by line.
        problems: Vec<ConfigProblem>,
    },
}

fn lines(path: &std::path::Path, problems: &[ConfigProblem]) -> String {
    let file = path.display();
    problems
        .iter()
        .map(|problem| match problem.line {
            Some(line) => format!("\n  {file}:{line}: {problem}"),
            None => format!("\n  {file}: {problem}"),
        })
        .collect()
}

/// One problem, with its place.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}{wrong}", if place.is_empty() { String::new() } else { format!("{place}: ") })]
pub struct ConfigProblem {
    /// The line, counted from 1; `None` if the configuration was built in code.
    pub line: Option<usize>,
    /// The key's path, such as `connections.newsletter.tenant`; empty for the file as a whole.
    pub place: String,
    /// What is wrong.
    pub wrong: ConfigProblemKind,
}

/// What is wrong.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ConfigProblemKind {
    /// The text is not TOML.
    #[error("not TOML: {0}")]
    Syntax(String),
    /// The key is unknown.
    #[error("unknown key `{key}`{}", suggestion(.nearest.as_deref()))]
    UnknownKey {
        /// As written.
        key: String,
        /// The most similar known name.
        nearest: Option<String>,
    },
    /// A required key is missing.
    #[error("`{0}` is missing")]
    MissingKey(&'static str),
    /// A plugin has no source.
    #[error("`file` or `registry` is missing")]
    NoSource,
    /// A plugin has two sources.
    #[error("`file` and `registry` exclude each other: expected one of them")]
    TwoSources,
    /// A plugin in a registry is to be watched.
    #[error("a registry is not watched: a tag is resolved once, and again with `connector-host plugin pull`")]
    WatchedRegistry,
    /// The value has the wrong type or is out of range. The value itself is not shown.
    #[error("expected {0}")]
    Expected(String),
    /// The name refers to nothing.
    #[error("there is no {what} `{name}`{}", suggestion(.nearest.as_deref()))]
    UnknownName {
        /// The kind of thing it should refer to.
        what: &'static str,
        /// As written.
        name: String,
        /// The most similar known name.
        nearest: Option<String>,
    },
    /// The name is not usable in URLs, logs and file names.
    #[error("expected lower-case words and digits with single dashes between them, such as `acme-eu`")]
    BadName,
    /// The same for the name of a tenant.
    #[error("`{0}` cannot be the name of a tenant: {wrong}", wrong = Self::BadName)]
    BadTenant(String),
    /// A connection with that key already exists.
    #[error("another connection has this key")]
    KeyTaken,
    /// The text is too long, or contains a hidden character.
    #[error(transparent)]
    UnfitText(#[from] UnfitText),
    /// A secret is given as plain text.
    #[error(
        "expected a reference to a secret: {{ env = \"NAME\" }} or {{ file = \"path\" }}; \
         to keep it in this file anyway, write {{ insecure-inline = \"…\" }}"
    )]
    BareSecret,
    /// A secret has no source, or several.
    #[error(
        "expected either {{ env = \"NAME\" }} or {{ file = \"path\" }}; \
         to keep the secret in this file anyway, write {{ insecure-inline = \"…\" }}"
    )]
    NotOnePlace,
    /// The environment variable is not set.
    #[error("the environment variable {0} is not set")]
    NoVariable(String),
    /// The secret is empty.
    #[error("the secret is empty")]
    EmptySecret,
    /// The token is so short that masking it would affect ordinary text.
    #[error(
        "a token of {0} characters cannot be kept out of answers and logs; at least {MIN_SECRET_CHARS} are required"
    )]
    ShortToken(usize),
    /// A referenced file cannot be read.
    #[error("cannot read {}: {cause}", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// The system's error.
        cause: String,
    },
    /// A certificate file is invalid.
    #[error("{} contains no certificate that can be trusted as an authority (PEM, X.509): {why}", path.display())]
    NotAnAuthority {
        /// The file.
        path: PathBuf,
        /// The reason.
        why: String,
    },
    /// A file is no key that can be trusted.
    #[error("{} {why}", path.display())]
    NotATrustedKey {
        /// The file.
        path: PathBuf,
        /// The reason.
        why: KeyError,
    },
    /// No key is listed.
    #[error(transparent)]
    NoTrustedKey(#[from] NoTrustedKey),
    /// A problem that an [`Extension`](super::Extension) found, with its message.
    #[error("{0}")]
    Extension(String),
    /// Plain HTTP is enabled without loopback.
    #[error("{}", PlainHttp)]
    PlainHttp,
    /// The value is not a host.
    #[error(transparent)]
    Host(#[from] TargetError),
    /// The value is not a URL in ASCII.
    #[error(
        "expected an address in ASCII, such as https://hooks.example.com/newsletter, without a fragment (`#…`)"
    )]
    NotAnAddress,
    /// The URL uses plain HTTP to another machine.
    #[error(
        "plain HTTP is only allowed to this machine: expected https://, or an address such as http://127.0.0.1:8080"
    )]
    PlainAddress,
}

impl ConfigProblemKind {
    /// Checks `name` as a key of the configuration. Returns what is wrong with it.
    pub(super) fn with_name(name: &str) -> Option<Self> {
        (!is_name(name)).then_some(Self::BadName)
    }

    /// Checks `name` as the name of a tenant. Returns what is wrong with it.
    pub(super) fn with_tenant(name: &str) -> Option<Self> {
        (!is_name(name)).then(|| Self::BadTenant(name.to_owned()))
    }

    /// Checks that `name` is one of `known`. Returns what is wrong with it.
    pub(super) fn with_reference<'a>(
        what: &'static str,
        name: &str,
        known: impl Iterator<Item = &'a str> + Clone,
    ) -> Option<Self> {
        if known.clone().any(|known| known == name) {
            return None;
        }
        Some(Self::UnknownName {
            what,
            name: name.to_owned(),
            nearest: nearest(name, known).map(str::to_owned),
        })
    }
}

/// Something that is allowed but unwise.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Warning {
    /// Every user of this machine can read a secret.
    #[error("{place}: every user of this machine can read {}; restrict it with chmod o=", path.display())]
    OpenToOthers {
        /// The secret's key.
        place: String,
        /// The secret's file.
        path: PathBuf,
    },
}
