//! From bytes to a plugin: size, imports, exports, link, describe, manifest. Each refusal says what to change.

use std::{sync::Arc, time::Duration};

use sha2::{Digest as _, Sha256};
use wasmtime::component::{Component, InstancePre};

use super::{
    Exports, Plugin,
    surface::{IMPORTS, Surface, Way},
};
use crate::{
    bindings::Bounded,
    connection::{CallLimits, Redactor},
    egress::{Declaration, ManifestError},
    engine::Engine,
    sandbox::{
        about::About,
        failure::{failure_of, too_slow_to_load},
        instance::Sandbox,
        masks::Masks,
        state::CallState,
    },
};
use host_model::{
    contract::{ContractVersion, Interface, manifest::Manifest},
    digest::Digest,
    failure::CallFailure,
};

/// What to do with imports of `wasi:*`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Wasi {
    /// Refuse the plugin.
    #[default]
    Refused,
    /// Load it; a call that uses one of them traps. For toolchains that cannot leave WASI out.
    Trapped,
}

/// The operator's conditions for a plugin.
#[derive(Clone, Copy, Debug)]
pub struct LoadPolicy {
    /// The largest component. Compiling takes about a second a MiB, and bounds nothing by itself.
    pub max_bytes: usize,
    /// What to do with imports of `wasi:*`.
    pub wasi: Wasi,
    /// How long it may take to start and describe itself. It asks nobody, so a machine under load is all that it waits for.
    pub describe: Duration,
}

impl Default for LoadPolicy {
    fn default() -> Self {
        Self { max_bytes: 2 << 20, wasi: Wasi::Refused, describe: Duration::from_secs(10) }
    }
}

/// Why a component is not a plugin.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// Over the size cap.
    #[error("the component has {found} bytes, more than the {allowed} that the plugin's max-bytes allows")]
    TooLarge {
        /// Its size.
        found: usize,
        /// The cap.
        allowed: usize,
    },
    /// Not wasm, a core module, or a proposal that is off.
    #[error("not a component that this host runs: {0}")]
    NotAComponent(String),
    /// An import that the contract does not have.
    #[error(
        "imports {import}, which is not in the contract: a connector may import {} of privacy:saas-connector and nothing \
         else{}",
        IMPORTS.join(", "),
        if *.wasi { "; if its toolchain cannot leave WASI out, set wasi = \"trapped\" for this plugin" } else { "" }
    )]
    ForeignImport {
        /// Its full name.
        import: String,
        /// Whether `wasi = "trapped"` would let it in.
        wasi: bool,
    },
    /// An export that the contract does not have.
    #[error(
        "exports {export}, which is not in the contract: a connector may export {} of privacy:saas-connector and nothing else",
        Interface::ALL.map(Interface::name).join(", ")
    )]
    ForeignExport {
        /// Its full name.
        export: String,
    },
    /// A contract version that this host does not serve.
    #[error("{way} {name}; this host serves {}", ContractVersion::served())]
    UnservedVersion {
        /// How the component uses it.
        way: Way,
        /// The full name.
        name: String,
    },
    /// Interfaces of more than one contract version.
    #[error("mixes versions of the contract: {0} and {1}; build it against one of them")]
    MixedVersions(String, String),
    /// Not even a base connector.
    #[error(
        "exports no privacy:saas-connector/connector, so it is no connector; this host serves {}",
        ContractVersion::served()
    )]
    NoConnector,
    /// A type or function differs from the contract's.
    #[error("does not fit the contract: {0}")]
    Mismatch(String),
    /// It did not come through its own start or `describe`.
    #[error("could not describe itself: {0}")]
    Undescribed(CallFailure),
    /// Its manifest breaks rules.
    #[error("its manifest breaks {} of the contract's rules:{}", .0.len(), bulleted(.0))]
    Manifest(Vec<ManifestError>),
    /// The thread that compiled it is gone.
    #[error("compiling was interrupted")]
    Interrupted,
}

/// More broken rules than this are told when these are mended.
const MOST_TOLD: usize = 50;

