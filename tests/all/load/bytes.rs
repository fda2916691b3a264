//! Bytes that are not a component, or a damaged one.

use host_harness::plugin::LoadError;

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
async fn what_is_not_webassembly_is_refused_with_its_first_bytes() {
    for (bytes, begins) in [
        (b"".as_slice(), ""),
        (b"#!/bin/sh\necho hello\n", r"#!/bin/sh\necho h"),
        (b"\x1b[31m\0", r"\x1b[31m\x00"),
        // With its `wat` feature wasmtime would compile text, and a plugin would have as many digests as spellings.
        (b"(component)", "(component)"),
    ] {
        assert_eq!(
            refusal(bytes.to_vec()).await,
            format!("{PREFIX}it is not WebAssembly, since it begins with \"{begins}\"")
        );
    }
}

#[tokio::test]
async fn a_core_module_is_refused_with_the_command_that_makes_a_component_of_it() {
    assert_eq!(
        refusal(component("(module)")).await,
        format!(
            "{PREFIX}it is a core module; make a component of it with \
             `wasm-tools component new core.wasm -o connector.wasm` or `npx jco new core.wasm -o connector.wasm`"
        )
    );
}

#[tokio::test]
async fn a_file_that_is_cut_off_is_refused_with_the_size_that_it_begins() {
    let whole = guest("build_one");
    for kept in [1, 4, 7] {
        assert_eq!(
            refusal(whole[..kept].to_vec()).await,
            format!("{PREFIX}it is cut off after {kept} of at least 8 bytes; copy or build it again")
        );
    }
    let kept = whole.len() - 1;
    assert_eq!(
        refusal(whole[..kept].to_vec()).await,
        format!(
            "{PREFIX}it is cut off after {kept} of at least {} bytes; copy or build it again",
            whole.len()
        )
    );
    // Within the head of a section.
    let kept = whole[..9].to_vec();
    assert_eq!(
        refusal(kept).await,
        format!("{PREFIX}it is cut off after 9 of at least 10 bytes; copy or build it again")
    );
}

#[tokio::test]
async fn a_version_of_the_format_that_no_one_knows_is_refused() {
    for version in [[2, 0, 0, 0], [0x0c, 0, 1, 0], [0x0d, 0, 2, 0]] {
        let bytes = [b"\0asm".as_slice(), &version].concat();
        assert_eq!(
            refusal(bytes).await,
            format!(
                "{PREFIX}its version of the binary format, \"{}\", is unknown; expected \
                 \"\\r\\x00\\x01\\x00\", a component: build it with a current toolchain",
                version.escape_ascii()
            )
        );
    }
}

#[tokio::test]
async fn proposals_that_no_connector_needs_are_off() {
    for module in [
        "(module (memory i64 1))",
        "(module (memory 1 1 shared))",
        "(module (func (result v128) (v128.const i64x2 0 0)))",
        "(module (func $f (return_call $f)))",
        "(module (tag))",
        "(module (type (struct)))",
    ] {
        let core = module.replacen("(module", "(core module", 1);
        let refused = refusal(extended(&format!("(component {core})"))).await;
        assert!(refused.starts_with("not a component that this host can run: "), "{module}: {refused}");
    }
}

/// Whatever is cut off or flipped, loading ends in an error or in a plugin with a different digest.
#[tokio::test]
async fn a_component_cut_short_or_with_a_bit_turned_panics_nothing() {
    // The second makes the compiler generate adapters.
    for whole in [guest("breaks_the_abi"), with_nested(guest("breaks_the_abi"), parts::COMPOSITION)] {
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
                    assert!(!matches!(error, LoadError::CompilerFailed), "{error}");
                    refused += 1;
                }
            }
        }
        assert!(refused > 100, "{refused} refused");
        assert_eq!(load(whole).await.unwrap().digest(), digest);
    }
}
