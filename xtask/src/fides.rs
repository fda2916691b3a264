//! The integration with Fides: the template that Fides takes.

mod template;

use anyhow::Result;

use crate::shell::say;
pub(crate) use template::{Ending, Protocol, Variant};

/// Writes the template as a zip, and prints its path.
pub(crate) fn write_template(variant: Variant) -> Result<()> {
    say(&variant.write()?.display().to_string());
    Ok(())
}
