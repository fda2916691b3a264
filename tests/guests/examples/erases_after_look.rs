//! The version after `erases_at_once`. It looks the person up before it erases them.

use test_guests::{
    base::exports::privacy::saas_connector::connector::{
        Check, Error, Guest as Connector, Manifest, Settings,
    },
    eraser,
    erasure::exports::privacy::saas_connector::erasure::{Guest, PendingErasure, Receipt, Subject},
};

struct ErasesAfterLook;

impl Connector for ErasesAfterLook {
    fn describe() -> Manifest {
        Manifest { version: "2".to_owned(), ..eraser::manifest("eraser") }
    }

    fn test_connection(_: Settings) -> Result<Vec<Check>, Error> {
        Ok(Vec::new())
    }
}

impl Guest for ErasesAfterLook {
    fn erase(_: Settings, person: Subject) -> Result<Receipt, Error> {
        let _found = eraser::look(&person)?;
        eraser::erase(&person)
    }

    fn confirm(_: Settings, erasures: Vec<PendingErasure>) -> Result<Vec<Receipt>, Error> {
        eraser::confirm(&erasures)
    }
}

test_guests::base::export!(ErasesAfterLook);
test_guests::erasure::export!(ErasesAfterLook);
