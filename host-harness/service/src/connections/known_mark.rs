//! What is known of the newest revision of a plugin.

use host_harness::plugin::KnownMark;
use host_store::StoreError;
use host_trust::HighWaterMark;

/// Returns what is known of a plugin's mark, which was read from the database.
pub(super) fn known_mark(found: Result<Option<HighWaterMark>, StoreError>) -> Result<KnownMark, StoreError> {
    match found {
        Ok(mark) => Ok(KnownMark::Admitted(mark)),
        Err(error) if error.is_about_one_row() => Ok(KnownMark::Unknown),
        Err(error) => Err(error),
    }
}
