//! How a component uses interfaces, and which it may import.

use strum::Display;

/// The contract's interfaces that a connector may import.
pub(super) const IMPORTS: [&str; 4] = ["types", "http", "credentials", "log"];

/// How a component uses an interface.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Display)]
#[strum(serialize_all = "kebab-case")]
pub enum Way {
    /// It calls it.
    Imports,
    /// It offers it.
    Exports,
}
