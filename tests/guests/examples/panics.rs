//! Panics in `test-connection`, with a hook that logs the place of a panic and not its message, which may name a person.

#![expect(clippy::panic, reason = "the misdeed")]

use test_guests::base::{
    exports::privacy::saas_connector::connector::{Check, Error, Guest, Manifest, Settings},
    privacy::saas_connector::log,
};

struct Panics;

// As in docs/author.md.
fn log_panics() {
    std::panic::set_hook(Box::new(|panic| {
        let place =
            panic.location().map_or_else(String::new, |at| format!(" at {}:{}", at.file(), at.line()));
        log::write(log::Level::Error, &format!("panicked{place}"));
    }));
}

impl Guest for Panics {
    fn describe() -> Manifest {
        test_guests::manifest("panics")
    }

    fn test_connection(_: Settings) -> Result<Vec<Check>, Error> {
        log_panics();
        panic!("no such person: {}", "ada@example.com")
    }
}

test_guests::base::export!(Panics);
