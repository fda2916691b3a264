//! Where the database is, and the files that go with it.
//! Tested in `src/settings/tests.rs`.

use std::path::{Path, PathBuf};

use host_harness::config::{Problems, ReadContext, Section, secret};
use host_store::{DatabaseAddress, PostgresAddress, erasures::ledger::beside_database};

use super::wrong::WrongSetting;

/// The file of the database by default, and the name of what is kept for a database on a server.
const NAME: &str = "connector-host";

/// Where a database is.
pub(super) struct Databases {
    /// Where it is read and written.
    pub(super) database: DatabaseAddress,
    /// Where its notifications are received; `None` for a file.
    pub(super) listen: Option<PostgresAddress>,
}

/// Reads `database`, `database-password` and `listen-url`.
pub(super) fn databases(
    section: &mut Section<'_>,
    around: &mut ReadContext<'_>,
    problems: &mut Problems<'_>,
) -> Option<Databases> {
    let place = section.place.clone();
    let password_at = section.at("database-password");
    let password = match section.take("database-password") {
        Some(entry) => Some(secret(entry, around, problems)?),
        None => None,
    };
    let (at, listen_at) = (section.at("database"), section.at("listen-url"));
    let written = match section.take("database") {
        Some(entry) => entry.text(problems)?,
        None => format!("{NAME}.db"),
    };
    let listen = match section.take("listen-url") {
        Some(entry) => Some(entry.text(problems)?),
        None => None,
    };
    if PostgresAddress::is_url(&written) {
        let mut wrong = |at, key: &str, wrong| {
            problems.add(at, &format!("{place}.{key}"), WrongSetting::DatabaseUrl(wrong).into());
        };
        let database = PostgresAddress::new(&written, password.clone());
        let database = database.map_err(|error| wrong(at, "database", error)).ok()?;
        let Some(listen) = listen else {
            return Some(Databases {
                listen: Some(database.clone()),
                database: DatabaseAddress::Server(database),
            });
        };
        // If an address for notifications is given, the other one is a pooler's.
        let database = database.pooled().map_err(|error| wrong(at, "database", error)).ok()?;
        let listen = PostgresAddress::new(&listen, password);
        let listen = listen.map_err(|error| wrong(listen_at, "listen-url", error)).ok()?;
        return Some(Databases { database: DatabaseAddress::Server(database), listen: Some(listen) });
    }
    let needless =
        [(password.is_some(), password_at, "database-password"), (listen.is_some(), listen_at, "listen-url")];
    for (_, at, key) in needless.into_iter().filter(|(is_set, ..)| *is_set) {
        problems.add(at, &format!("{place}.{key}"), WrongSetting::OfServerOnly.into());
    }
    Some(Databases { database: DatabaseAddress::File(around.base.join(written)), listen: None })
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
