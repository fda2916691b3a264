//! What the operator fills in.

/// A setting that the operator fills in.
#[derive(Debug, PartialEq, Eq)]
pub struct SettingSpec {
    /// For machines.
    pub name: &'static str,
    /// For people.
    pub label: &'static str,
    /// What it does and which values it takes.
    pub description: &'static str,
    /// Whether a connection works without it.
    pub required: bool,
    /// Held by the host.
    pub secret: bool,
    /// What counts where it is empty.
    pub default: Option<&'static str>,
    /// The values allowed; any where empty.
    pub options: &'static [&'static str],
}
