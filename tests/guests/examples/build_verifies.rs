//! A build of the swapped connector that offers more than the others: it also reads deliveries, none of which it knows.

use test_guests::{
    base::exports::privacy::saas_connector::connector::{
        Check, Error, Guest as Connector, Manifest, Settings,
    },
    builds,
    webhook_verify::exports::privacy::saas_connector::webhook_verify::{Delivery, Guest, Verdict},
};

struct Build;

impl Connector for Build {
    fn describe() -> Manifest {
        builds::manifest("verifies")
    }

    fn test_connection(settings: Settings) -> Result<Vec<Check>, Error> {
        builds::answer("verifies", &settings)
    }
}

impl Guest for Build {
    fn verify(_: Settings, _: Delivery) -> Result<Verdict, Error> {
        Ok(Verdict::Unreadable("the vendor is not known to send this".to_owned()))
    }
}

test_guests::base::export!(Build);
test_guests::webhook_verify::export!(Build);
