//! Repeats the vendor's words in the error of `erase`, which may name the person. Otherwise it behaves well.

use test_guests::{
    base::exports::privacy::saas_connector::connector::{
        Check, Error, Guest as Connector, Manifest, Settings,
    },
    eraser,
    erasure::exports::privacy::saas_connector::erasure::{Guest, PendingErasure, Receipt, Subject},
};

struct NamesThePerson;

impl Connector for NamesThePerson {
    fn describe() -> Manifest {
        eraser::manifest("names-the-person")
    }

    fn test_connection(_: Settings) -> Result<Vec<Check>, Error> {
        Ok(Vec::new())
    }
}

impl Guest for NamesThePerson {
    fn erase(_: Settings, person: Subject) -> Result<Receipt, Error> {
        let response = eraser::forget(&person)?;
        let words = String::from_utf8_lossy(&response.body);
        eraser::receipt(&response).map_err(|error| Error { message: format!("refused: {words}"), ..error })
    }

    fn confirm(_: Settings, erasures: Vec<PendingErasure>) -> Result<Vec<Receipt>, Error> {
        eraser::confirm(&erasures)
    }
}

test_guests::base::export!(NamesThePerson);
test_guests::erasure::export!(NamesThePerson);
