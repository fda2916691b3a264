//! What callers do with the versions of plugins, and how far it is.

use strum::{AsRefStr, Display, EnumString, VariantArray};

/// What a caller does with a version of a plugin.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Display, EnumString, AsRefStr, VariantArray)]
#[strum(serialize_all = "kebab-case")]
pub enum PluginAction {
    /// Uploads, proves, approves and serves it.
    Publish,
    /// Uploads and proves it.
    Upload,
    /// Serves one that is stored.
    Serve,
    /// Serves the one that ran before.
    RollBack,
    /// Pulls it from its registry, and publishes it.
    Pull,
}

/// How far an operation on a plugin is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Display, EnumString, AsRefStr, VariantArray)]
#[strum(serialize_all = "kebab-case")]
pub enum OperationState {
    /// It is being carried out.
    Running,
    /// It did what was asked for.
    Succeeded,
    /// It did not: it was refused, or the service stopped.
    Failed,
}
