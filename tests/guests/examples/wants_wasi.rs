//! Imports WASI, and uses it if its settings say so.

#![expect(clippy::disallowed_methods, reason = "the misdeed")]

use test_guests::{
    base::exports::privacy::saas_connector::connector::{Check, Error, Guest, Manifest, Outcome, Settings},
    parts,
};

struct WantsWasi;

impl Guest for WantsWasi {
    fn describe() -> Manifest {
        Manifest { settings: vec![parts::setting("read")], ..test_guests::manifest("wants-wasi") }
    }

    fn test_connection(settings: Settings) -> Result<Vec<Check>, Error> {
        let detail = settings
            .iter()
            .find(|(name, _)| name == "read")
            .map(|(_, variable)| format!("{:?}", std::env::var(variable)))
            .unwrap_or_default();
        Ok(vec![Check { name: "works".to_owned(), outcome: Outcome::Passed, detail }])
    }
}

test_guests::base::export!(WantsWasi);
