//! A plugin: a component that was compiled, audited, linked and asked to describe itself.

mod changes;
mod exports;
mod load;
mod permissions;
mod slot;
mod surface;
mod watch;

pub use changes::{Changes, Demand};
pub(crate) use exports::Exports;
pub use host_model::digest::Digest;
pub use load::{LoadError, LoadPolicy, Wasi};
pub use permissions::Permissions;
pub use slot::{Generation, Slot, SwapError};
pub use surface::Way;
pub use watch::{WatchError, Watched, watch};

use std::{fmt, sync::Arc};

use wasmtime::component::InstancePre;

use crate::{egress::Declaration, sandbox::state::CallState};
use host_model::contract::{ContractVersion, Interface, manifest::Manifest};

/// A loaded component. Lives until the last call that began with it has ended.
pub struct Plugin {
    pre: InstancePre<CallState>,
    contract: ContractVersion,
    exports: Exports,
    offered: Vec<Interface>,
    imports: Vec<String>,
    digest: Digest,
    declaration: Arc<Declaration>,
}

impl Plugin {
    /// Its identity.
    pub fn digest(&self) -> Digest {
        self.digest
    }

    /// The version of the contract that it was built against.
    pub fn contract(&self) -> ContractVersion {
        self.contract
    }

    /// What it declares of itself.
    pub fn manifest(&self) -> &Manifest {
        self.declaration.manifest()
    }

    /// The interfaces that it imports, by their full names: its permission list.
    pub fn imports(&self) -> &[String] {
        &self.imports
    }

    /// The capabilities that it offers.
    pub fn exports(&self) -> &[Interface] {
        &self.offered
    }

    pub(crate) fn declaration(&self) -> &Arc<Declaration> {
        &self.declaration
    }

    pub(crate) fn pre(&self) -> &InstancePre<CallState> {
        &self.pre
    }

    pub(crate) fn exports_of_calls(&self) -> &Exports {
        &self.exports
    }
}

impl fmt::Debug for Plugin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let manifest = self.manifest();
        write!(f, "Plugin({} {}, {})", manifest.name, manifest.version, self.digest)
    }
}
