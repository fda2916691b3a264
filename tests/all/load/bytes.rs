//! Bytes that are not a component, or a damaged one.

use super::*;

#[tokio::test]
async fn a_component_over_the_cap_is_refused_before_it_is_read() {
    let bytes = guest("build_one");
    let size = bytes.len();
    let policy = LoadPolicy { max_bytes: size - 1, ..Default::default() };
    assert_eq!(
        load_under(policy, bytes.clone()).await.unwrap_err(),
        format!(
            "the component has {size} bytes, more than the {} that the plugin's max-bytes allows",
            size - 1
        )
    );
    let policy = LoadPolicy { max_bytes: size, ..Default::default() };
    assert_eq!(load_under(policy, bytes).await.unwrap().manifest().name, "swapped");
    assert_eq!(
        refusal(vec![0; (2 << 20) + 1]).await,
        "the component has 2097153 bytes, more than the 2097152 that the plugin's max-bytes allows"
    );
}

#[tokio::test]
async fn what_is_no_component_is_refused() {
    assert!(refusal(Vec::new()).await.starts_with("not a component that this host can run: "));
    assert!(
        refusal(b"#!/bin/sh\necho hello\n".to_vec())
            .await
            .starts_with("not a component that this host can run: ")
    );
    assert_eq!(
        refusal(component("(module)")).await,
        "not a component that this host can run: failed to parse WebAssembly module: \
         attempted to parse a wasm module with a component parser"
    );
}

/// With its `wat` feature wasmtime would compile text, and a plugin would have as many digests as spellings.
#[tokio::test]
async fn a_component_as_text_is_refused() {
    assert!(refusal(b"(component)".to_vec()).await.starts_with("not a component that this host can run: "));
}

#[tokio::test]
async fn proposals_that_no_connector_needs_are_off() {
    for module in [
        "(module (memory i64 1))",
        "(module (memory 1) (memory 1))",
        "(module (memory 1 1 shared))",
        "(module (func (result v128) (v128.const i64x2 0 0)))",
        "(module (func $f (return_call $f)))",
        "(module (tag))",
        "(module (type (struct)))",
    ] {
        let core = module.replacen("(module", "(core module", 1);
        let refused = refusal(component(&format!("(component {core})"))).await;
        assert!(refused.starts_with("not a component that this host can run: "), "{module}: {refused}");
    }
}

/// Whatever is cut off or flipped, loading ends in an error or in a plugin with a different digest.
#[tokio::test]
async fn a_component_cut_short_or_with_a_bit_turned_panics_nothing() {
    let whole = guest("breaks_the_abi");
    let digest = load(whole.clone()).await.unwrap().digest();
    let cut = (0..whole.len()).step_by(whole.len() / 100 + 1).map(|end| whole[..end].to_vec());
    let bits = whole.len() * 8;
    let turned = (0..bits).step_by(bits / 400 + 1).map(|bit| {
        let mut bytes = whole.clone();
        bytes[bit / 8] ^= 1 << (bit % 8);
        bytes
    });
    let mut refused = 0;
    for bytes in cut.chain(turned) {
        match load(bytes).await {
            Ok(plugin) => assert_ne!(plugin.digest(), digest),
            Err(error) => {
                assert!(!error.to_string().contains("interrupted"), "{error}");
                refused += 1;
            }
        }
    }
    assert!(refused > 100, "{refused} refused");
    assert_eq!(load(whole).await.unwrap().digest(), digest);
}
