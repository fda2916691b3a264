//! Why a component is not a plugin: a sentence for each, for the operator who was handed it.

use strum::VariantNames;

use super::interfaces::{IMPORTS, Way};
use crate::egress::ManifestError;
use host_model::{
    contract::{ContractVersion, Interface},
    failure::CallFailure,
};

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
        Interface::VARIANTS.join(", ")
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
