//! Which components load as a plugin, and the error for each one that does not.

mod bytes;
mod compile;
mod describe;
mod imports;
mod parts;
mod versions;

use connector_tests::{guest, load};
use host_harness::plugin::{LoadPolicy, Plugin};

/// How every refusal begins that is about the bytes.
const PREFIX: &str = "not a component that this host can run: ";

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

/// Returns the guest `build_one` with a further nested component, which it instantiates.
fn extended(nested: &str) -> Vec<u8> {
    with_nested(guest("build_one"), nested)
}

fn with_nested(mut bytes: Vec<u8>, nested: &str) -> Vec<u8> {
    let (mut depth, mut components) = (0, 0);
    for payload in wasmparser::Parser::new(0).parse_all(&bytes) {
        match payload.unwrap() {
            wasmparser::Payload::Version { .. } => depth += 1,
            wasmparser::Payload::End(_) => depth -= 1,
            wasmparser::Payload::ComponentSection { .. } => components += u32::from(depth == 1),
            _ => {}
        }
    }
    section(&mut bytes, 4, &component(nested));
    let mut instance = vec![1, 0];
    leb(&mut instance, components);
    instance.push(0);
    section(&mut bytes, 5, &instance);
    bytes
}

fn section(bytes: &mut Vec<u8>, id: u8, content: &[u8]) {
    bytes.push(id);
    leb(bytes, u32::try_from(content.len()).unwrap());
    bytes.extend_from_slice(content);
}

fn leb(bytes: &mut Vec<u8>, mut number: u32) {
    while number >= 0x80 {
        bytes.push(u8::try_from(number & 0x7f).unwrap() | 0x80);
        number >>= 7;
    }
    bytes.push(u8::try_from(number).unwrap());
}
