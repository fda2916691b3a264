//! The version before `signed`. It fails on some deliveries, as their header `x-flaw` says, before it checks the
//! signature.

use test_guests::{
    base::{
        exports::privacy::saas_connector::connector::{Check, Error, Guest as Connector, Manifest, Settings},
        privacy::saas_connector::types::ErrorKind,
    },
    signed,
    webhook_verify::exports::privacy::saas_connector::webhook_verify::{Delivery, Guest, Verdict},
};

struct Flawed;

impl Connector for Flawed {
    fn describe() -> Manifest {
        signed::manifest("1")
    }

    fn test_connection(_: Settings) -> Result<Vec<Check>, Error> {
        Ok(signed::checks())
    }
}

impl Guest for Flawed {
    fn verify(_: Settings, delivery: Delivery) -> Result<Verdict, Error> {
        match signed::header(&delivery, "x-flaw") {
            Some("trap") => core::arch::wasm32::unreachable(),
            Some("spin") => loop {
                std::hint::spin_loop();
            },
            Some(_) => Err(error()),
            None => Ok(signed::verdict(&delivery)),
        }
    }
}

fn error() -> Error {
    Error {
        kind: ErrorKind::Other,
        code: "Flaw".to_owned(),
        message: "this version cannot check the delivery".to_owned(),
        retry_after_ms: None,
        may_have_acted: false,
    }
}

test_guests::base::export!(Flawed);
test_guests::webhook_verify::export!(Flawed);
