//! The first version of a connector that erases with one request.

use test_guests::{
    base::exports::privacy::saas_connector::connector::{
        Check, Error, Guest as Connector, Manifest, Settings,
    },
    eraser,
    erasure::exports::privacy::saas_connector::erasure::{Guest, PendingErasure, Receipt, Subject},
};

struct ErasesAtOnce;

impl Connector for ErasesAtOnce {
    fn describe() -> Manifest {
        Manifest { version: "1".to_owned(), ..eraser::manifest("eraser") }
    }

    fn test_connection(_: Settings) -> Result<Vec<Check>, Error> {
        Ok(Vec::new())
    }
}

impl Guest for ErasesAtOnce {
    fn erase(_: Settings, person: Subject) -> Result<Receipt, Error> {
        eraser::erase(&person)
    }

    fn confirm(_: Settings, erasures: Vec<PendingErasure>) -> Result<Vec<Receipt>, Error> {
        eraser::confirm(&erasures)
    }
}

test_guests::base::export!(ErasesAtOnce);
test_guests::erasure::export!(ErasesAtOnce);
