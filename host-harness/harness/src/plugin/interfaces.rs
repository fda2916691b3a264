//! How a component uses interfaces, and which it may import.

use std::fmt;

/// The contract's interfaces that a connector may import.
pub(super) const IMPORTS: [&str; 4] = ["types", "http", "credentials", "log"];

/// How a component uses an interface.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    /// It calls it.
    Imports,
    /// It offers it.
    Exports,
}

impl fmt::Display for Way {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Imports => "imports",
            Self::Exports => "exports",
        })
    }
}
