//! Version three of the connector in `src/refers.rs`: it also identifies people by user id, and has no setting `foreign`.

use test_guests::{
    base::exports::privacy::saas_connector::connector::{
        Check, Error, Guest as Connector, Manifest, Settings,
    },
    erasure::exports::privacy::saas_connector::erasure::{Guest, PendingErasure, Receipt, Subject},
    identifier_kind, refers,
};

struct Refers;

impl Connector for Refers {
    fn describe() -> Manifest {
        let manifest = refers::manifest("three");
        let settings = manifest.settings.into_iter().filter(|setting| setting.name != "foreign").collect();
        let identifier_kinds = vec![identifier_kind("email"), identifier_kind("user-id")];
        Manifest { settings, identifier_kinds, ..manifest }
    }

    fn test_connection(_: Settings) -> Result<Vec<Check>, Error> {
        Ok(refers::checks("three"))
    }
}

impl Guest for Refers {
    fn erase(_: Settings, _: Subject) -> Result<Receipt, Error> {
        refers::erase("three")
    }

    fn confirm(settings: Settings, erasures: Vec<PendingErasure>) -> Result<Vec<Receipt>, Error> {
        refers::confirm("three", &settings, &erasures)
    }
}

test_guests::base::export!(Refers);
test_guests::erasure::export!(Refers);
