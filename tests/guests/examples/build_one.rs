//! Build one of the swapped connector.

use test_guests::{
    base::exports::privacy::saas_connector::connector::{Check, Error, Guest, Manifest, Settings},
    builds,
};

struct Build;

impl Guest for Build {
    fn describe() -> Manifest {
        builds::manifest("one")
    }

    fn test_connection(settings: Settings) -> Result<Vec<Check>, Error> {
        builds::answer("one", &settings)
    }
}

test_guests::base::export!(Build);
