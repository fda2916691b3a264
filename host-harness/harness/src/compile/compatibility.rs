//! What compiled code depends on besides the component.

use std::{
    fmt,
    hash::{Hash as _, Hasher},
};

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

/// A digest of everything that compiled code depends on besides the component: wasmtime's version, the target with the
/// features of its CPU, and the engine's settings.
#[derive(Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Compatibility(#[serde(with = "hex::serde")] pub(super) [u8; 32]);

impl Compatibility {
    /// Returns that of the code that `engine` compiles and runs.
    pub(super) fn of(engine: &wasmtime::Engine) -> Self {
        let mut hasher = Sha256Hasher(Sha256::new());
        engine.precompile_compatibility_hash().hash(&mut hasher);
        Self(hasher.0.finalize().into())
    }
}

impl fmt::Debug for Compatibility {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex::encode(self.0))
    }
}

/// Collects what is hashed in a digest without collisions: the 64 bits of a [`Hasher`] could collide.
struct Sha256Hasher(Sha256);

impl Hasher for Sha256Hasher {
    fn write(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }

    fn finish(&self) -> u64 {
        let [first, ..]: [u8; 32] = self.0.clone().finalize().into();
        first.into()
    }
}

#[cfg(test)]
mod tests {
    use wasmtime::{Config, InstanceAllocationStrategy, ModuleVersionStrategy, OptLevel};

    use super::*;
    use crate::engine::settings::{BacktraceDetail, settings_of_code};

    fn engine(change: impl Fn(&mut Config)) -> wasmtime::Engine {
        let mut config = settings_of_code(BacktraceDetail::Names);
        change(&mut config);
        wasmtime::Engine::new(&config).unwrap()
    }

    /// Records what is hashed.
    #[derive(Default)]
    struct Kept(Vec<u8>);

    impl Hasher for Kept {
        fn write(&mut self, bytes: &[u8]) {
            self.0.extend(bytes);
        }

        fn finish(&self) -> u64 {
            0
        }
    }

    #[test]
    fn it_covers_the_settings_the_version_and_the_features_of_the_cpu() {
        let usual = Compatibility::of(&engine(|_| {}));
        assert_eq!(usual, Compatibility::of(&engine(|_| {})));
        let changes: [fn(&mut Config); 4] = [
            |config| {
                config.epoch_interruption(false);
            },
            |config| {
                config.wasm_simd(true);
            },
            |config| {
                config.cranelift_opt_level(OptLevel::None);
            },
            |config| {
                config.module_version(ModuleVersionStrategy::Custom("48.0.0".into())).unwrap();
            },
        ];
        for change in changes {
            assert_ne!(usual, Compatibility::of(&engine(change)));
        }
        let mut kept = Kept::default();
        engine(|_| {}).precompile_compatibility_hash().hash(&mut kept);
        let kept = String::from_utf8_lossy(&kept.0);
        // A patch release may correct the compiler.
        assert!(kept.contains("48.0."), "{kept:?}");
        #[cfg(target_arch = "x86_64")]
        assert!(kept.contains("has_avx2"), "{kept:?}");
    }

    #[test]
    fn stacks_and_the_pool_do_not_change_it() {
        let with_pool = engine(|config| {
            config.allocation_strategy(InstanceAllocationStrategy::pooling()).max_wasm_stack(1 << 16);
        });
        assert_eq!(Compatibility::of(&with_pool), Compatibility::of(&engine(|_| {})));
    }
}
