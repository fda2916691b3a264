//! The interfaces that a component may import, and how it uses interfaces.

use strum::Display;

/// The contract's interfaces that a connector may import.
pub(super) const IMPORTS: [&str; 4] = ["types", "http", "credentials", "log"];

/// How a component uses an interface.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Display)]
#[strum(serialize_all = "kebab-case")]
pub enum InterfaceUse {
    /// It imports the interface.
    Imports,
    /// It exports the interface.
    Exports,
}
