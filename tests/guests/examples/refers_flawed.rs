//! A version of the connector of `src/refers.rs` that fails for some people: it traps if an identifier begins with `trap`, and
//! claims an erasure without sending anything if one begins with `claim`.

use test_guests::{
    base::exports::privacy::saas_connector::connector::{
        Check, Error, Guest as Connector, Manifest, Settings,
    },
    erasure::exports::privacy::saas_connector::erasure::{Guest, PendingErasure, Receipt, Status, Subject},
    refers,
};

struct Refers;

impl Connector for Refers {
    fn describe() -> Manifest {
        refers::manifest("flawed")
    }

    fn test_connection(_: Settings) -> Result<Vec<Check>, Error> {
        Ok(refers::checks("flawed"))
    }
}

impl Guest for Refers {
    fn erase(_: Settings, person: Subject) -> Result<Receipt, Error> {
        let begins = |start: &str| person.iter().any(|identifier| identifier.value.starts_with(start));
        if begins("trap") {
            refers::trap();
        }
        if begins("claim") {
            return Ok(refers::receipt(Status::Erased, None));
        }
        refers::erase("flawed")
    }

    fn confirm(settings: Settings, erasures: Vec<PendingErasure>) -> Result<Vec<Receipt>, Error> {
        refers::confirm("flawed", &settings, &erasures)
    }
}

test_guests::base::export!(Refers);
test_guests::erasure::export!(Refers);
