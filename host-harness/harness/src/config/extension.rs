//! A configuration that an embedding program adds sections of its own to.

use super::{
    secret::Surroundings,
    section::{Problems, Section},
};

/// What reads the parts of a file that this host has no use for: an embedding program's own.
pub trait Extension {
    /// Reads what of it is at the top of the file.
    fn of_file(&mut self, root: &mut Section<'_>, around: &mut Surroundings<'_>, problems: &mut Problems<'_>);
    /// Reads what of it is in the table of `tenant`.
    fn of_tenant(
        &mut self,
        tenant: &str,
        section: &mut Section<'_>,
        around: &mut Surroundings<'_>,
        problems: &mut Problems<'_>,
    );
}

/// Leaves the service's parts of a file unread, so that both can share one.
pub(super) struct Unread;

impl Extension for Unread {
    fn of_file(&mut self, root: &mut Section<'_>, _: &mut Surroundings<'_>, _: &mut Problems<'_>) {
        root.take("service");
    }

    fn of_tenant(
        &mut self,
        _: &str,
        section: &mut Section<'_>,
        _: &mut Surroundings<'_>,
        _: &mut Problems<'_>,
    ) {
        section.take("forward");
    }
}
