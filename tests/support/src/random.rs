use proptest::test_runner::{Config, RngSeed};

/// Names the seed of random tests.
const VARIABLE: &str = "TEST_SEED";

/// The seed in the environment variable `TEST_SEED`, or else a random one. It is printed, which cargo shows for a test that
/// fails: run it again with that seed.
///
/// # Panics
/// If the variable is not a whole number.
#[expect(clippy::disallowed_methods, reason = "a run is repeated without compiling again")]
#[expect(clippy::print_stdout, clippy::panic, reason = "for the developer who runs the test")]
pub fn seed() -> u64 {
    let seed = match std::env::var(VARIABLE) {
        Ok(text) => {
            text.parse().unwrap_or_else(|error| panic!("{VARIABLE}={text}: expected a whole number: {error}"))
        }
        Err(_) => fastrand::u64(..),
    };
    println!("{VARIABLE}={seed}");
    seed
}

/// Proptest's configuration for that many cases from [`seed`]. Failures are repeated by their seed, so none is written to a
/// file.
pub fn cases(count: u32) -> Config {
    Config { rng_seed: RngSeed::Fixed(seed()), failure_persistence: None, ..Config::with_cases(count) }
}
