//! From bytes to a plugin: size, imports, exports, link, describe, manifest. Each refusal says what to change.

use std::{sync::Arc, time::Duration};

use sha2::{Digest as _, Sha256};
use wasmtime::{
    component::{Component, InstancePre},
    error::Context as _,
};

use super::{Digest, Exports, Plugin};
use crate::{
    bindings::{self, Bounded, exports},
    connection::CallLimits,
    contract::{Interface, manifest::Manifest},
    egress::{Declaration, ManifestError, Redactor},
    engine::Engine,
    sandbox::{About, CallFailure, CallState, Masks, Sandbox},
};

/// The contract's interfaces that a connector may import, at the version that this host serves.
const IMPORTS: [&str; 4] = [
    "privacy:saas-connector/types@0.1.0",
    "privacy:saas-connector/http@0.1.0",
    "privacy:saas-connector/credentials@0.1.0",
    "privacy:saas-connector/log@0.1.0",
];

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
        "imports {import}, which is not in the contract: a connector may import {} and nothing else{}",
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
    #[error("exports {0}, which is not in the contract (version 0.1.0)")]
    ForeignExport(String),
    /// Not even a base connector.
    #[error("does not export privacy:saas-connector/connector@0.1.0, so it is no connector of this contract")]
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
        let imports = audited_imports(engine, &component, policy.wasi)?;
        let offered = audited_exports(engine, &component)?;
        let pre = link(engine, &component, policy.wasi)?;
        let exports = Exports::of(&pre, &offered)?;
        let manifest = describe(engine, &pre, &exports, policy.describe).await?;
        let declaration = Arc::new(Declaration::check(manifest).map_err(LoadError::Manifest)?);
        component
            .initialize_copy_on_write_image()
            .map_err(|error| LoadError::NotAComponent(sentence(&error)))?;
        Ok(Self { pre, exports, offered, imports, digest, declaration })
    }
}

fn audited_imports(engine: &Engine, component: &Component, wasi: Wasi) -> Result<Vec<String>, LoadError> {
    let mut imports = Vec::new();
    for (import, _) in component.component_type().imports(engine.wasmtime()) {
        let is_wasi = import.starts_with("wasi:");
        if !(IMPORTS.contains(&import) || is_wasi && wasi == Wasi::Trapped) {
            return Err(LoadError::ForeignImport { import: import.to_owned(), wasi: is_wasi });
        }
        imports.push(import.to_owned());
    }
    Ok(imports)
}

fn audited_exports(engine: &Engine, component: &Component) -> Result<Vec<Interface>, LoadError> {
    let mut offered = Vec::new();
    for (export, _) in component.component_type().exports(engine.wasmtime()) {
        let interface = export
            .strip_prefix(bindings::PACKAGE)
            .and_then(|name| name.strip_suffix("@0.1.0"))
            .and_then(Interface::from_name)
            .ok_or_else(|| LoadError::ForeignExport(export.to_owned()))?;
        offered.push(interface);
    }
    offered.sort_unstable();
    if offered.first() != Some(&Interface::Connector) {
        return Err(LoadError::NoConnector);
    }
    Ok(offered)
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

macro_rules! exports {
    ($($field:ident: $interface:ident,)*) => {
        impl Exports {
            fn of(pre: &InstancePre<CallState>, offered: &[Interface]) -> Result<Self, LoadError> {
                let has = |interface| offered.contains(&interface);
                let mismatch = |error: wasmtime::Error| LoadError::Mismatch(sentence(&error));
                Ok(Self {
                    $($field: has(Interface::$interface)
                        .then(|| exports::$field::GuestIndices::new(pre))
                        .transpose()
                        .map_err(mismatch)?,)*
                })
            }

            /// Type-checks every export against the contract.
            fn check_types(&self, sandbox: &mut Sandbox) -> wasmtime::Result<()> {
                let (store, instance) = (&mut sandbox.store, &sandbox.instance);
                $(if let Some(guest) = &self.$field {
                    guest.load(&mut *store, instance).context(format!("its export {}", Interface::$interface))?;
                })*
                Ok(())
            }
        }
    };
}

exports! {
    connector: Connector,
    erasure: Erasure,
    consent: Consent,
    webhook_verify: WebhookVerify,
    webhook_token: WebhookToken,
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
        let mut sandbox = Sandbox::begin(engine, pre, &limits, None, Arc::clone(&meter))
            .await
            .map_err(|error| LoadError::Undescribed(CallFailure::of(&error, &meter)))?;
        exports.check_types(&mut sandbox).map_err(|error| LoadError::Mismatch(sentence(&error)))?;
        let Some(connector) = &exports.connector else { return Err(LoadError::NoConnector) };
        let told = async {
            let guest = connector.load(&mut sandbox.store, &sandbox.instance)?;
            guest.call_describe(&mut sandbox.store).await
        };
        told.await.map_err(|error| LoadError::Undescribed(CallFailure::of(&error, &meter)))
    };
    let told = tokio::time::timeout(patience, work)
        .await
        .map_err(|_| LoadError::Undescribed(CallFailure::too_slow_to_load(patience, &meter)))??;
    let masks = Masks::new(Redactor::default(), About::Nobody);
    told.bounded(&masks).map_err(|unfit| LoadError::Mismatch(unfit.to_string()))
}

/// The whole chain of causes on one line.
fn sentence(error: &wasmtime::Error) -> String {
    error.chain().map(ToString::to_string).collect::<Vec<_>>().join(": ")
}
