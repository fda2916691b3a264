//! What can be wrong with a configuration, each with its sentence. No sentence holds a value that might be a secret.

use std::path::PathBuf;

use crate::connection::{PlainHttp, SHORTEST_SECRET};
use host_model::{
    names::is_name,
    nearest::{meant, nearest},
};

/// Why a configuration cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The file itself.
    #[error("cannot read the configuration {}: {cause}", path.display())]
    Unreadable {
        /// Which.
        path: PathBuf,
        /// What the system said.
        cause: std::io::Error,
    },
    /// Everything that is wrong with what it says.
    #[error("the configuration cannot be used:{}", lines(path, problems))]
    Wrong {
        /// Which.
        path: PathBuf,
        /// In the order of their lines.
        problems: Vec<Problem>,
    },
}

fn lines(path: &std::path::Path, problems: &[Problem]) -> String {
    let file = path.display();
    problems
        .iter()
        .map(|problem| match problem.line {
            Some(line) => format!("\n  {file}:{line}: {problem}"),
            None => format!("\n  {file}: {problem}"),
        })
        .collect()
}

/// One thing that is wrong, and where.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}{wrong}", if place.is_empty() { String::new() } else { format!("{place}: ") })]
pub struct Problem {
    /// Counted from 1; none where the configuration was built in code.
    pub line: Option<usize>,
    /// The key's path, such as `connections.newsletter.tenant`; empty for the file as a whole.
    pub place: String,
    /// What is wrong there.
    pub wrong: Wrong,
}

/// What is wrong.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Wrong {
    /// No TOML.
    #[error("not TOML: {0}")]
    Syntax(String),
    /// A key that nothing reads.
    #[error("unknown key `{key}`{}", meant(.nearest.as_deref()))]
    UnknownKey {
        /// As written.
        key: String,
        /// The known one that is most like it.
        nearest: Option<String>,
    },
    /// A key that must be there.
    #[error("`{0}` is missing")]
    MissingKey(&'static str),
    /// A value of another type or out of its range; the value itself is not shown.
    #[error("expected {0}")]
    Expected(String),
    /// A name that nothing has.
    #[error("there is no {what} `{name}`{}", meant(.nearest.as_deref()))]
    UnknownName {
        /// What it should name.
        what: &'static str,
        /// As written.
        name: String,
        /// The known one that is most like it.
        nearest: Option<String>,
    },
    /// A name that could not stand in an address, a log or a file's name.
    #[error("a name is lower-case words and digits with single dashes between them, such as `acme-eu`")]
    BadName,
    /// A connection of that key is there already.
    #[error("another connection has this key")]
    KeyTaken,
    /// A secret in the open.
    #[error(
        "a secret is not written here but named: {{ env = \"NAME\" }} or {{ file = \"path\" }}; \
         to keep it in this file all the same, write {{ insecure-inline = \"…\" }}"
    )]
    BareSecret,
    /// No place, or several.
    #[error(
        "expected either {{ env = \"NAME\" }} or {{ file = \"path\" }}; \
         to keep the secret in this file all the same, write {{ insecure-inline = \"…\" }}"
    )]
    NotOnePlace,
    /// A variable that is not set.
    #[error("the environment variable {0} is not set")]
    NoVariable(String),
    /// A secret without a value.
    #[error("the secret is empty")]
    EmptySecret,
    /// A token that would be found in innocent text.
    #[error(
        "a token of {0} characters cannot be kept out of answers and logs; at least {SHORTEST_SECRET} are required"
    )]
    ShortToken(usize),
    /// A file that is named.
    #[error("cannot read {}: {cause}", path.display())]
    Unreadable {
        /// Which.
        path: PathBuf,
        /// What the system said.
        cause: String,
    },
    /// A file that should hold certificates.
    #[error("{} holds no certificate that can be trusted as an authority (PEM, X.509): {why}", path.display())]
    NotAnAuthority {
        /// Which.
        path: PathBuf,
        /// What is wrong with it.
        why: String,
    },
    /// What an [`Extension`](super::Extension) found, in its words.
    #[error("{0}")]
    Extension(String),
    /// Plain HTTP without loopback.
    #[error("{}", PlainHttp)]
    PlainHttp,
    /// Not an address.
    #[error("expected an address such as https://hooks.example.com/newsletter")]
    NotAnAddress,
    /// Plain HTTP to another machine.
    #[error(
        "plain HTTP is for this machine alone: expected https://, or an address such as http://127.0.0.1:8080"
    )]
    PlainAddress,
}

impl Wrong {
    /// What is wrong with `name` as a key of the configuration.
    pub(super) fn with_name(name: &str) -> Option<Self> {
        (!is_name(name)).then_some(Self::BadName)
    }

    /// What is wrong with `name` as that of one of `known`.
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

/// What is not forbidden but unwise.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Warning {
    /// Anybody on this machine can read a secret.
    #[error("{place}: every user of this machine can read {}; chmod o= closes it", path.display())]
    OpenToOthers {
        /// The secret's key.
        place: String,
        /// Its file.
        path: PathBuf,
    },
}
