//! A loaded component.
//! Tested in `tests/all/load`.

use std::{fmt, sync::Arc};

use wasmtime::component::InstancePre;

use super::{exports::Exports, parts::ComponentParts};
use crate::{egress::Declaration, sandbox::state::CallState};
use host_model::{
    contract::{ContractVersion, Interface, manifest::Manifest},
    digest::Digest,
};
use host_trust::{Refusal, Signed};

/// A loaded component. Lives until the last call that began with it has ended.
pub struct Plugin {
    pub(super) pre: InstancePre<CallState>,
    pub(super) contract: ContractVersion,
    pub(super) exports: Exports,
    pub(super) offered: Vec<Interface>,
    pub(super) imports: Vec<String>,
    pub(super) ignored: Vec<String>,
    pub(super) parts: ComponentParts,
    pub(super) digest: Digest,
    pub(super) size: usize,
    pub(super) declaration: Arc<Declaration>,
    pub(super) signed: Option<Signed>,
}

impl Plugin {
    /// Returns the digest that identifies it.
    pub fn digest(&self) -> Digest {
        self.digest
    }

    /// Returns the size of its component in bytes.
    pub fn size(&self) -> usize {
        self.size
    }

    /// Returns the contract version that it was built against.
    pub fn contract(&self) -> ContractVersion {
        self.contract
    }

    /// Returns its manifest.
    pub fn manifest(&self) -> &Manifest {
        self.declaration.manifest()
    }

    /// Returns the full names of the interfaces that it imports: its permission list.
    pub fn imports(&self) -> &[String] {
        &self.imports
    }

    /// Returns the capabilities that it offers.
    pub fn exports(&self) -> &[Interface] {
        &self.offered
    }

    /// Returns the names of its exports that the contract does not have. Nothing calls them.
    pub fn ignored_exports(&self) -> &[String] {
        &self.ignored
    }

    /// Returns the parts that it consists of in each call.
    pub fn parts(&self) -> &ComponentParts {
        &self.parts
    }

    /// Returns its signature, which was verified when it arrived; `None` if its plugin needs none.
    pub fn signed(&self) -> Option<&Signed> {
        self.signed.as_ref()
    }

    /// Adds the signature that was verified as its component arrived. Fails if the component is not what was signed.
    pub fn signed_as(self, signed: Option<Signed>) -> Result<Self, Refusal> {
        if let Some(signed) = &signed {
            signed.check_loaded(self.contract, self.manifest().digest())?;
        }
        Ok(self.with_signature(signed))
    }

    /// Same for a version that served before.
    pub(super) fn with_signature(self, signed: Option<Signed>) -> Self {
        Self { signed, ..self }
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
