//! The errors of loading a component, with messages for the operator.
//! Tested in `tests/all/load`.

use super::{
    interfaces::{IMPORTS, InterfaceUse},
    parts::ComponentPart,
};
use crate::{
    compile::{CompileLimit, UnusableCompiler},
    egress::ManifestError,
};
use host_model::{contract::ContractVersion, failure::CallFailure, text};
use host_trust::Refusal;

/// Why a component could not be loaded as a plugin.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// The component is not trusted for the plugin's name.
    #[error("the component {0}")]
    NotTrusted(#[from] Refusal),
    /// The component is too large.
    #[error("the component has {found} bytes, more than the {allowed} that the plugin's max-bytes allows")]
    TooLarge {
        /// Its size.
        found: usize,
        /// The maximum size.
        allowed: usize,
    },
    /// The bytes are not WebAssembly.
    #[error(
        "not a component that this host can run: it is not WebAssembly, since it begins with \"{begins}\""
    )]
    NotWasm {
        /// Its first bytes, escaped.
        begins: String,
    },
    /// The file is incomplete.
    #[error(
        "not a component that this host can run: it is cut off after {found} of at least {expected} bytes; copy or build \
         it again"
    )]
    CutOff {
        /// Its size.
        found: usize,
        /// Where the last section that it begins ends.
        expected: usize,
    },
    /// The bytes are a core module.
    #[error(
        "not a component that this host can run: it is a core module; make a component of it with \
         `wasm-tools component new core.wasm -o connector.wasm` or `npx jco new core.wasm -o connector.wasm`"
    )]
    CoreModule,
    /// The bytes are in a version of the binary format that the host cannot read.
    #[error(
        "not a component that this host can run: its version of the binary format, \"{version}\", is unknown; expected \
         \"\\r\\x00\\x01\\x00\", a component: build it with a current toolchain"
    )]
    UnknownFormat {
        /// The version and the layer, escaped.
        version: String,
    },
    /// The bytes are malformed, or use a disabled proposal.
    #[error("not a component that this host can run: {}", plain(.0))]
    NotAComponent(String),
    /// There are more of a part than the limits allow.
    #[error(
        "not a component that this host can run: it has {found} {part}, more than the {allowed} that {key} allows; raise \
         the limit if you trust the plugin",
        key = .part.key()
    )]
    TooMany {
        /// The part.
        part: ComponentPart,
        /// How many there are.
        found: u64,
        /// How many there may be.
        allowed: u64,
    },
    /// The compiled component has more core instances than the limit allows, although what it declares has not: the
    /// compiler adds adapters between its parts.
    #[error(
        "not a component that this host can run: {}; raise {} if you trust the plugin",
        plain(.cause),
        ComponentPart::CoreInstances.key()
    )]
    TooManyAdapters {
        /// The compiler's reason.
        cause: String,
    },
    /// What wasmtime keeps for the instances of all nested components does not fit the pool.
    #[error(
        "not a component that this host can run: the instances of its components take more space than a call has: {}",
        plain(.cause)
    )]
    InstanceTooLarge {
        /// The pool's reason.
        cause: String,
    },
    /// A core module has several memories.
    #[error(
        "not a component that this host can run: one of its core modules uses {found} memories; a module may have one, \
         and a component may be composed of several modules with one each"
    )]
    MemoriesInModule {
        /// How many it imports and defines.
        found: u64,
    },
    /// A component instantiates a component that another one passes to it.
    #[error(
        "not a component that this host can run: one of its components instantiates a component that is passed to it; \
         expected only components that are defined in the file"
    )]
    PassedComponent,
    /// Components, or their types, are nested too deep.
    #[error(
        "not a component that this host can run: its components or types are nested more than {allowed} levels deep"
    )]
    NestedTooDeep {
        /// The maximum number of levels.
        allowed: usize,
    },
    /// The nested components expand to too many definitions.
    #[error(
        "not a component that this host can run: its nested components expand to more than {allowed} definitions"
    )]
    ExpandsTooFar {
        /// The maximum number of definitions.
        allowed: u64,
    },
    /// An import is not in the contract.
    #[error(
        "imports {}, which is not in the contract: a connector may import {} of privacy:saas-connector and \
         nothing else{}",
        quoted(.import),
        IMPORTS.join(", "),
        if *.wasi { "; if its toolchain cannot leave WASI out, set wasi = \"trapped\" for this plugin" } else { "" }
    )]
    ForeignImport {
        /// Its full name.
        import: String,
        /// Whether `wasi = "trapped"` would allow it.
        wasi: bool,
    },
    /// The host does not serve the contract version.
    #[error("{way} {}; this host serves {}", quoted(.name), ContractVersion::served())]
    UnservedVersion {
        /// How the component uses the interface.
        way: InterfaceUse,
        /// The full name.
        name: String,
    },
    /// The interfaces belong to more than one contract version.
    #[error("mixes versions of the contract: {} and {}; build it against one of them", quoted(.0), quoted(.1))]
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
    /// Compiling reached a limit.
    #[error("{0}; raise the limit if you trust the plugin")]
    CompileLimit(CompileLimit),
    /// The system killed the compiling process.
    #[error(
        "the compiling process was killed, probably because the machine has too little memory: give it more, or lower \
         compile.memory-bytes"
    )]
    CompilerKilled,
    /// The compiling program does not work.
    #[error(transparent)]
    UnusableCompiler(UnusableCompiler),
    /// The compiler panicked or crashed, which is a defect of the compiler and not of the component.
    #[error(
        "the compiler failed on it, which is a defect of this host: the log has the place; report it, and build the \
         component with another version of its toolchain"
    )]
    CompilerFailed,
    /// Compiling was stopped.
    #[error("compiling was interrupted because the host is stopping")]
    Interrupted,
}

/// Maximum number of broken rules that are reported at once; the others are reported once these are fixed.
const MAX_REPORTED_ERRORS: usize = 50;

/// Escapes and truncates a message: it contains text from the manifest, which must not affect a terminal.
fn plain(sentence: &str) -> String {
    let start: String = sentence.chars().take(500).collect();
    text::escaped(&start).into_owned()
}

/// Quotes and truncates a name, which nothing has validated yet.
fn quoted(name: &str) -> String {
    format!("{:?}", name.chars().take(200).collect::<String>())
}

fn bulleted(errors: &[ManifestError]) -> String {
    errors
        .iter()
        .take(MAX_REPORTED_ERRORS)
        .flat_map(|error| ["\n  - ".to_owned(), plain(&error.to_string())])
        .collect()
}
