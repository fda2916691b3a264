//! Who asks for a change.

/// Who asks for a change, as the audit chain names it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Who(pub String);

impl Who {
    /// The configuration file of that name.
    pub(crate) fn file(name: &str) -> Self {
        Self(format!("the file {name}"))
    }
}