/// A manifest's own words stand in these sentences, and are not to rewrite a terminal.
fn plain(sentence: &str) -> String {
    let shown = |c: char| if c.is_control() { c.escape_default().collect() } else { vec![c] };
    sentence.chars().take(500).flat_map(shown).collect()
}

fn bulleted(errors: &[ManifestError]) -> String {
    errors.iter().take(MOST_TOLD).flat_map(|error| ["\n  - ".to_owned(), plain(&error.to_string())]).collect()
}

impl Plugin {
    /// Loads a component; compiling happens on a thread of its own.
    pub async fn load(engine: &Arc<Engine>, bytes: Vec<u8>, policy: &LoadPolicy) -> Result<Self, LoadError> {
        if bytes.len() > policy.max_bytes {
            return Err(LoadError::TooLarge { found: bytes.len(), allowed: policy.max_bytes });
        }
        let digest = Digest(Sha256::digest(&bytes).into());
        let compiling = {
            let engine = Arc::clone(engine);
            tokio::task::spawn_blocking(move || Component::from_binary(engine.wasmtime(), &bytes))
        };
        let component = compiling
            .await
            .map_err(|_| LoadError::Interrupted)?
            .map_err(|error| LoadError::NotAComponent(sentence(&error)))?;
        let Surface { contract, imports, offered } = Surface::of(engine, &component, policy.wasi)?;
        let pre = link(engine, &component, policy.wasi)?;
        let exports = Exports::find(&component, contract, &offered)
            .map_err(|error| LoadError::Mismatch(sentence(&error)))?;
        let manifest = describe(engine, &pre, &exports, policy.describe).await?;
        let declaration = Declaration::check(manifest).and_then(|declaration| declaration.offering(&offered));
        let declaration = Arc::new(declaration.map_err(LoadError::Manifest)?);
        component
            .initialize_copy_on_write_image()
            .map_err(|error| LoadError::NotAComponent(sentence(&error)))?;
        Ok(Self { pre, contract, exports, offered, imports, digest, declaration })
    }
}

fn link(engine: &Engine, component: &Component, wasi: Wasi) -> Result<InstancePre<CallState>, LoadError> {
    let mismatch = |error: wasmtime::Error| LoadError::Mismatch(sentence(&error));
    match wasi {
        Wasi::Refused => engine.contract().instantiate_pre(component).map_err(mismatch),
        Wasi::Trapped => engine
            .contract_with_traps(component)
            .map_err(mismatch)?
            .instantiate_pre(component)
            .map_err(mismatch),
    }
}

/// Starts it once, checks its types, and asks it to describe itself, with no import to use.
async fn describe(
    engine: &Engine,
    pre: &InstancePre<CallState>,
    exports: &Exports,
    patience: Duration,
) -> Result<Manifest, LoadError> {
    let meter = Arc::default();
    // A manifest is read by people; 256 KiB are more than anybody reads.
    let limits = CallLimits { hostcall_bytes: 256 << 10, ..CallLimits::default() };
    let work = async {
        let _place = engine.calls().acquire().await;
        let mut sandbox = Sandbox::begin(pre, &limits, None, Arc::clone(&meter))
            .await
            .map_err(|error| LoadError::Undescribed(failure_of(&error, &meter)))?;
        exports.check(&mut sandbox).map_err(|error| LoadError::Mismatch(sentence(&error)))?;
        let described = exports.describe().call(&mut sandbox, ()).await;
        described.map_err(|error| LoadError::Undescribed(failure_of(&error, &meter)))
    };
    let described = tokio::time::timeout(patience, work)
        .await
        .map_err(|_| LoadError::Undescribed(too_slow_to_load(patience, &meter)))??;
    let masks = Masks::new(Redactor::default(), About::Nobody);
    described.bounded(&masks).map_err(|unfit| LoadError::Mismatch(unfit.to_string()))
}

/// The whole chain of causes on one line.
fn sentence(error: &wasmtime::Error) -> String {
    error.chain().map(ToString::to_string).collect::<Vec<_>>().join(": ")
}
