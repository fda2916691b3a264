//! Which components load as a plugin, and the error for each one that does not.

mod bytes;
mod describe;
mod imports;
mod versions;

use connector_tests::{guest, load};
use host_harness::plugin::{LoadPolicy, Plugin};

/// Returns why `bytes` do not load as a plugin.
async fn refusal(bytes: Vec<u8>) -> String {
    match load(bytes).await {
        Ok(plugin) => panic!("loaded {plugin:?}"),
        Err(error) => error.to_string(),
    }
}

/// Parses a component in text format.
fn component(text: &str) -> Vec<u8> {
    wat::parse_str(text).unwrap()
}

/// Loads `bytes` under `policy`, on the engine that all tests share.
async fn load_under(policy: LoadPolicy, bytes: Vec<u8>) -> Result<Plugin, String> {
    Plugin::load(&connector_tests::engine(), bytes, &policy).await.map_err(|error| error.to_string())
}
