//! Never returns from `erase` once the vendor has answered with a server error.

use test_guests::{
    base::exports::privacy::saas_connector::connector::{
        Check, Error, Guest as Connector, Manifest, Settings,
    },
    eraser,
    erasure::exports::privacy::saas_connector::erasure::{Guest, PendingErasure, Receipt, Subject},
};

struct LoopsOnErase;

impl Connector for LoopsOnErase {
    fn describe() -> Manifest {
        eraser::manifest("loops-on-erase")
    }

    fn test_connection(_: Settings) -> Result<Vec<Check>, Error> {
        Ok(Vec::new())
    }
}

impl Guest for LoopsOnErase {
    fn erase(_: Settings, person: Subject) -> Result<Receipt, Error> {
        if eraser::forget(&person).is_ok_and(|response| response.status >= 500) {
            loop {
                std::hint::spin_loop();
            }
        }
        eraser::erase(&person)
    }

    fn confirm(_: Settings, erasures: Vec<PendingErasure>) -> Result<Vec<Receipt>, Error> {
        eraser::confirm(&erasures)
    }
}

test_guests::base::export!(LoopsOnErase);
test_guests::erasure::export!(LoopsOnErase);
