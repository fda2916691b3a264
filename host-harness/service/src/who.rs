//! The caller of a change.

/// The caller of a change, as the audit chain names it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Who(pub String);

impl Who {
    /// Returns the configuration file of this name as the caller.
    pub(crate) fn file(name: &str) -> Self {
        Self(format!("the file {name}"))
    }
}
