//! Extension of the configuration with an embedding program's own sections.

use super::{
    secret::ReadContext,
    section::{Entry, Problems, Section},
};

/// Reads the parts of a file that belong to an embedding program.
pub trait Extension {
    /// Reads its parts at the top level of the file.
    fn of_file(&mut self, root: &mut Section<'_>, around: &mut ReadContext<'_>, problems: &mut Problems<'_>);
    /// Reads the reference to `plugin` in a registry.
    fn of_registry(&mut self, plugin: &str, reference: Entry<'_>, problems: &mut Problems<'_>);
    /// Reads its parts in the table of `tenant`.
    fn of_tenant(
        &mut self,
        tenant: &str,
        section: &mut Section<'_>,
        around: &mut ReadContext<'_>,
        problems: &mut Problems<'_>,
    );
}

/// Ignores the service's parts of a file, so that both programs can share one.
pub(super) struct NoExtension;

impl Extension for NoExtension {
    fn of_file(&mut self, root: &mut Section<'_>, _: &mut ReadContext<'_>, _: &mut Problems<'_>) {
        root.take("service");
        root.take("registries");
    }

    fn of_registry(&mut self, _: &str, _: Entry<'_>, _: &mut Problems<'_>) {}

    fn of_tenant(
        &mut self,
        _: &str,
        section: &mut Section<'_>,
        _: &mut ReadContext<'_>,
        _: &mut Problems<'_>,
    ) {
        section.take("forward");
    }
}
