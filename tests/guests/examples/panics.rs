//! Panics in `test-connection`, with a hook that logs the place of a panic and not its message, which may name a person.

use std::{panic, sync::Once};

use test_guests::base::{
    exports::privacy::saas_connector::connector::{Check, Error, Guest, Manifest, Settings},
    privacy::saas_connector::log,
};

struct Panics;

/// Logs the file and the line of each panic.
fn log_panics() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        panic::set_hook(Box::new(|info| {
            let place = info.location().map(ToString::to_string).unwrap_or_default();
            log::write(log::Level::Error, &format!("panicked at {place}"));
        }));
    });
}

impl Guest for Panics {
    fn describe() -> Manifest {
        test_guests::manifest("panics")
    }

    fn test_connection(_: Settings) -> Result<Vec<Check>, Error> {
        log_panics();
        let person = "ada@example.com";
        Err(person.parse::<u32>().map(|_| unreachable!()).expect(person))
    }
}

test_guests::base::export!(Panics);
