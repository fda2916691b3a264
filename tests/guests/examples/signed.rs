//! Accepts signed deliveries, which the host checks, whatever else they contain.

use test_guests::{
    base::exports::privacy::saas_connector::connector::{
        Check, Error, Guest as Connector, Manifest, Settings,
    },
    signed,
    webhook_verify::exports::privacy::saas_connector::webhook_verify::{Delivery, Guest, Verdict},
};

struct Signed;

impl Connector for Signed {
    fn describe() -> Manifest {
        signed::manifest("2")
    }

    fn test_connection(_: Settings) -> Result<Vec<Check>, Error> {
        Ok(signed::checks())
    }
}

impl Guest for Signed {
    fn verify(_: Settings, delivery: Delivery) -> Result<Verdict, Error> {
        Ok(signed::verdict(&delivery))
    }
}

test_guests::base::export!(Signed);
test_guests::webhook_verify::export!(Signed);
