//! Version two of the connector whose versions do not understand each other's references: see `src/refers.rs`.

use test_guests::{
    base::exports::privacy::saas_connector::connector::{
        Check, Error, Guest as Connector, Manifest, Settings,
    },
    erasure::exports::privacy::saas_connector::erasure::{Guest, PendingErasure, Receipt, Subject},
    refers,
};

struct Refers;

impl Connector for Refers {
    fn describe() -> Manifest {
        refers::manifest("two")
    }

    fn test_connection(_: Settings) -> Result<Vec<Check>, Error> {
        Ok(refers::checks("two"))
    }
}

impl Guest for Refers {
    fn erase(_: Settings, _: Subject) -> Result<Receipt, Error> {
        refers::erase("two")
    }

    fn confirm(settings: Settings, erasures: Vec<PendingErasure>) -> Result<Vec<Receipt>, Error> {
        refers::confirm("two", &settings, &erasures)
    }
}

test_guests::base::export!(Refers);
test_guests::erasure::export!(Refers);
