//! Traps in `erase`, before it sends anything. Its `test-connection` succeeds.

use test_guests::{
    base::exports::privacy::saas_connector::connector::{
        Check, Error, Guest as Connector, Manifest, Settings,
    },
    eraser,
    erasure::exports::privacy::saas_connector::erasure::{Guest, PendingErasure, Receipt, Subject},
};

struct TrapsOnErase;

impl Connector for TrapsOnErase {
    fn describe() -> Manifest {
        eraser::manifest("traps-on-erase")
    }

    fn test_connection(_: Settings) -> Result<Vec<Check>, Error> {
        Ok(Vec::new())
    }
}

impl Guest for TrapsOnErase {
    fn erase(_: Settings, _: Subject) -> Result<Receipt, Error> {
        core::arch::wasm32::unreachable()
    }

    fn confirm(_: Settings, erasures: Vec<PendingErasure>) -> Result<Vec<Receipt>, Error> {
        eraser::confirm(&erasures)
    }
}

test_guests::base::export!(TrapsOnErase);
test_guests::erasure::export!(TrapsOnErase);
