//! Where the database is, and the files that go with it.
//! Tested in `src/settings/tests.rs`.

use std::path::{Path, PathBuf};

use host_harness::config::{Problems, ReadContext, Section, secret};
use host_store::{DatabaseAddress, PostgresAddress, erasures::ledger::beside_database};

use super::wrong::WrongSetting;

/// The file of the database by default, and the name of what is kept for a database on a server.
const NAME: &str = "connector-host";

/// Reads `database` and `database-password`.
pub(super) fn database(
    section: &mut Section<'_>,
    around: &mut ReadContext<'_>,
    problems: &mut Problems<'_>,
) -> Option<DatabaseAddress> {
    let place = section.place.clone();
    let password_at = section.at("database-password");
    let password = match section.take("database-password") {
        Some(entry) => Some(secret(entry, around, problems)?),
        None => None,
    };
    let at = section.at("database");
    let written = match section.take("database") {
        Some(entry) => entry.text(problems)?,
        None => format!("{NAME}.db"),
    };
    if PostgresAddress::is_url(&written) {
        let address = PostgresAddress::new(&written, password).map_err(|wrong| {
            problems.add(at, &format!("{place}.database"), WrongSetting::DatabaseUrl(wrong).into());
        });
        return address.ok().map(DatabaseAddress::Server);
    }
    if password.is_some() {
        problems.add(password_at, &format!("{place}.database-password"), WrongSetting::PasswordOfFile.into());
    }
    Some(DatabaseAddress::File(around.base.join(written)))
}

/// The files that go with a database unless the configuration names others.
pub(super) struct Files {
    pub(super) compiled_cache: PathBuf,
    pub(super) erasure_ledger: PathBuf,
}

impl Files {
    /// Returns the files beside the database, or those in the folder `base` for a database on a server.
    pub(super) fn of(database: &DatabaseAddress, base: &Path) -> Self {
        let named = match database {
            DatabaseAddress::File(path) => path.clone(),
            DatabaseAddress::Server(_) => base.join(NAME),
        };
        Self {
            compiled_cache: named.with_added_extension("compiled"),
            erasure_ledger: beside_database(&named),
        }
    }
}
