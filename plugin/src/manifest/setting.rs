//! The settings that an operator fills in.

/// A setting that the operator fills in.
#[derive(Debug, PartialEq, Eq)]
pub struct SettingSpec {
    /// The machine-readable name.
    pub name: &'static str,
    /// The name that people see.
    pub label: &'static str,
    /// What it does and which values it takes.
    pub description: &'static str,
    /// Whether a connection needs it.
    pub required: bool,
    /// Whether it is a secret, which the host keeps and never passes to the connector.
    pub secret: bool,
    /// The value used if it is empty.
    pub default: Option<&'static str>,
    /// The values allowed; if there are none, any value is.
    pub options: &'static [&'static str],
}
