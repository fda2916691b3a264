//! The engine that compiled code is for.

use wasmtime::{Engine, component::Component};

use super::{code::CompiledCode, compatibility::Compatibility, error::sentence};
use crate::engine::settings::BacktraceDetail;

/// The engine that compiled code is for. Clones are the same engine.
#[derive(Clone)]
pub(crate) struct CompileTarget {
    engine: Engine,
    pub(super) detail: BacktraceDetail,
    pub(super) compatibility: Compatibility,
}

impl CompileTarget {
    /// Creates the target for `engine`, which was configured with `detail`.
    pub(crate) fn new(engine: Engine, detail: BacktraceDetail) -> Self {
        let compatibility = Compatibility::of(&engine);
        Self { engine, detail, compatibility }
    }

    /// Compiles a component in this process. Returns the compiler's sentence if it refuses the component.
    pub(super) fn compile(&self, component: &[u8]) -> Result<CompiledCode, String> {
        CompiledCode::compile(&self.engine, component).map_err(|error| sentence(&error))
    }

    /// Loads compiled code. Returns wasmtime's sentence if it does not fit the engine.
    pub(super) fn load(&self, code: &CompiledCode) -> Result<Component, String> {
        code.load(&self.engine).map_err(|error| sentence(&error))
    }
}
