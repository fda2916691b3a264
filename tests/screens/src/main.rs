//! The operator's page in a real browser: each walk is taken by keyboard alone, and by mouse with scripts off. On the first,
//! each screen is looked at, light and dark, wide and narrow: see [`look`].
//!
//! A walk is a file in `walks/`, and a line in [`WALKS`]. `cargo xtask screens` writes the pictures.
#![cfg(unix)]
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::expect_used,
    reason = "a failed set-up fails the test"
)]

mod browser;
mod driver;
mod look;
mod service;
mod walk;
mod walks;

use std::{path::Path, process::ExitCode, sync::Arc};

use driver::Driver;
use futures::future::LocalBoxFuture;
use libtest_mimic::{Arguments, Trial};
use tokio::runtime::Runtime;
use walk::{Hands, Walk};

/// What a user does on one walk.
type WalkFn = fn(Walk) -> LocalBoxFuture<'static, ()>;

/// Each walk with its name. The name is the tenant of its connections, and the folder of its pictures.
const WALKS: &[(&str, WalkFn)] = &[
    ("brief", |walk| Box::pin(walks::brief::walk(walk))),
    ("signing-in", |walk| Box::pin(walks::signing_in::walk(walk))),
    ("connecting", |walk| Box::pin(walks::connecting::walk(walk))),
    ("mapping", |walk| Box::pin(walks::mapping::walk(walk))),
    ("webhook", |walk| Box::pin(walks::webhook::walk(walk))),
    ("plugins", |walk| Box::pin(walks::plugins::walk(walk))),
    ("requests", |walk| Box::pin(walks::requests::walk(walk))),
    ("two-people", |walk| Box::pin(walks::two_people::walk(walk))),
    ("watching", |walk| Box::pin(walks::watching::walk(walk))),
];

/// Returns the folder of what cargo builds.
fn target_dir() -> &'static Path {
    Path::new(env!("CARGO_TARGET_TMPDIR")).parent().unwrap()
}

fn main() -> ExitCode {
    // Nothing is encrypted on loopback, but the clients do not start without a provider.
    rustls::crypto::ring::default_provider().install_default().unwrap();
    let mut arguments = Arguments::from_args();
    // A browser is a dozen processes: more of them at once make each other miss their deadlines.
    arguments.test_threads.get_or_insert(2);
    let (runtime, driver) = (Arc::new(Runtime::new().unwrap()), Arc::new(Driver::start()));
    let trials = WALKS.iter().flat_map(|&(name, walk)| {
        Hands::BOTH.map(|hands| {
            let (runtime, driver) = (Arc::clone(&runtime), Arc::clone(&driver));
            Trial::test(format!("{name}_{hands}"), move || {
                runtime.block_on(async move { walk(Walk::begin(name, hands, &driver).await).await });
                Ok(())
            })
        })
    });
    let conclusion = libtest_mimic::run(&arguments, trials.collect());
    // The driver ends before the process, and its browsers with it.
    drop(driver);
    conclusion.exit_code()
}
