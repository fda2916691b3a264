//! The errors of loading a component, with messages for the operator.
//! Tested in `tests/all/load`.

use strum::VariantNames;

use super::interfaces::{IMPORTS, InterfaceUse};
use crate::egress::ManifestError;
use host_model::{
    contract::{ContractVersion, Interface},
    failure::CallFailure,
    text,
};

/// Why a component could not be loaded as a plugin.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// The component is too large.
    #[error("the component has {found} bytes, more than the {allowed} that the plugin's max-bytes allows")]
    TooLarge {
        /// Its size.
        found: usize,
        /// The maximum size.
        allowed: usize,
    },
    /// The bytes are not wasm, are a core module, or use a disabled proposal.
    #[error("not a component that this host can run: {0}")]
    NotAComponent(String),
    /// An import is not in the contract.
    #[error(
        "imports {import}, which is not in the contract: a connector may import {} of privacy:saas-connector and nothing \
         else{}",
        IMPORTS.join(", "),
        if *.wasi { "; if its toolchain cannot leave WASI out, set wasi = \"trapped\" for this plugin" } else { "" }
    )]
    ForeignImport {
        /// Its full name.
        import: String,
        /// Whether `wasi = "trapped"` would allow it.
        wasi: bool,
    },
    /// An export is not in the contract.
    #[error(
        "exports {export}, which is not in the contract: a connector may export {} of privacy:saas-connector and nothing else",
        Interface::VARIANTS.join(", ")
    )]
    ForeignExport {
        /// Its full name.
        export: String,
    },
    /// The host does not serve the contract version.
    #[error("{way} {name}; this host serves {}", ContractVersion::served())]
    UnservedVersion {
        /// How the component uses the interface.
        way: InterfaceUse,
        /// The full name.
        name: String,
    },
    /// The interfaces belong to more than one contract version.
    #[error("mixes versions of the contract: {0} and {1}; build it against one of them")]
    MixedVersions(String, String),
    /// The component does not export the base interface of a connector.
    #[error(
        "exports no privacy:saas-connector/connector, so it is not a connector; this host serves {}",
        ContractVersion::served()
    )]
    NoConnector,
    /// A type or function differs from the contract's.
    #[error("does not fit the contract: {0}")]
    Mismatch(String),
    /// The component failed during its start or in `describe`.
    #[error("could not describe itself: {0}")]
    Undescribed(CallFailure),
    /// The manifest breaks rules.
    #[error("its manifest breaks {} of the contract's rules:{}", .0.len(), bulleted(.0))]
    Manifest(Vec<ManifestError>),
    /// The compiling thread was stopped.
    #[error("compiling was interrupted")]
    Interrupted,
}

/// Maximum number of broken rules that are reported at once; the others are reported once these are fixed.
const MAX_REPORTED_ERRORS: usize = 50;

/// Escapes and truncates a message: it contains text from the manifest, which must not affect a terminal.
fn plain(sentence: &str) -> String {
    let start: String = sentence.chars().take(500).collect();
    text::escaped(&start).into_owned()
}

fn bulleted(errors: &[ManifestError]) -> String {
    errors
        .iter()
        .take(MAX_REPORTED_ERRORS)
        .flat_map(|error| ["\n  - ".to_owned(), plain(&error.to_string())])
        .collect()
}
