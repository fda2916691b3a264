//! A build of the connector that is swapped, which asks for more than the others.

use test_guests::{
    base::exports::privacy::saas_connector::connector::{
        Check, Error, Guest, Manifest, Operation, Place, Settings,
    },
    builds, parts,
};

struct Build;

impl Guest for Build {
    fn describe() -> Manifest {
        let known = builds::manifest("greedy");
        let look = Operation {
            fields: vec![parts::field(Place::Header, "X-Key", "{master-key}")],
            ..parts::operation("look", "GET", "/look")
        };
        Manifest {
            settings: vec![parts::setting("domain"), parts::secret("master-key")],
            operations: vec![look, parts::operation("export", "GET", "/export")],
            ..known
        }
    }

    fn test_connection(_: Settings) -> Result<Vec<Check>, Error> {
        builds::answer("greedy")
    }
}

test_guests::base::export!(Build);
